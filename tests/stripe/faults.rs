//! Calls that are to fail, in Stripe's ways and in the network's.

use serde::{Deserialize, Serialize};

use super::usage::template;

/// The next calls of a path fail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `POST`; every method when absent.
    pub method: Option<String>,
    /// `/v1/refunds`, `/v1/refunds/{id}`, or `*`.
    pub path: String,
    /// How many calls.
    #[serde(default = "once")]
    pub times: u32,
    /// In which way.
    pub how: How,
    /// Is the work done all the same? An answer is lost after it when this is not said, and everything else fails before.
    pub done: Option<bool>,
    /// For 429: seconds.
    #[serde(default = "once")]
    pub retry_after: u32,
    /// For `hang` and `slow`.
    #[serde(default = "minute")]
    pub ms: u64,
}

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// 429 with Retry-After.
    Limit,
    /// 500, kept for the idempotency key.
    Error,
    /// An HTML page with 502.
    Gateway,
    /// The connection is closed instead of an answer.
    Lost,
    /// Silence, then the connection is closed.
    Hang,
    /// A right answer, late.
    Slow,
}

/// Those to come.
#[derive(Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The one for this call, if any; used up by it.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let path = template(path);
        let fits = |fault: &&mut Fault| {
            fault.times > 0
                && (fault.path == "*" || fault.path == path)
                && fault.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(method))
        };
        let fault = self.0.iter_mut().find(fits)?;
        fault.times -= 1;
        let taken = fault.clone();
        self.0.retain(|fault| fault.times > 0);
        Some(taken)
    }
}

fn once() -> u32 {
    1
}

fn minute() -> u64 {
    60_000
}
