//! Lanes, called queues outside: how deep, how old, paused, limited, and by what they are held back.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::platform::jobs::admin::lanes::{Limits, NewLimits};
use shared::platform::jobs::flow::{self, Flows};
use shared::platform::jobs::health::{self, LaneView};
use validator::Validate;

use crate::acts;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

/// Everything about lanes.
pub fn table() -> Table {
    Table::at("/api/v1/admin/queues", "queues")
        .get("", Access::Can("jobs.read"), list)
        .says("All queues, most urgent first: depth, age, pause, limits, workers, and what keeps jobs waiting")
        .gives::<Vec<LaneView>>(200)
        .get("/scaling", Access::Can("jobs.read"), scaling)
        .says("What workers could do now, per queue, for autoscalers; a paused queue counts as empty")
        .gives::<Vec<QueueLoad>>(200)
        .get("/flow", Access::Can("jobs.read"), flowing)
        .says("How queues and kinds flow: in and out per minute, percentiles of wait and run, from bounded samples")
        .gives::<Flows>(200)
        .patch("/{name}", Access::Can("jobs.manage"), limit)
        .says("Limit a queue over all processes: jobs at once, starts per time; null takes a limit away")
        .takes::<NewLimits>()
        .gives::<Limits>(200)
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

async fn flowing(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&flow::read(&mut db).await?)
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

async fn limit(Path(lane): Path<String>, post: Post<NewLimits>) -> Answer {
    let mut tx = post.begin().await?;
    let limits = acts::limit(&mut tx, &lane, post.body).await?;
    post.ok(tx, &limits).await
}

async fn pause(Path(lane): Path<String>, post: Post<Pause>) -> Answer {
    let mut tx = post.begin().await?;
    acts::pause(&mut tx, &lane, post.body.until, post.body.reason.as_deref()).await?;
    post.done(tx).await
}

async fn resume(Path(lane): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::resume(&mut tx, &lane).await?;
    post.done(tx).await
}
