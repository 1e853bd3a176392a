//! Edit and retry: the payload as JSON, checked by its kind, the difference shown, then saved. And the payload without
//! masks, for those who may see it.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin::{self, JobView};
use shared::platform::jobs::bulk::Action;
use shared::platform::jobs::kinds;

use crate::dashboard::desk::Desk;
use crate::dashboard::forms::{Sent, line};
use crate::dashboard::frame::Place;
use crate::dashboard::note::What;
use crate::dashboard::words::say;
use crate::dashboard::{REVEAL, diff};
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// What the editor sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Draft {
    payload: String,
    /// The payload that the difference was shown against: somebody else may have changed it meanwhile.
    before: String,
    reason: Option<String>,
    retry: Option<String>,
}

/// `GET /admin/jobs/{id}/edit`
pub async fn form(desk: Desk, Path(id): Path<JobId>) -> Result<Response, ApiError> {
    let job = editable(&desk, id).await?;
    let draft = Draft { payload: pretty(&job.payload), ..Draft::default() };
    show(&desk, &job, &draft, None, false).await
}

/// `POST /admin/jobs/{id}/edit/check`: nothing is changed; what is wrong or what would change is shown.
pub async fn check(desk: Desk, Path(id): Path<JobId>, Sent(draft): Sent<Draft>) -> Result<Response, ApiError> {
    let job = editable(&desk, id).await?;
    let wrong = tried(&desk, id, &draft).await?;
    let checked = wrong.is_none();
    show(&desk, &job, &draft, wrong, checked).await
}

/// The change in a transaction that is rolled back: the same check as when it is saved.
async fn tried(desk: &Desk, id: JobId, draft: &Draft) -> Result<Option<String>, ApiError> {
    let payload: Value = match serde_json::from_str(&draft.payload) {
        Ok(payload) => payload,
        Err(error) => return Ok(Some(say!("This is no JSON: {error}.", error = error))),
    };
    let mut tx = desk.begin().await?;
    let done = admin::edit(&mut tx, id, &payload, desk.me.permissions.can(REVEAL)).await;
    tx.rollback().await?;
    match done {
        Ok(()) => Ok(None),
        Err(Error::Invalid(errors)) => {
            Ok(Some(errors.iter().map(|e| format!("{}: {}", e.path, e.message)).collect::<Vec<_>>().join("; ")))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/jobs/{id}/edit`
pub async fn save(desk: Desk, Path(id): Path<JobId>, Sent(draft): Sent<Draft>) -> Answer {
    let job = editable(&desk, id).await?;
    // As values: browsers send other line ends than they were given.
    if serde_json::from_str::<Value>(&draft.before).ok().as_ref() != Some(&job.payload) {
        let wrong = say!("Somebody else changed the payload meanwhile: look at the difference again.");
        return show(&desk, &job, &draft, Some(wrong), false).await;
    }
    let payload = serde_json::from_str(&draft.payload).map_err(|e| Error::field("payload", "json", e.to_string()))?;
    let mut tx = desk.begin().await?;
    admin::edit(&mut tx, id, &payload, desk.me.permissions.can(REVEAL)).await?;
    let details = json!({ "reason": line(draft.reason.as_deref()), "retry": draft.retry.is_some() });
    audit::record(&mut tx, entry("JOB_EDITED", id, details)).await?;
    if draft.retry.is_some() {
        admin::retry(&mut tx, id).await?;
    }
    tx.commit().await?;
    desk.go(&format!("/admin/jobs/{id}"), What::Edited).await
}

/// `POST /admin/jobs/{id}/reveal`
pub async fn reveal(desk: Desk, Path(id): Path<JobId>) -> Result<Response, ApiError> {
    let mut tx = desk.begin().await?;
    let job = admin::get(&mut tx, id).await?;
    audit::record(&mut tx, entry("PAYLOAD_REVEALED", id, json!({}))).await?;
    tx.commit().await?;
    let page = json!({ "job": job, "payload": pretty(&job.payload) });
    desk.page("reveal", Place::Jobs, &say!("Payload of {kind}", kind = job.row.kind), &page).await
}

fn entry(action: &'static str, id: JobId, details: Value) -> Entry<'static> {
    Entry { action, severity: Severity::High, target: "job", id: id.to_string(), details }
}

/// The job, when its payload may be changed by whoever asks: masked values cannot be edited by those who may not see
/// them.
async fn editable(desk: &Desk, id: JobId) -> Result<JobView, ApiError> {
    let job = admin::get(&mut *desk.db().await?, id).await?;
    admin::editable(&job.payload, desk.me.permissions.can(REVEAL))?;
    if !Action::Edit.from().contains(&job.row.state.as_str()) {
        let message = format!("the job is {} and cannot be edited", job.row.state);
        return Err(Error::conflict("job_state", message).into());
    }
    Ok(job)
}

async fn show(desk: &Desk, job: &JobView, draft: &Draft, wrong: Option<String>, checked: bool) -> Answer {
    let before = pretty(&job.payload);
    let typed = serde_json::from_str::<Value>(&draft.payload).map_or_else(|_| draft.payload.clone(), |v| pretty(&v));
    let same = typed == before;
    let page = json!({
        "job": job,
        "text": typed,
        "before": before,
        "wrong": wrong,
        "checked": checked && !same,
        "same": checked && same,
        "diff": checked.then(|| diff::lines(&before, &typed)),
        "retryable": Action::Retry.from().contains(&job.row.state.as_str()),
        "schema": kinds::find(&job.row.kind).and_then(|kind| serde_json::to_string_pretty(&(kind.schema)()).ok()),
    });
    desk.page("edit", Place::Jobs, &say!("Edit {kind}", kind = job.row.kind), &page).await
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
