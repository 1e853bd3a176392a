//! Why a call failed, in words that may be logged: Stripe's own sentences name people, cards and keys, so no sentence
//! of theirs is kept, only their stable words.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::kernel::Error;

/// The code of a call that our own limit held back.
const LIMITED: &str = "our_rate_limit";

/// What the failure means for whoever wants to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may work later: the network, 409, 429, 5xx, a key that was turned off.
    Transient,
    /// It was understood and refused; trying again cannot help.
    Permanent,
    /// Done or not done, we cannot tell. Only the same call with the same key may be sent again.
    Unreadable,
}

/// A call that failed.
#[derive(Debug)]
pub enum StripeError {
    /// Stripe answered, or did not.
    Stripe(Box<Told>),
    /// Our own store failed, before the call or after it.
    House(Error),
}

/// What we were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it means.
    pub class: Class,
    /// The call, `POST /refunds`.
    pub endpoint: &'static str,
    /// The HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// Stripe's name of the answer: it can be looked up in their dashboard.
    pub request_id: Option<String>,
    /// Stripe's `type`, `card_error`.
    pub kind: Option<String>,
    /// Stripe's `code`, or ours when nothing could be read: `timeout`, `connect`, `broken_off`, `unreadable`.
    pub code: Option<String>,
    /// Why a bank declined, `insufficient_funds`.
    pub decline_code: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// How long Stripe asked us to wait.
    pub retry_after: Option<Duration>,
    /// What Stripe advises about sending it again.
    pub should_retry: Option<bool>,
}

/// The headers of an answer that we use.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub status: u16,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    pub should_retry: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Body {
    error: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Words {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
}

impl Told {
    fn new(endpoint: &'static str, class: Class, code: &str) -> Self {
        Self {
            class,
            endpoint,
            status: None,
            request_id: None,
            kind: None,
            code: Some(code.to_owned()),
            decline_code: None,
            param: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// No answer. It may have been done all the same.
    pub(super) fn silence(endpoint: &'static str, code: &'static str) -> Self {
        Self::new(endpoint, Class::Transient, code)
    }

    /// Refused by ourselves before anything was sent.
    pub(super) fn unsent(endpoint: &'static str, code: &'static str) -> Self {
        Self::new(endpoint, Class::Permanent, code)
    }

    /// Our own limit on calls; nothing was sent.
    pub(super) fn limited(endpoint: &'static str, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::new(endpoint, Class::Transient, LIMITED) }
    }

    /// Whether it was our own limit.
    fn is_limited(&self) -> bool {
        self.status.is_none() && self.code.as_deref() == Some(LIMITED)
    }

    /// A success that says something else than what we asked for.
    pub(super) fn unreadable(endpoint: &'static str, head: Head) -> Self {
        Self {
            status: Some(head.status),
            request_id: head.request_id,
            ..Self::new(endpoint, Class::Unreadable, "unreadable")
        }
    }

    /// An answer that is no success.
    pub(super) fn answer(endpoint: &'static str, head: Head, body: &[u8]) -> Self {
        let told = serde_json::from_slice::<Body>(body).ok().map(|body| body.error);
        let class = class(head.status, told.is_some());
        let words = told.unwrap_or(Words { code: Some("unreadable".into()), ..Words::default() });
        Self {
            class,
            endpoint,
            status: Some(head.status),
            request_id: head.request_id,
            kind: words.kind.and_then(word),
            code: words.code.and_then(word),
            decline_code: words.decline_code.and_then(word),
            param: words.param.and_then(word),
            retry_after: head.retry_after,
            should_retry: head.should_retry,
        }
    }

    /// Whether the same call may be sent again at once, with the same key. A success is never asked for twice: Stripe
    /// would repeat the answer that we could not read.
    pub(super) fn again(&self) -> bool {
        let passing = match self.status {
            None => self.class == Class::Transient,
            Some(status) => matches!(status, 409 | 424 | 429 | 500..),
        };
        passing && !self.is_limited() && self.should_retry != Some(false)
    }

    /// Whether there is no such object, or none any more.
    pub fn is_missing(&self) -> bool {
        self.status == Some(404) && self.class == Class::Permanent
    }

    /// Whether there is an object with the id we chose already.
    pub fn is_taken(&self) -> bool {
        self.class == Class::Permanent && self.code.as_deref() == Some("resource_already_exists")
    }
}

/// `read`: the body was Stripe's, not that of a proxy on the way.
fn class(status: u16, read: bool) -> Class {
    match status {
        // 401, 403: a wrong or revoked key, a right the key lacks. People mend that, and the same call then works.
        401 | 403 | 409 | 424 | 429 | 500.. if read => Class::Transient,
        400..500 if read => Class::Permanent,
        _ => Class::Unreadable,
    }
}

/// A stable word of Stripe's (`resource_missing`, `line_items[0][price]`), or nothing: what else came may be anybody's.
pub(super) fn word(text: String) -> Option<String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'[' | b']'));
    fits.then_some(text)
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stripe, {}:", self.endpoint)?;
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => write!(f, " no answer")?,
        }
        for text in [&self.kind, &self.code, &self.decline_code].into_iter().flatten() {
            write!(f, " {text}")?;
        }
        self.param.iter().try_for_each(|param| write!(f, " at {param}"))?;
        self.request_id.iter().try_for_each(|id| write!(f, " ({id})"))
    }
}

impl fmt::Display for StripeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stripe(told) => told.fmt(f),
            Self::House(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StripeError {}

impl StripeError {
    /// What it means for another try.
    pub fn class(&self) -> Class {
        match self {
            Self::Stripe(told) => told.class,
            Self::House(_) => Class::Transient,
        }
    }

    /// Whether the object that this parameter names is not, or no longer, at Stripe.
    pub fn misses(&self, param: &str) -> bool {
        let says =
            |told: &Told| told.code.as_deref() == Some("resource_missing") && told.param.as_deref() == Some(param);
        self.told().is_some_and(says)
    }

    /// What Stripe told us, if it was Stripe.
    pub fn told(&self) -> Option<&Told> {
        match self {
            Self::Stripe(told) => Some(told),
            Self::House(_) => None,
        }
    }
}

impl From<Told> for StripeError {
    fn from(told: Told) -> Self {
        Self::Stripe(Box::new(told))
    }
}

impl From<Box<Told>> for StripeError {
    fn from(told: Box<Told>) -> Self {
        Self::Stripe(told)
    }
}

impl From<Error> for StripeError {
    fn from(error: Error) -> Self {
        Self::House(error)
    }
}

impl From<sqlx::Error> for StripeError {
    fn from(error: sqlx::Error) -> Self {
        Self::House(error.into())
    }
}

/// `?` in a handler and in a job: what may pass is tried again, what cannot is refused.
impl From<StripeError> for Error {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::House(error) => error,
            StripeError::Stripe(told) if told.is_limited() => {
                Self::TooMany { retry_after: told.retry_after.unwrap_or_default() }
            }
            StripeError::Stripe(told) => match told.class {
                Class::Permanent => Self::Refused(told.to_string()),
                Class::Transient | Class::Unreadable => {
                    Self::Upstream { message: told.to_string(), retry_after: told.retry_after }
                }
            },
        }
    }
}
