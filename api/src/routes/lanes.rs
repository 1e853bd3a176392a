//! Lanes, called queues outside: how deep, how old, paused or not.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::Error;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::health::{self, LaneView};
use validator::Validate;

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

/// Everything about lanes.
pub fn table() -> Table {
    Table::at("/api/v1/admin/queues", "queues")
        .get("", Access::Can("jobs.read"), list)
        .says("All queues, most urgent first: depth, age, pause, workers")
        .gives::<Vec<LaneView>>(200)
        .get("/scaling", Access::Can("jobs.read"), scaling)
        .says("What workers could do now, per queue, for autoscalers; a paused queue counts as empty")
        .gives::<Vec<QueueLoad>>(200)
        .post("/{name}/pause", Access::Can("jobs.manage"), pause)
        .says("Stop a queue on all workers; what runs finishes")
        .takes::<Pause>()
        .gives_nothing(204)
        .post("/{name}/resume", Access::Can("jobs.manage"), resume)
        .says("Let a queue run again")
        .gives_nothing(204)
}

/// A queue in the eyes of an autoscaler.
#[derive(Debug, Serialize, JsonSchema)]
struct QueueLoad {
    /// Its name.
    queue: String,
    /// Due and waiting, counted up to 10,001.
    depth: i64,
    /// How long the oldest of them has been due, in seconds.
    oldest_seconds: f64,
    /// In workers' hands.
    running: i64,
    /// Workers alive that serve it.
    workers: i64,
}

/// Why and until when.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    /// It resumes by itself at this time; absent: when told.
    until: Option<DateTime<Utc>>,
    /// Shown on the dashboard.
    #[validate(length(max = 500))]
    reason: Option<String>,
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&health::lanes(&mut db).await?)
}

async fn scaling(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    let lanes = health::lanes(&mut db).await?;
    data(&lanes.into_iter().map(QueueLoad::from).collect::<Vec<_>>())
}

impl From<LaneView> for QueueLoad {
    fn from(lane: LaneView) -> Self {
        let flows = lane.paused_at.is_none();
        Self {
            queue: lane.name,
            depth: if flows { lane.waiting } else { 0 },
            oldest_seconds: lane.oldest_seconds.filter(|_| flows).unwrap_or_default(),
            running: lane.running,
            workers: lane.workers,
        }
    }
}

async fn pause(State(app): State<App>, Path(lane): Path<String>, post: Post<Pause>) -> Answer {
    let Pause { until, reason } = &post.body;
    if until.is_some_and(|until| until <= app.platform.clock.now()) {
        return Err(Error::field("until", "past", "should be in the future").into());
    }
    let mut tx = post.begin().await?;
    health::pause(&mut tx, &lane, *until, reason.as_deref()).await?;
    let details = json!({ "until": until, "reason": reason });
    let entry = Entry { action: "LANE_PAUSED", severity: Severity::Medium, target: "lane", id: lane, details };
    audit::record(&mut tx, entry).await?;
    post.done(tx).await
}

async fn resume(Path(lane): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    health::resume(&mut tx, &lane).await?;
    let entry =
        Entry { action: "LANE_RESUMED", severity: Severity::Medium, target: "lane", id: lane, details: json!({}) };
    audit::record(&mut tx, entry).await?;
    post.done(tx).await
}
