//! Worker processes: alive, draining, lost; what they serve and how busy they are.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::platform::jobs::VERSION;
use shared::platform::jobs::health::WorkerView;

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::error::ApiError;

#[derive(Serialize)]
struct Row<'a> {
    mark: Mark,
    id: &'a str,
    version: &'a str,
    odd: bool,
    slots: i32,
    running: i32,
    lanes: String,
    memory: String,
    started_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
}

impl<'a> From<&'a WorkerView> for Row<'a> {
    fn from(worker: &'a WorkerView) -> Self {
        Self {
            mark: marks::worker(&worker.state),
            id: &worker.id,
            version: &worker.version,
            odd: worker.version != VERSION,
            slots: worker.slots,
            running: worker.running,
            lanes: worker.lanes.join(", "),
            memory: worker.rss_bytes.map_or("–".into(), |bytes| format!("{} MB", bytes / 1_000_000)),
            started_at: worker.started_at,
            seen_at: worker.seen_at,
        }
    }
}

/// `GET /admin/workers`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let health = desk.pulse.fresh(&desk.app.platform).await?;
    let rows: Vec<Row<'_>> = health.workers.iter().map(Row::from).collect();
    let (alive, slots, running) = health
        .alive()
        .fold((0, 0, 0), |(n, slots, running), worker| (n + 1, slots + worker.slots, running + worker.running));
    let noun = if alive == 1 { "worker" } else { "workers" };
    let sentence = format!("{alive} {noun} alive, {running} of {slots} slots in use. Gone ones stay here for an hour.");
    desk.page("workers", Place::Workers, "Workers", &json!({ "sentence": sentence, "rows": rows })).await
}
