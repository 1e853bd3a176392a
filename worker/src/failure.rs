//! How a job ends when it does not succeed. `?` is right by default: what trying again may mend is retried, what it
//! cannot mend is cancelled.

use std::time::Duration;

use shared::kernel::Error;
use shared::platform::stripe::StripeError;

/// What went wrong: a stable word and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// Groups failures; never contains ids or addresses.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Blame {
    /// A word and a sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// The verdict of a job that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Try again, as the kind's policy says.
    Retry(Blame),
    /// Try again after this long.
    RetryAfter(Duration, Blame),
    /// Not now, and no attempt is burned.
    Snooze(Duration),
    /// There is nothing to do any more.
    Cancel(Blame),
    /// Trying again cannot help: a person must look.
    Dead(Blame),
    /// The lease is another worker's: record nothing, start nothing.
    Lost,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(what) => Self::Cancel(Blame::new(format!("{what}_gone"), message)),
            Error::Invalid(_) => Self::Cancel(Blame::new("invalid", message)),
            Error::Conflict { code, .. } | Error::Gone { code, .. } => Self::Cancel(Blame::new(code, message)),
            // A limit of our own: whoever waits for a turn has not failed.
            Error::TooMany { retry_after } => Self::Snooze(retry_after.max(Duration::from_secs(1))),
            Error::Upstream { retry_after: Some(wait), .. } => Self::RetryAfter(wait, Blame::new("upstream", message)),
            Error::Upstream { .. } => Self::Retry(Blame::new("upstream", message)),
            Error::Unavailable { .. } => Self::Retry(Blame::new("unavailable", message)),
            Error::Off(code) => Self::Retry(Blame::new(code, message)),
            Error::Refused(_) => Self::Dead(Blame::new("upstream_refused", message)),
            Error::Unauthenticated(_) | Error::Forbidden(_) => Self::Dead(Blame::new("forbidden", message)),
            Error::Storage(_) => Self::Retry(Blame::new("storage", message)),
            Error::Database(_) => Self::Retry(Blame::new("database", message)),
            Error::Internal(_) => Self::Retry(Blame::new("internal", message)),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<StripeError> for Failure {
    fn from(error: StripeError) -> Self {
        Error::from(error).into()
    }
}
