//! Bulk operations: one action on many jobs, in four steps. *Scope*: the jobs that match now are written down, and only
//! they are meant ([`freeze`]). *Preview*: counts, samples, what is refused and why ([`get`], [`items`]). *Pace* and
//! *reason*: [`start`]. A job of its own then works them off ([`step`]); it may be paused, ended and, for half an hour,
//! undone ([`undo`]).

mod acts;
mod freeze;
mod read;
mod restore;
mod run;
mod undo;

pub use freeze::{NewBulk, freeze};
pub use read::{BulkView, Item, Tally, discarded, get, items, list, of_job, tallies};
pub use run::{Pace, Rights, Step, end, pause, resume, start, step};
pub use undo::undo;

use serde::{Deserialize, Serialize};

/// Beyond this many jobs a reason is needed.
pub const FREELY: i64 = 100;
/// Beyond this many jobs a right of its own is needed.
pub const LARGE: i64 = 10_000;
/// The most jobs of one operation.
pub const MOST: i64 = 200_000;
/// So long after its end an operation may be undone, in minutes.
pub const UNDO_MINUTES: i64 = 30;

/// What is done with each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Action {
    /// Back to its queue, with fresh attempts when it had ended.
    Retry,
    /// What waits for its time runs now; attempts stay.
    Run,
    /// Ends it: at once when it waits, at its next step when it runs.
    Cancel,
    /// Deletes it and its attempts for good.
    Discard,
    /// To the dead letters.
    Kill,
    /// Another priority.
    Priority,
    /// Another queue.
    Queue,
    /// Another payload, by a JSON patch.
    Edit,
}

impl Action {
    /// All of them, in the order menus show.
    pub const ALL: [Self; 8] =
        [Self::Retry, Self::Run, Self::Cancel, Self::Kill, Self::Priority, Self::Queue, Self::Edit, Self::Discard];

    /// Its name in rows and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Run => "run",
            Self::Cancel => "cancel",
            Self::Discard => "discard",
            Self::Kill => "kill",
            Self::Priority => "priority",
            Self::Queue => "queue",
            Self::Edit => "edit",
        }
    }

    /// States from which it is possible.
    pub const fn from(self) -> &'static [&'static str] {
        match self {
            Self::Retry => &["dead", "cancelled", "retrying", "scheduled"],
            Self::Run => &["scheduled", "retrying"],
            Self::Cancel => &["scheduled", "blocked", "queued", "retrying", "running"],
            Self::Discard => &["dead", "cancelled"],
            Self::Kill | Self::Priority | Self::Queue => &["scheduled", "blocked", "queued", "retrying"],
            Self::Edit => &["scheduled", "blocked", "queued", "retrying", "dead", "cancelled"],
        }
    }

    /// Whether something is lost by it that nobody can bring back.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Discard)
    }

    /// Whether it takes work away: without a filter the word must be typed.
    pub const fn is_destructive(self) -> bool {
        matches!(self, Self::Discard | Self::Cancel | Self::Kill)
    }
}

/// What an action needs besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// `priority`: the new one, -100 to 100; lower runs sooner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i16>,
    /// `queue`: the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// `edit`: RFC 6902, `[{"op": "replace", "path": "/n", "value": 3}]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Vec<crate::platform::jobs::patch::Op>>,
}
