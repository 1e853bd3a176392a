//! The audit log: who did what, whether it is whole, and its retention.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::kernel::ids::JobId;
use shared::platform::audit::{self, AuditFilter, Row, Verdict};
use shared::platform::tx::Tx;
use validator::Validate;

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

/// Links that a request reads again; `facteur audit verify` and a nightly job read all.
pub const NEWEST: i64 = 10_000;

/// Everything about the log.
pub fn table() -> Table {
    Table::at("/api/v1/admin/audit", "audit")
        .get("", Access::Can("audit.read"), list)
        .says("Audit entries that match, newest first")
        .queries::<AuditFilter>()
        .paged()
        .gives::<Row>(200)
        .get("/verification", Access::Can("audit.read"), verification)
        .says("Whether the newest 10,000 entries and their chain are as they were written, and where the chain ends")
        .gives::<Verdict>(200)
        .get("/{id}", Access::Can("audit.read"), show)
        .says("One entry")
        .gives::<Row>(200)
        .post("/purge", Access::Can("audit.purge"), purge)
        .says("Have entries deleted that the retention lets go, and that were written before a time")
        .takes::<Purge>()
        .gives::<Ordered>(202)
}

async fn list(State(app): State<App>, Query(filter): Query<AuditFilter>, Paging(page): Paging) -> Answer {
    listed(&audit::list(&mut *app.db().await?, &filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<i64>) -> Answer {
    data(&audit::get(&mut *app.db().await?, id).await?)
}

async fn verification(State(app): State<App>) -> Answer {
    let mut snapshot = Tx::begin(&app.platform).await?;
    let verdict = audit::verify_newest(&mut snapshot, NEWEST).await?;
    snapshot.rollback().await?;
    data(&verdict)
}

/// What is to go.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Purge {
    /// Only what was written before; absent: all that the retention lets go.
    before: Option<DateTime<Utc>>,
    /// Kept in the audit log.
    #[validate(length(max = 500))]
    reason: Option<String>,
}

/// The job that does it.
#[derive(Debug, Serialize, JsonSchema)]
struct Ordered {
    /// Its id.
    job: JobId,
}

async fn purge(post: Post<Purge>) -> Answer {
    let Purge { before, reason } = &post.body;
    let mut tx = post.begin().await?;
    let job = audit::order_purge(&mut tx, *before, reason.as_deref()).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/jobs/{job}")), &Ordered { job }).await
}
