//! Bulk operations: one action on many jobs, previewed, paced, paused, undone.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::kernel::ids::BulkId;
use shared::platform::jobs::bulk::{self, BulkView, Item, NewBulk, Pace, Tally};
use shared::platform::tx::Tx;
use validator::Validate;

use crate::acts;
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
        .says("Start it: all at once or at a pace, now or later; beyond 100 jobs with a reason; to cancel, discard or move to dead, with the password unless one has just signed in")
        .takes::<Start>()
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
        .says("Put jobs that have neither started nor been changed since back where they were; possible for half an hour")
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

/// How fast, when, why, and by whom.
#[derive(Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Start {
    /// Jobs per second, 1 to 10,000; none: all at once.
    #[validate(range(min = 1, max = 10_000))]
    per_second: Option<i32>,
    /// Not before then.
    not_before: Option<DateTime<Utc>>,
    /// Why; needed beyond 100 jobs.
    #[validate(length(max = 300))]
    reason: Option<String>,
    /// What takes work away from every job there is wants its own name typed: `cancel`, `kill`, `discard`.
    word: Option<String>,
    /// One's password, once more, where work is taken away (`cancel`, `kill`, `discard`) by a session older than 15
    /// minutes: 403 `reauthentication_required` without it.
    #[validate(length(max = 128))]
    password: Option<String>,
}

impl Start {
    fn pace(&self) -> Pace {
        let (reason, word) = (self.reason.clone(), self.word.clone());
        Pace { per_second: self.per_second, not_before: self.not_before, reason, word }
    }
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

async fn start(State(app): State<App>, caller: Caller, Path(id): Path<BulkId>, post: Post<Start>) -> Answer {
    let (pace, password) = (post.body.pace(), post.body.password.as_deref());
    acts::bulk::confirm(&app, &post.origin, (caller.user, caller.session), id, password).await?;
    let mut tx = post.begin().await?;
    let view = acts::bulk::start(&mut tx, id, &pace, acts::bulk::rights(&caller.permissions)).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/bulk/{id}")), &view).await
}

async fn pause(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::bulk::pause(&mut tx, id).await?;
    now(tx, post, id).await
}

async fn resume(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::bulk::resume(&mut tx, id).await?;
    now(tx, post, id).await
}

async fn end(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::bulk::end(&mut tx, id).await?;
    now(tx, post, id).await
}

async fn undo(Path(id): Path<BulkId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::bulk::undo(&mut tx, id).await?;
    now(tx, post, id).await
}

/// The operation as it is then.
async fn now(mut tx: Tx, post: Post<Nothing>, id: BulkId) -> Answer {
    let view = bulk::get(&mut tx, id).await?;
    post.ok(tx, &view).await
}
