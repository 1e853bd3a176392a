//! Which jobs: the filter that lists, bulk actions, the command line and the dashboard share.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

use crate::kernel::Error;
use crate::kernel::Result;

/// Every state, in the order a job passes them.
pub const STATES: [&str; 8] =
    ["scheduled", "blocked", "queued", "running", "retrying", "succeeded", "dead", "cancelled"];

/// So far back may a filter ask, in seconds: a century. More is a mistake, and too much for an interval.
const CENTURY: i64 = 3_155_760_000;

/// Which jobs. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct JobFilter {
    /// One of the states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The kind, `noun.verb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// At least this many attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Enqueued at least so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub older: Option<i64>,
    /// Enqueued at most so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub younger: Option<i64>,
    /// The id of the row the job is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// The fingerprint of the failure that a retrying or dead job last had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The id of its batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Uuid>,
    /// Whose work it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The concurrency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Text in the key argument or the last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

impl JobFilter {
    /// 422 for a state that does not exist or an age out of reach; an empty field counts as absent.
    pub fn checked(mut self) -> Result<Self> {
        self.validate()?;
        let (words, names) = (
            [&mut self.state, &mut self.kind, &mut self.lane, &mut self.q],
            [&mut self.error, &mut self.tenant, &mut self.key],
        );
        for field in words.into_iter().chain(names) {
            if field.as_deref().is_some_and(|value| value.trim().is_empty()) {
                *field = None;
            }
        }
        match self.state.as_deref() {
            Some(state) if !STATES.contains(&state) => {
                Err(Error::field("state", "choice", format!("should be one of {}", STATES.join(", "))))
            }
            _ => Ok(self),
        }
    }
}
