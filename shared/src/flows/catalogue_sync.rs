//! Somebody wants the catalogue compared with Stripe's, and the differences mended or only told.

use serde_json::json;

use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs::kinds::SyncCatalogue;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::tx::Tx;

/// Behind what concerns somebody's money; a step weighs a minute.
const LOW: i16 = 5;

/// Enqueues the comparison; its plan is the job's result. 503 `payments_off` without Stripe.
pub async fn request(tx: &mut Tx, dry_run: bool, verbose: bool) -> Result<JobId> {
    tx.platform().stripe()?;
    let requested_by = tx.origin.actor;
    let job = enqueue_new(tx, NewJob::of(&SyncCatalogue { dry_run, verbose, requested_by })?.priority(LOW)).await?;
    let details = json!({ "dry_run": dry_run, "verbose": verbose });
    let (action, severity, target, id) = ("CATALOGUE_SYNCED", Severity::Low, "job", job.to_string());
    audit::record(tx, Entry { action, severity, target, id, details }).await?;
    Ok(job)
}
