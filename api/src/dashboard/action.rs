//! What is done with one job: retry, cancel, discard. Each with its audit entry in the same transaction, then back to
//! the page, which shows what came of it.

use serde_json::{Value, json};
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin;
use shared::platform::tx::Tx;

use crate::dashboard::desk::Desk;
use crate::dashboard::note::What;
use crate::error::Answer;
use crate::extract::Path;

/// `POST /admin/jobs/{id}/retry`
pub async fn retry(desk: Desk, Path(id): Path<JobId>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = admin::retry(&mut tx, id).await {
        return refused(&desk, id, error).await;
    }
    record(&mut tx, "JOB_RETRIED", Severity::Medium, id, json!({})).await?;
    tx.commit().await?;
    desk.go(&page(id), What::Retried).await
}

/// `POST /admin/jobs/{id}/cancel`
pub async fn cancel(desk: Desk, Path(id): Path<JobId>) -> Answer {
    let mut tx = desk.begin().await?;
    let state = match admin::cancel(&mut tx, id).await {
        Ok(state) => state,
        Err(error) => return refused(&desk, id, error).await,
    };
    record(&mut tx, "JOB_CANCELLED", Severity::Medium, id, json!({ "state": state })).await?;
    tx.commit().await?;
    let what = if state == "running" { What::Stopping } else { What::Cancelled };
    desk.go(&page(id), what).await
}

/// `POST /admin/jobs/{id}/discard`
pub async fn discard(desk: Desk, Path(id): Path<JobId>) -> Answer {
    let mut tx = desk.begin().await?;
    // Nothing of the job is left afterwards but what the entry keeps.
    let job = admin::get(&mut tx, id).await?.row;
    if let Err(error) = admin::discard(&mut tx, id).await {
        return refused(&desk, id, error).await;
    }
    let details = json!({ "kind": job.kind, "state": job.state, "error": job.error_code });
    record(&mut tx, "JOB_DISCARDED", Severity::High, id, details).await?;
    tx.commit().await?;
    desk.go(&format!("/admin/jobs?state={}", job.state), What::Discarded).await
}

async fn record(tx: &mut Tx, action: &str, severity: Severity, id: JobId, details: Value) -> Result<(), Error> {
    audit::record(tx, Entry { action, severity, target: "job", id: id.to_string(), details }).await
}

fn page(id: JobId) -> String {
    format!("/admin/jobs/{id}")
}

/// The state has changed since the page was made: back to the page, which shows it.
async fn refused(desk: &Desk, id: JobId, error: Error) -> Answer {
    match error {
        Error::Conflict { .. } => desk.go(&page(id), What::Refused).await,
        error => Err(error.into()),
    }
}
