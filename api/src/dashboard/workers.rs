//! Worker processes: alive, draining, lost; what they serve and how busy they are.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::kernel::Error;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::VERSION;
use shared::platform::jobs::health::{self, Leases, WorkerView};

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::job;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::note::What;
use crate::dashboard::words::{say, word};
use crate::error::{Answer, ApiError};
use crate::extract::Path;

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
    asked: bool,
    stoppable: bool,
    jobs: String,
    held: Option<&'a Leases>,
}

impl<'a> Row<'a> {
    fn new(worker: &'a WorkerView, leases: &'a [Leases]) -> Self {
        Self {
            jobs: job::of_worker(&worker.id),
            held: leases.iter().find(|leases| leases.worker == worker.id),
            mark: marks::worker(&worker.state),
            id: &worker.id,
            version: &worker.version,
            odd: worker.version != VERSION,
            slots: worker.slots,
            running: worker.running,
            lanes: worker.lanes.join(", "),
            memory: worker.rss_bytes.map_or("–".into(), |bytes| format!("{} {}", bytes / 1_000_000, word("MB"))),
            started_at: worker.started_at,
            seen_at: worker.seen_at,
            asked: worker.stop_requested_at.is_some() && worker.state != "stopped",
            stoppable: worker.state == "running" && worker.stop_requested_at.is_none(),
        }
    }
}

/// `GET /admin/workers`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let health = desk.pulse.fresh(&desk.app.platform).await?;
    let lost: Vec<String> = health.workers.iter().filter(|w| w.state == "lost").map(|w| w.id.clone()).collect();
    let leases = health::leases(&mut *desk.db().await?, &lost).await?;
    let rows: Vec<Row<'_>> = health.workers.iter().map(|worker| Row::new(worker, &leases)).collect();
    let (alive, slots, running) = health
        .alive()
        .fold((0, 0, 0), |(n, slots, running), worker| (n + 1, slots + worker.slots, running + worker.running));
    let sentence = match alive {
        1 => say!(
            "1 worker alive, {running} of {slots} slots in use. Gone ones stay here for an hour.",
            running = running,
            slots = slots,
        ),
        n => say!(
            "{n} workers alive, {running} of {slots} slots in use. Gone ones stay here for an hour.",
            n = n,
            running = running,
            slots = slots,
        ),
    };
    desk.page(
        "workers",
        Place::Workers,
        "Workers",
        &json!({ "sentence": sentence, "rows": rows, "may_act": desk.may_act() }),
    )
    .await
}

/// `POST /admin/workers/{id}/stop`
pub async fn stop(desk: Desk, Path(id): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    match health::stop(&mut tx, &id).await {
        Err(Error::Conflict { .. }) => return desk.go("/admin/workers", What::WorkerGone).await,
        done => done?,
    }
    let entry =
        Entry { action: "WORKER_STOPPED", severity: Severity::Medium, target: "worker", id, details: json!({}) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    desk.go("/admin/workers", What::WorkerTold).await
}
