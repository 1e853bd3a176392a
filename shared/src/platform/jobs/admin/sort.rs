//! The order of a list of jobs.

use serde::{Deserialize, Serialize};

use super::JobRow;
use crate::kernel::page::Mark;

/// The order of a list of jobs: what it goes by, `-` in front turns it round.
///
/// By age the whole ledger is in order. By the others the newest 10,000 jobs that match are: an index of what changes at
/// every run would cost each of them, and nobody reads further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Sort {
    /// The youngest first.
    #[default]
    #[serde(rename = "age")]
    Age,
    /// The oldest first.
    #[serde(rename = "-age")]
    Oldest,
    /// The shortest last run first; jobs that have not ended come last.
    #[serde(rename = "duration")]
    Duration,
    /// The longest last run first; jobs that have not ended come last.
    #[serde(rename = "-duration")]
    Longest,
    /// The fewest attempts first.
    #[serde(rename = "attempts")]
    Attempts,
    /// The most attempts first.
    #[serde(rename = "-attempts")]
    Most,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Age, Self::Oldest, Self::Duration, Self::Longest, Self::Attempts, Self::Most];

    /// As addresses and the command line have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Oldest => "-age",
            Self::Duration => "duration",
            Self::Longest => "-duration",
            Self::Attempts => "attempts",
            Self::Most => "-attempts",
        }
    }

    /// Whether the greatest comes first.
    pub const fn descends(self) -> bool {
        matches!(self, Self::Oldest | Self::Longest | Self::Most)
    }

    /// Whether only the newest jobs that match are put in this order.
    pub const fn is_bounded(self) -> bool {
        self.value().is_some()
    }

    /// The other way round.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::Age => Self::Oldest,
            Self::Oldest => Self::Age,
            Self::Duration => Self::Longest,
            Self::Longest => Self::Duration,
            Self::Attempts => Self::Most,
            Self::Most => Self::Attempts,
        }
    }

    /// What rows are ordered by, in SQL; none: their ids. Without a duration a row comes last, either way.
    pub(super) const fn value(self) -> Option<&'static str> {
        match self {
            Self::Age | Self::Oldest => None,
            Self::Duration => {
                Some("coalesce((extract(epoch from finished_at - started_at) * 1000000)::bigint, 9223372036854775807)")
            }
            Self::Longest => Some("coalesce((extract(epoch from finished_at - started_at) * 1000000)::bigint, -1)"),
            Self::Attempts | Self::Most => Some("attempt::bigint"),
        }
    }

    /// The same of a row, for the cursor.
    pub(super) fn of(self, row: &JobRow) -> Option<Mark> {
        let took = || (row.finished_at? - row.started_at?).num_microseconds();
        let value = match self {
            Self::Age => return None,
            Self::Oldest => 0,
            Self::Duration => took().unwrap_or(i64::MAX),
            Self::Longest => took().unwrap_or(-1),
            Self::Attempts | Self::Most => row.attempt.into(),
        };
        Some(Mark { order: self as u8, value })
    }

    /// Whether a cursor with this mark is of a list in this order.
    pub(super) fn made(self, mark: Option<Mark>) -> bool {
        mark.map_or(Self::Age as u8, |mark| mark.order) == self as u8
    }
}
