//! Jobs: what a person may see of theirs, and what administrators see of all and do with them.
//!
//! Every action is one transaction with its line in the audit log. What a state does not allow is 409.

mod probe;

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::Result;
use shared::kernel::ids::JobId;
use shared::kernel::mask;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin::{self, Edit, JobFilter, JobRow, JobView, OwnJob, REVEAL, Suggestion};
use shared::platform::jobs::bulk::{self, Action, BulkView, NewBulk, Pace, Params};
use shared::platform::tx::Tx;
use validator::Validate;

use crate::acts;
use crate::app::App;
use crate::auth::Caller;
use crate::dashboard::lost;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

const READ: Access = Access::Can("jobs.read");
const MANAGE: Access = Access::Can("jobs.manage");

/// The jobs of whoever calls.
pub fn own() -> Table {
    Table::at("/api/v1/jobs", "jobs")
        .get("/{id}", Access::Caller, follow)
        .says("Follow a job of yours")
        .gives::<OwnJob>(200)
}

/// All jobs.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/jobs", "jobs")
        .get("", READ, list)
        .says("Jobs that match, newest first or in another order")
        .queries::<JobFilter>()
        .paged()
        .gives::<JobRow>(200)
        .get("/suggestions", READ, suggestions)
        .says("Terms that may be added to a filter: fields, closed sets, then values of the newest jobs")
        .gives::<Vec<Suggestion>>(200)
        .get("/{id}", READ, show)
        .says("One job with its arguments, attempts, effects and children; its log grows while it runs")
        .gives::<JobView>(200)
        .post("/{id}/retry", MANAGE, retry)
        .says("Retry a dead, cancelled or waiting job now, with fresh attempts")
        .gives::<JobState>(202)
        .post("/{id}/cancel", MANAGE, cancel)
        .says("Cancel a job: at once when it waits, at its next step when it runs")
        .gives::<JobState>(200)
        .post("/{id}/discard", MANAGE, discard)
        .says("Delete a dead or cancelled job for good")
        .gives_nothing(204)
        .delete("/{id}", MANAGE, discard)
        .says("Delete a dead or cancelled job for good")
        .gives_nothing(204)
        .post("/{id}/edit", MANAGE, edit)
        .says("Give a job another payload, checked by its kind; what was there stays, and it may be retried at once")
        .takes::<Edited>()
        .gives::<JobState>(200)
        .get("/{id}/edits", READ, edits)
        .says("Every change of its payload by hand, oldest first")
        .gives::<Vec<Edit>>(200)
        .post("/{id}/reveal", Access::Can(REVEAL), reveal)
        .says("Its payload without masks; the audit log keeps who looked")
        .gives::<Payload>(200)
        .post("/retry", MANAGE, retry_all)
        .says("Retry all that match (the dead, when the filter names no state): a bulk operation that is started at once; preview one at /admin/bulk")
        .takes::<RetryAll>()
        .gives::<BulkView>(202)
        .post("/probe", MANAGE, probe::enqueue)
        .says("Enqueue probes, which do what they are told, to watch the queue at work")
        .takes::<probe::ProbeOrder>()
        .gives::<probe::Probes>(202)
}

/// A job after an action.
#[derive(Debug, Serialize, JsonSchema)]
struct JobState {
    /// Its id.
    id: JobId,
    /// Its state now.
    state: String,
}

async fn follow(State(app): State<App>, caller: Caller, Path(id): Path<JobId>) -> Answer {
    let mut db = app.db().await?;
    data(&admin::own(&mut db, caller.user, id).await?)
}

async fn list(State(app): State<App>, Query(filter): Query<JobFilter>, Paging(page): Paging) -> Answer {
    let filter = filter.checked()?;
    let mut db = app.db().await?;
    listed(&admin::list(&mut db, &filter, page).await?)
}

async fn suggestions(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&admin::suggestions(&mut db).await?)
}

