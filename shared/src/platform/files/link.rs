//! Addresses that let whoever has them read one file for a while, without an account.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::FileId;
use crate::kernel::secret;
use crate::kernel::words;
use crate::platform::Platform;

words! {
    /// What a browser does with a file.
    Disposition {
        /// Shows it, where that is safe.
        Inline = "inline",
        /// Saves it.
        Attachment = "attachment",
    }
}

/// The key is derived from the house's secret under this label, so that no other signature of ours is one of these.
const LABEL: &[u8] = b"facteur: addresses of files, 1";

/// The address of an export works for no longer: lists and personal data are in it.
const BRIEF: Duration = Duration::from_mins(15);

/// What an address carries. Anything but what we signed leads nowhere.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Signed {
    /// Until when it works, in seconds of Unix time.
    pub expires: String,
    /// `attachment` or `inline`.
    pub disposition: String,
    /// HMAC-SHA-256 of the file's id and the two before, hexadecimal.
    pub signature: String,
}

/// An address that works for as long as `FILE_URL_TTL` says.
pub fn signed_url(platform: &Platform, file: FileId, disposition: Disposition) -> String {
    signed_url_for(platform, file, disposition, platform.config.files.url_ttl)
}

/// The same with a term of its own, in whole seconds.
pub fn signed_url_for(platform: &Platform, file: FileId, disposition: Disposition, ttl: Duration) -> String {
    let base = &platform.config.http.public_url;
    format!("{base}/api/v1/files/{file}/content?{}", query(platform, file, disposition, ttl))
}

/// The query alone, for an address of another resource that leads to the same file: an export, so it is never long-lived.
pub fn signed_query(platform: &Platform, file: FileId, disposition: Disposition) -> String {
    query(platform, file, disposition, platform.config.files.url_ttl.min(BRIEF))
}

fn query(platform: &Platform, file: FileId, disposition: Disposition, ttl: Duration) -> String {
    let ends = platform.clock.now() + TimeDelta::seconds(ttl.as_secs() as i64);
    let (file, expires, disposition) = (file.to_string(), ends.timestamp().to_string(), disposition.name());
    let signature = sign(platform, &file, &expires, disposition);
    format!("expires={expires}&disposition={disposition}&signature={signature}")
}

/// The file that an address leads to and what to do with it; none when a byte of it is not ours or its time is over.
///
/// `file` is the id as it stands in the address: another spelling of the same id was not signed.
pub fn admits(platform: &Platform, file: &str, signed: &Signed) -> Option<(FileId, Disposition)> {
    let Signed { expires, disposition, signature } = signed;
    if !secret::same(&sign(platform, file, expires, disposition), signature) {
        return None;
    }
    let ends: i64 = expires.parse().ok()?;
    let disposition =
        [Disposition::Inline, Disposition::Attachment].into_iter().find(|known| known.name() == disposition)?;
    (platform.clock.now().timestamp() < ends).then_some((file.parse().ok()?, disposition))
}

fn sign(platform: &Platform, file: &str, expires: &str, disposition: &str) -> String {
    let key = secret::keyed(platform.config.auth.jwt_secret.expose_secret().as_bytes(), LABEL);
    secret::sign(&key, &format!("{file}\n{expires}\n{disposition}"))
}
