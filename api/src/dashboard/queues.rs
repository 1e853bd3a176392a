//! Lanes: what waits, how long, who serves them, what holds them back; pause, resume, limits. Below them the kinds.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::platform::jobs::admin;
use shared::platform::jobs::admin::lanes::{Limits, NewLimits, Rate};
use shared::platform::jobs::flow::{FEW, Flow, Flows, Spread};
use shared::platform::jobs::health::LaneView;

use crate::acts;
use crate::dashboard::desk::Desk;
use crate::dashboard::flow;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::kinds;
use crate::dashboard::marks::{self, Count, Mark};
use crate::dashboard::note::What;
use crate::dashboard::pulse::Health;
use crate::dashboard::words::{say, word};
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// One lane as tables show it.
#[derive(Serialize)]
pub struct Row<'a> {
    name: &'a str,
    mark: Mark,
    waiting: Count,
    oldest_ms: Option<i64>,
    blocked: Count,
    running: Count,
    retrying: Count,
    scheduled: Count,
    dead: Count,
    workers: i64,
    paused_at: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    pause_reason: Option<&'a str>,
    limits: Option<String>,
    concurrency: Option<i32>,
    rate_count: Option<i32>,
    rate_seconds: Option<i32>,
    held_by: Option<&'static str>,
    wait: Option<Spread>,
    few: bool,
}

impl<'a> Row<'a> {
    fn new(lane: &'a LaneView, flow: &Flow) -> Self {
        let count = |state, n| Count::of(&lane.name, state, n);
        let rate = lane.rate.map(|rate| rate.0);
        let limits = Limits { concurrency: lane.concurrency, rate };
        Self {
            name: &lane.name,
            mark: marks::lane(lane),
            waiting: count("queued", lane.waiting),
            oldest_ms: lane.oldest_seconds.map(|seconds| (seconds.max(0.0) * 1000.0) as i64),
            blocked: count("blocked", lane.blocked),
            running: count("running", lane.running),
            retrying: count("retrying", lane.retrying),
            scheduled: count("scheduled", lane.scheduled),
            dead: count("dead", lane.dead),
            workers: lane.workers,
            paused_at: lane.paused_at,
            paused_until: lane.paused_until,
            pause_reason: lane.pause_reason.as_deref(),
            limits: (limits != Limits::default()).then(|| told(limits)),
            concurrency: lane.concurrency,
            rate_count: rate.map(|rate| rate.count),
            rate_seconds: rate.map(|rate| rate.seconds),
            held_by: held_by(lane),
            wait: flow.wait,
            few: flow.samples < FEW,
        }
    }
}

/// Limits in words.
fn told(limits: Limits) -> String {
    let concurrency = limits.concurrency.map(|n| say!("at most {n} at once", n = n));
    let rate = limits.rate.map(|rate| match (rate.count, rate.seconds) {
        (1, 1) => say!("1 start per second"),
        (n, 1) => say!("{n} starts per second", n = n),
        (1, s) => say!("1 start per {s} s", s = s),
        (n, s) => say!("{n} starts per {s} s", n = n, s = s),
    });
    [concurrency, rate].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What keeps jobs waiting, where the mark does not say it already.
fn held_by(lane: &LaneView) -> Option<&'static str> {
    match lane.limited_by.as_deref()? {
        "rate" => Some(word("by its rate")),
        "concurrency" => Some(word("by its limit")),
        "workers" if lane.workers > 0 => Some(word("all slots busy")),
        "fuse" => Some(word("by a kind’s fuse")),
        "key" => Some(word("by concurrency keys")),
        _ => None,
    }
}

/// Every lane, as the tables show them.
pub fn rows<'a>(health: &'a Health, flows: &Flows) -> Vec<Row<'a>> {
    health.lanes.iter().map(|lane| Row::new(lane, &flows.lane(&lane.name))).collect()
}

/// `GET /admin/queues`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let health = desk.pulse.fresh(&desk.app.platform).await?;
    let paused = health.lanes.iter().filter(|lane| lane.paused_at.is_some()).count();
    let sentence = match paused {
        0 => say!("Separate lanes, most urgent first: a slow one never delays another."),
        1 => say!("One queue is paused."),
        n => say!("{n} queues are paused.", n = n),
    };
    let all = admin::kinds::list(&mut *desk.db().await?).await?;
    let flows = desk.pulse.flows(&desk.app.platform).await?;
    let flowing: Vec<_> = health.lanes.iter().map(|lane| flow::lane(lane, &flows.lane(&lane.name), &health)).collect();
    let page = json!({
        "sentence": sentence,
        "may_act": desk.may_act(),
        "lanes": rows(&health, &flows),
        "flows": flowing,
        "kinds": kinds::rows(&all, &flows),
    });
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
    let until = forms::after_minutes(&desk.app, form.minutes)?;
    let mut tx = desk.begin().await?;
    acts::pause(&mut tx, &name, until, forms::line(form.reason.as_deref()).as_deref()).await?;
    tx.commit().await?;
    desk.go("/admin/queues", What::Paused).await
}

/// `POST /admin/queues/{name}/resume`
pub async fn resume(desk: Desk, Path(name): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    acts::resume(&mut tx, &name).await?;
    tx.commit().await?;
    desk.go("/admin/queues", What::Resumed).await
}

/// The limits form; an empty field is no limit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LimitsForm {
    concurrency: Option<i32>,
    count: Option<i32>,
    seconds: Option<i32>,
}

/// `POST /admin/queues/{name}/limits`
pub async fn limit(desk: Desk, Path(name): Path<String>, Sent(form): Sent<LimitsForm>) -> Answer {
    let rate = form.count.map(|count| Rate { count, seconds: form.seconds.unwrap_or(1) });
    let new = NewLimits { concurrency: Some(form.concurrency), rate: Some(rate) };
    let mut tx = desk.begin().await?;
    acts::limit(&mut tx, &name, new).await?;
    tx.commit().await?;
    desk.go("/admin/queues", What::Limited).await
}
