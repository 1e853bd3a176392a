//! Kinds that let people be forgotten, in time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::ids::ErasureId;
use crate::platform::jobs::{Job, Lane, Retry};

/// Takes everything about somebody out of every table, mail and file, but what the law keeps.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Anonymise {
    /// Whose erasure.
    pub erasure: ErasureId,
}

impl Job for Anonymise {
    const KIND: &'static str = "account.anonymise";
    const TIMEOUT: Duration = Duration::from_mins(10);
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("erasure", self.erasure.0))
    }
}

/// Sees to it that nobody waits in vain to be forgotten: jobs that were lost, deadlines that come near, news that came late.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchErasures {}

impl Job for WatchErasures {
    const KIND: &'static str = "account.watch_erasures";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(10);
}
