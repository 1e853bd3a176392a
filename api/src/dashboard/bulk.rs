//! Retry all that match: a preview freezes the ids and shows what would happen, then exactly those are retried.

use axum::response::{Redirect, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::Error;
use shared::kernel::text;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin::{self, JobFilter, JobRow, Preview};
use uuid::Uuid;

use crate::dashboard::desk::Desk;
use crate::dashboard::forms::Sent;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::capped;
use crate::dashboard::note::{Note, What};
use crate::dashboard::row::{RETRYABLE, Row, retryable};
use crate::dashboard::{filter, session};
use crate::error::{Answer, ApiError};

/// Beyond this many a reason is asked for.
const FREELY: usize = 100;

#[derive(Serialize)]
struct Page<'a> {
    title: String,
    words: String,
    button: String,
    back: String,
    count: usize,
    more: bool,
    kinds: serde_json::Value,
    sample: Vec<Row<'a>>,
    selection: Uuid,
    filter: String,
    proof: String,
    reason_needed: bool,
}

/// `POST /admin/jobs/retry/preview`
pub async fn preview(desk: Desk, Sent(given): Sent<JobFilter>) -> Result<Response, ApiError> {
    let given = given.checked()?;
    if !retryable(&given) {
        return Err(Error::field("state", "choice", format!("should be one of {}", RETRYABLE.join(", "))).into());
    }
    let mut tx = desk.begin().await?;
    let preview = admin::preview(&mut tx, &given).await?;
    let sample = sample(&mut tx, &preview).await?;
    tx.commit().await?;
    let page = page(&desk, &given, &preview, &sample);
    desk.page("bulk", Place::Jobs, &page.title, &page).await
}

async fn sample(db: &mut sqlx::PgConnection, preview: &Preview) -> Result<Vec<JobRow>, ApiError> {
    let mut rows = Vec::with_capacity(preview.sample.len());
    for id in &preview.sample {
        match admin::get(db, *id).await {
            Ok(job) => rows.push(job.row),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rows)
}

fn page<'a>(desk: &Desk, given: &JobFilter, preview: &Preview, sample: &'a [JobRow]) -> Page<'a> {
    let words = filter::words(given);
    let noun = if preview.count == 1 { "job" } else { "jobs" };
    let count = capped(preview.count as i64, false);
    let query = filter::query(given);
    Page {
        title: format!("Retry {count} {noun}?"),
        button: format!("Retry {count} {noun}: {words}"),
        words,
        back: filter::address(given),
        count: preview.count,
        more: preview.more,
        kinds: json!(preview.kinds),
        sample: sample.iter().map(Row::from).collect(),
        selection: preview.selection,
        proof: proof(desk, preview.selection, &query),
        filter: query,
        reason_needed: preview.count > FREELY,
    }
}

/// Binds the filter that the audit entry will name to the selection it made.
fn proof(desk: &Desk, selection: Uuid, query: &str) -> String {
    session::prove(&desk.app, "selection", &format!("{selection}:{query}"))
}

/// Somebody asks again for a page that only a form leads to: back to the list.
pub async fn back() -> Redirect {
    Redirect::to("/admin/jobs")
}

/// What the preview's form sends back.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    selection: Uuid,
    #[serde(default)]
    filter: String,
    proof: String,
    reason: Option<String>,
}

/// `POST /admin/jobs/retry`
pub async fn apply(desk: Desk, Sent(form): Sent<Confirmed>) -> Answer {
    if !shared::kernel::secret::same(&form.proof, &proof(&desk, form.selection, &form.filter)) {
        return Err(Error::Forbidden("form_token".into()).into());
    }
    let back = filter::with("/admin/jobs", &form.filter);
    let mut tx = desk.begin().await?;
    let applied = match admin::apply(&mut tx, form.selection).await {
        Err(Error::Conflict { .. }) => return desk.go(&back, What::UsedUp).await,
        applied => applied?,
    };
    let reason = form.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if applied.retried + applied.skipped > FREELY && reason.is_none() {
        return Err(Error::field("reason", "required", "is needed beyond 100 jobs").into());
    }
    let details = json!({
        "filter": form.filter,
        "reason": reason.map(|reason| text::cut(reason, 300)),
        "retried": applied.retried,
        "skipped": applied.skipped,
    });
    let id = form.selection.to_string();
    audit::record(
        &mut tx,
        Entry { action: "JOBS_RETRIED", severity: Severity::Medium, target: "selection", id, details },
    )
    .await?;
    tx.commit().await?;
    desk.go(&back, Note { what: What::BulkRetried, n: applied.retried, m: applied.skipped }).await
}
