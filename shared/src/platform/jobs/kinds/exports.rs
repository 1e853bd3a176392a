//! The kind that writes large files. It waits in a lane of its own: it may take minutes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::ids::{ExportId, UserId};
use crate::platform::jobs::{Job, Lane, Retry};

/// Writes an export, part by part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuildExport {
    /// Which.
    pub export: ExportId,
    /// Who asked for it, and may follow the job.
    pub by: UserId,
}

impl Job for BuildExport {
    const KIND: &'static str = "export.build";
    const LANE: Lane = Lane::Exports;
    const RETRY: Retry = Retry::EXPORT;
    const TIMEOUT: Duration = Duration::from_mins(30);
    fn unique_key(&self) -> Option<String> {
        Some(format!("export:{}", self.export))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("export", self.export.0))
    }
    fn owner(&self) -> Option<UserId> {
        Some(self.by)
    }
}
