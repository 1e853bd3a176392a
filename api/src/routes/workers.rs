//! Worker processes: who is alive, with what in hand.

use axum::extract::State;
use serde_json::json;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::health::{self, WorkerView};

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

/// Everything about workers.
pub fn table() -> Table {
    Table::at("/api/v1/admin/workers", "workers")
        .get("", Access::Can("jobs.read"), list)
        .says("Workers alive, and those gone within the last hour")
        .gives::<Vec<WorkerView>>(200)
        .post("/{id}/stop", Access::Can("jobs.manage"), stop)
        .says("Ask a worker to finish what it has and stop; it hears of it within two seconds")
        .gives_nothing(204)
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&health::workers(&mut db).await?)
}

async fn stop(Path(id): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    health::stop(&mut tx, &id).await?;
    let entry =
        Entry { action: "WORKER_STOPPED", severity: Severity::Medium, target: "worker", id, details: json!({}) };
    audit::record(&mut tx, entry).await?;
    post.done(tx).await
}