async fn show(State(app): State<App>, Path(id): Path<JobId>) -> Answer {
    let mut db = app.db().await?;
    let mut job = match admin::get(&mut db, id).await {
        Ok(job) => job,
        Err(error) => return Err(lost::job(&app, &mut db, id, error).await),
    };
    mask::hide(&mut job.payload);
    data(&job)
}

/// Another payload.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edited {
    /// As its kind takes it.
    payload: Value,
    /// Also bring it back to its queue.
    #[serde(default)]
    retry: bool,
    /// Why.
    #[serde(default)]
    #[validate(length(max = 300))]
    reason: Option<String>,
}

async fn edit(caller: Caller, Path(id): Path<JobId>, post: Post<Edited>) -> Answer {
    let mut tx = post.begin().await?;
    admin::edit(&mut tx, id, &post.body.payload, caller.permissions.can(REVEAL)).await?;
    let details = json!({ "reason": post.body.reason, "retry": post.body.retry });
    note(&mut tx, "JOB_EDITED", Severity::High, id, details).await?;
    let state =
        if post.body.retry { admin::retry(&mut tx, id).await? } else { admin::get(&mut tx, id).await?.row.state };
    post.ok(tx, &JobState { id, state }).await
}

async fn edits(State(app): State<App>, Path(id): Path<JobId>) -> Answer {
    let mut db = app.db().await?;
    let mut edits = admin::edits(&mut db, id).await?;
    for edit in &mut edits {
        mask::hide(&mut edit.before);
        mask::hide(&mut edit.after);
    }
    data(&edits)
}

/// A payload.
#[derive(Debug, Serialize, JsonSchema)]
struct Payload {
    /// As it is.
    payload: Value,
}

async fn reveal(Path(id): Path<JobId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let payload = admin::payload(&mut tx, id).await?;
    note(&mut tx, "PAYLOAD_REVEALED", Severity::High, id, json!({})).await?;
    post.ok(tx, &Payload { payload }).await
}

async fn retry(Path(id): Path<JobId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let state = admin::retry(&mut tx, id).await?;
    note(&mut tx, "JOB_RETRIED", Severity::Medium, id, json!({})).await?;
    post.accepted(tx, Some(location(id)), &JobState { id, state }).await
}

async fn cancel(Path(id): Path<JobId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let state = admin::cancel(&mut tx, id).await?;
    note(&mut tx, "JOB_CANCELLED", Severity::Medium, id, json!({ "state": state })).await?;
    post.ok(tx, &JobState { id, state }).await
}

async fn discard(Path(id): Path<JobId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let job = admin::get(&mut tx, id).await?;
    admin::discard(&mut tx, id).await?;
    let details = json!({ "kind": job.row.kind, "state": job.row.state, "error": job.row.error_code });
    note(&mut tx, "JOB_DISCARDED", Severity::High, id, details).await?;
    post.done(tx).await
}

/// Which jobs come back, and how fast.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RetryAll {
    /// Those that match.
    filter: JobFilter,
    /// All at once when absent.
    #[serde(default)]
    #[validate(nested)]
    pace: Pace,
}

async fn retry_all(caller: Caller, post: Post<RetryAll>) -> Answer {
    let filter = post.body.filter.clone().checked()?.or_dead()?;
    let mut tx = post.begin().await?;
    let chosen = NewBulk { action: Action::Retry, params: Params::default(), filter, ids: None };
    let id = bulk::freeze(&mut tx, &chosen).await?;
    let view = acts::bulk::start(&mut tx, id, &post.body.pace, acts::bulk::rights(&caller.permissions)).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/bulk/{id}")), &view).await
}

/// Where an administrator follows a job; the owner's own address would be 404 to them.
fn location(id: JobId) -> String {
    format!("/api/v1/admin/jobs/{id}")
}

async fn note(tx: &mut Tx, action: &str, severity: Severity, id: JobId, details: Value) -> Result<()> {
    let (target, id) = ("job", id.to_string());
    let entry = Entry { action, severity, target, id, details };
    audit::record(tx, entry).await
}
