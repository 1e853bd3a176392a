//! Lanes: what waits, how long, who serves them; pause and resume.

use axum::response::Response;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::Error;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::health::{self, LaneView};

use crate::dashboard::desk::Desk;
use crate::dashboard::forms::Sent;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Count, Mark};
use crate::dashboard::note::What;
use crate::dashboard::pulse::Health;
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// The longest pause that ends by itself: a week.
const LONGEST: i64 = 7 * 24 * 60;

/// One lane as tables show it.
#[derive(Serialize)]
pub struct Row<'a> {
    name: &'a str,
    mark: Mark,
    waiting: Count,
    oldest_ms: Option<i64>,
    running: Count,
    retrying: Count,
    scheduled: Count,
    dead: Count,
    workers: i64,
    paused_at: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    pause_reason: Option<&'a str>,
}

impl<'a> From<&'a LaneView> for Row<'a> {
    fn from(lane: &'a LaneView) -> Self {
        let count = |state, n| Count::of(&lane.name, state, n);
        Self {
            name: &lane.name,
            mark: marks::lane(lane),
            waiting: count("queued", lane.waiting),
            oldest_ms: lane.oldest_seconds.map(|seconds| (seconds.max(0.0) * 1000.0) as i64),
            running: count("running", lane.running),
            retrying: count("retrying", lane.retrying),
            scheduled: count("scheduled", lane.scheduled),
            dead: count("dead", lane.dead),
            workers: lane.workers,
            paused_at: lane.paused_at,
            paused_until: lane.paused_until,
            pause_reason: lane.pause_reason.as_deref(),
        }
    }
}

/// Every lane, as the tables show them.
pub fn rows(health: &Health) -> Vec<Row<'_>> {
    health.lanes.iter().map(Row::from).collect()
}

/// `GET /admin/queues`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let health = desk.pulse.fresh(&desk.app.platform).await?;
    let paused = health.lanes.iter().filter(|lane| lane.paused_at.is_some()).count();
    let sentence = match paused {
        0 => "Separate lanes, most urgent first: a slow one never delays another.".to_owned(),
        1 => "One queue is paused.".to_owned(),
        n => format!("{n} queues are paused."),
    };
    let page = json!({ "sentence": sentence, "may_act": desk.may_act(), "lanes": rows(&health) });
    desk.page("queues", Place::Queues, "Queues", &page).await
}

/// The pause form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pause {
    reason: Option<String>,
    minutes: Option<i64>,
}

/// `POST /admin/queues/{name}/pause`
pub async fn pause(desk: Desk, Path(name): Path<String>, Sent(form): Sent<Pause>) -> Answer {
    if form.minutes.is_some_and(|minutes| !(1..=LONGEST).contains(&minutes)) {
        return Err(Error::field("minutes", "range", format!("should be 1 to {LONGEST}")).into());
    }
    let reason = form.reason.as_deref().map(|reason| shared::kernel::text::cut(reason.trim(), 300));
    let until = form.minutes.map(|minutes| desk.app.platform.clock.now() + Duration::minutes(minutes));
    let mut tx = desk.begin().await?;
    health::pause(&mut tx, &name, until, reason.as_deref()).await?;
    let details = json!({ "reason": reason, "until": until });
    audit::record(&mut tx, entry("LANE_PAUSED", name, details)).await?;
    tx.commit().await?;
    desk.go("/admin/queues", What::Paused).await
}

/// `POST /admin/queues/{name}/resume`
pub async fn resume(desk: Desk, Path(name): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    health::resume(&mut tx, &name).await?;
    audit::record(&mut tx, entry("LANE_RESUMED", name, json!({}))).await?;
    tx.commit().await?;
    desk.go("/admin/queues", What::Resumed).await
}

fn entry(action: &'static str, id: String, details: serde_json::Value) -> Entry<'static> {
    Entry { action, severity: Severity::Medium, target: "lane", id, details }
}
