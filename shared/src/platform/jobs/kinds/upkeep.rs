//! Kinds that keep the house's own records: the audit log and the figures.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::ids::UserId;
use crate::platform::jobs::{Job, Lane, Retry};

/// Deletes audit entries that their retention lets go.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PurgeAudit {
    /// Only what was written before; none: all that may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DateTime<Utc>>,
    /// Who asked; none: its schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<UserId>,
}

impl Job for PurgeAudit {
    const KIND: &'static str = "audit.purge";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(30);
}

/// Reads the audit log and its chain again, and sounds the alarm when something does not fit.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyAudit {}

impl Job for VerifyAudit {
    const KIND: &'static str = "audit.verify";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(30);
}

/// Counts anew what the statistics show.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RefreshStats {}

impl Job for RefreshStats {
    const KIND: &'static str = "stats.refresh";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(5);
}
