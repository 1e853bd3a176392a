//! Whether Stripe signed what was posted to us.
//!
//! `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>…]`, where a `v1` is the HMAC-SHA-256 of `<t>.<raw body>`. Several
//! `v1` are there while a secret is being replaced. Checked over the bytes as they came; nothing is parsed before.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::kernel::secret;

/// A signature may be so old, and so far ahead of our clock, in seconds.
const TOLERANCE: u64 = 300;

/// Why it was rejected, for the counter; whoever posted it hears none of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No header.
    Missing,
    /// Not one timestamp, or an item that is no `name=value`.
    Malformed,
    /// No `v1`: an older scheme is not enough.
    NoScheme,
    /// No secret of ours made any of the signatures.
    Forged,
    /// Signed too long ago.
    Stale,
    /// Signed too far ahead of our clock.
    Future,
}

impl Rejected {
    /// Stable word, a label of the counter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::NoScheme => "no_scheme",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Future => "future",
        }
    }
}

/// Checks the header against the raw body with each of the endpoint's secrets.
pub fn verify(header: Option<&str>, body: &[u8], secrets: &[SecretString], now: DateTime<Utc>) -> Result<(), Rejected> {
    let (time, signatures) = parse(header.ok_or(Rejected::Missing)?)?;
    let seconds: i64 = time.parse().map_err(|_| Rejected::Malformed)?;
    let mut genuine = false;
    // An empty key makes a signature that anybody can make: the configuration refuses it, and so do we.
    for key in secrets.iter().map(|secret| secret.expose_secret().as_bytes()).filter(|key| !key.is_empty()) {
        let expected = secret::keyed_parts(key, &[time.as_bytes(), b".", body]);
        for signature in &signatures {
            genuine |= secret::same_bytes(&expected, signature);
        }
    }
    if !genuine {
        return Err(Rejected::Forged);
    }
    match now.timestamp().abs_diff(seconds) {
        ..=TOLERANCE => Ok(()),
        _ if seconds > now.timestamp() => Err(Rejected::Future),
        _ => Err(Rejected::Stale),
    }
}

/// The timestamp as it was signed, and every `v1` that is hex. Unknown names are other schemes and are passed over.
fn parse(header: &str) -> Result<(&str, Vec<Vec<u8>>), Rejected> {
    let (mut time, mut found, mut signatures) = (None, false, Vec::new());
    for item in header.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match item.split_once('=').ok_or(Rejected::Malformed)? {
            ("t", value) if time.is_none() && value.bytes().all(|b| b.is_ascii_digit()) => time = Some(value),
            ("t", _) => return Err(Rejected::Malformed),
            ("v1", value) => {
                found = true;
                signatures.extend(hex::decode(value));
            }
            _ => {}
        }
    }
    let time = time.ok_or(Rejected::Malformed)?;
    if found { Ok((time, signatures)) } else { Err(Rejected::NoScheme) }
}
