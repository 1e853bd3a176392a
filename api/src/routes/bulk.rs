//! Bulk operations: one action on many jobs, previewed, paced, paused, undone.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::Result;
use shared::kernel::ids::BulkId;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::bulk::{self, BulkView, Item, NewBulk, Pace, Tally};
use shared::platform::tx::Tx;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

const READ: Access = Access::Can("jobs.read");
const MANAGE: Access = Access::Can("jobs.manage");

/// Everything about bulk operations.
pub fn table() -> Table {
    Table::at("/api/v1/admin/bulk", "jobs")
        .get("", READ, list)
        .says("Bulk operations that were started, newest first")
        .paged()
        .gives::<BulkView>(200)
        .post("", MANAGE, freeze)
        .says("Choose the jobs that match now, and preview what would become of them; nothing is changed")
        .takes::<NewBulk>()
        .gives::<Preview>(201)
        .get("/{id}", READ, show)
        .says("One bulk operation with its jobs counted by kind and state")
        .gives::<Preview>(200)
        .get("/{id}/items", READ, items)
        .says("Its jobs and what became of each, newest first")
        .queries::<ItemFilter>()
        .paged()
        .gives::<Item>(200)
        .post("/{id}/start", MANAGE, start)
        .says("Start it: all at once or at a pace, now or later; beyond 100 jobs with a reason")
        .takes::<Pace>()
        .gives::<BulkView>(202)
        .post("/{id}/pause", MANAGE, pause)
        .says("Stop working it off for now")
        .gives::<BulkView>(200)
        .post("/{id}/resume", MANAGE, resume)
        .says("Go on with it")
        .gives::<BulkView>(200)
        .post("/{id}/cancel", MANAGE, end)
        .says("End it: what is done stays done")
        .gives::<BulkView>(200)
        .post("/{id}/undo", MANAGE, undo)
        .says("Put jobs that have not started since back where they were; possible for half an hour")
        .gives::<BulkView>(200)
}

/// An operation and its jobs counted.
#[derive(Debug, Serialize, JsonSchema)]
struct Preview {
    /// The operation.
    #[serde(flatten)]
    view: BulkView,
    /// Its jobs by kind and state.
    tallies: Vec<Tally>,
}

/// Which of its jobs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ItemFilter {
    /// pending, refused, done, skipped, undone, kept.
    outcome: Option<String>,
}

async fn list(State(app): State<App>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&bulk::list(&mut db, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<BulkId>) -> Answer {
    let mut db = app.db().await?;
    let (view, tallies) = (bulk::get(&mut db, id).await?, bulk::tallies(&mut db, id).await?);
    data(&Preview { view, tallies })
}

async fn items(
    State(app): State<App>,
    Path(id): Path<BulkId>,
    Query(filter): Query<ItemFilter>,
    Paging(page): Paging,
) -> Answer {
    let mut db = app.db().await?;
    bulk::get(&mut db, id).await?;
    listed(&bulk::items(&mut db, id, filter.outcome.as_deref(), page).await?)
}

async fn freeze(post: Post<NewBulk>) -> Answer {
    let new = post.body.clone();
    let mut tx = post.begin().await?;
    let id = bulk::freeze(&mut tx, &new).await?;
    let (view, tallies) = (bulk::get(&mut tx, id).await?, bulk::tallies(&mut tx, id).await?);
    post.created(tx, &Preview { view, tallies }).await
}

async fn start(caller: Caller, Path(id): Path<BulkId>, post: Post<Pace>) -> Answer {
    let mut tx = post.begin().await?;
    let view = started(&mut tx, &caller, id, &post.body).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/bulk/{id}")), &view).await
}

/// Starts a draft, with its line in the audit log.
pub async fn started(tx: &mut Tx, caller: &Caller, id: BulkId, pace: &Pace) -> Result<BulkView> {
    let view = bulk::start(tx, id, pace, caller.permissions.can("bulk.large")).await?;
    let severity = if view.action.is_destructive() { Severity::High } else { Severity::Medium };
    let details = json!({
        "action": view.action, "filter": view.filter, "jobs": view.total, "per_second": view.per_second,
        "not_before": view.not_before, "reason": view.reason, "params": view.params,
    });
    note(tx, "BULK_STARTED", severity, id, details).await?;
    Ok(view)
}

async fn pause(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    bulk::pause(&mut tx, id).await?;
    told(tx, post, id, "BULK_PAUSED", json!({})).await
}

async fn resume(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    bulk::resume(&mut tx, id).await?;
    told(tx, post, id, "BULK_RESUMED", json!({})).await
}

async fn end(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    bulk::end(&mut tx, id).await?;
    told(tx, post, id, "BULK_CANCELLED", json!({})).await
}

async fn undo(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let (back, kept) = bulk::undo(&mut tx, id).await?;
    told(tx, post, id, "BULK_UNDONE", json!({ "back": back, "kept": kept })).await
}

async fn told(mut tx: Tx, post: Post<Nothing>, id: BulkId, action: &str, details: Value) -> Answer {
    note(&mut tx, action, Severity::Medium, id, details).await?;
    let view = bulk::get(&mut tx, id).await?;
    post.ok(tx, &view).await
}

async fn note(tx: &mut Tx, action: &str, severity: Severity, id: BulkId, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "bulk", id: id.to_string(), details }).await
}
