//! Schedules: when duties recur, what became of them, and changing both.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use shared::kernel::ids::JobId;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::schedule::{self, Change, ScheduleView};

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

const READ: Access = Access::Can("jobs.read");
const MANAGE: Access = Access::Can("jobs.manage");

/// Everything about schedules.
pub fn table() -> Table {
    Table::at("/api/v1/admin/schedules", "schedules")
        .get("", READ, list)
        .says("All schedules by name: expression in plain words, next five ticks, last job")
        .gives::<Vec<ScheduleView>>(200)
        .post("/{name}/run", MANAGE, run)
        .says("Enqueue a schedule's job now, beside its ticks")
        .gives::<Enqueued>(202)
        .patch("/{name}", MANAGE, change)
        .says("Change when and how a schedule ticks, or stop it")
        .takes::<Change>()
        .gives::<ScheduleView>(200)
}

/// A job that was enqueued.
#[derive(Debug, Serialize, JsonSchema)]
struct Enqueued {
    /// Its id.
    job: JobId,
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&schedule::list(&mut db).await?)
}

async fn run(Path(name): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let job = schedule::run_now(&mut tx, &name).await?;
    let details = json!({ "job": job });
    let entry = Entry { action: "SCHEDULE_RUN", severity: Severity::Medium, target: "schedule", id: name, details };
    audit::record(&mut tx, entry).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/jobs/{job}")), &Enqueued { job }).await
}

async fn change(Path(name): Path<String>, post: Post<Change>) -> Answer {
    let mut tx = post.begin().await?;
    let changed = schedule::change(&mut tx, &name, &post.body).await?;
    let schedule = schedule::view(&mut tx, &name).await?;
    if !changed.after.is_empty() {
        let details = json!(changed);
        let entry =
            Entry { action: "SCHEDULE_CHANGED", severity: Severity::Medium, target: "schedule", id: name, details };
        audit::record(&mut tx, entry).await?;
    }
    post.ok(tx, &schedule).await
}
