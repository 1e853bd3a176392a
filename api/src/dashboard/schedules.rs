//! Recurring duties: when, in plain words; what became of the last; run now, pause, resume.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared::kernel::ids::JobId;
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::schedule::{self, Change, LastJob, Missed, Overlap, ScheduleView, Tick};
use shared::platform::tx::Tx;

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::note::What;
use crate::dashboard::words::{say, word};
use crate::error::{Answer, ApiError};
use crate::extract::Path;

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    cron: &'a str,
    zone: &'a str,
    en: Option<&'a str>,
    fr: Option<&'a str>,
    kind: &'a str,
    enabled: bool,
    mark: Mark,
    problem: Option<&'a str>,
    first: Option<DateTime<Utc>>,
    later: &'a [DateTime<Utc>],
    past: Vec<Past>,
    last_run_at: Option<DateTime<Utc>>,
    last: Option<Last>,
    skipped_at: Option<DateTime<Utc>>,
    missed: &'static str,
    overlap: &'static str,
}

#[derive(Serialize)]
struct Last {
    id: JobId,
    mark: Mark,
    kept: bool,
}

impl<'a> From<&'a ScheduleView> for Row<'a> {
    fn from(schedule: &'a ScheduleView) -> Self {
        Self {
            name: &schedule.name,
            cron: &schedule.cron,
            zone: &schedule.zone,
            en: schedule.words.as_ref().map(|words| &*words.en),
            fr: schedule.words.as_ref().map(|words| &*words.fr),
            kind: &schedule.kind,
            enabled: schedule.enabled,
            mark: match (schedule.enabled, &schedule.problem) {
                (_, Some(_)) => Mark::feminine("dead", "alert", "Broken"),
                (false, None) => Mark::feminine("paused", "paused", "Paused"),
                (true, None) => Mark::feminine("flowing", "scheduled", "Ticking"),
            },
            problem: schedule.problem.as_deref(),
            first: schedule.next.first().copied(),
            later: schedule.next.get(1..).unwrap_or_default(),
            past: schedule.past.iter().map(Past::from).collect(),
            last_run_at: schedule.last_run_at,
            last: schedule.last_job.as_ref().map(Last::from),
            skipped_at: schedule.skipped_at,
            missed: match schedule.missed {
                Missed::Once => word("missed ticks make one late run"),
                Missed::Skip => word("missed ticks are dropped"),
                Missed::All => word("missed ticks are each made up for"),
            },
            overlap: match schedule.overlap {
                Overlap::Skip => word("skipped while the last run goes on"),
                Overlap::Allow => word("runs may overlap"),
            },
        }
    }
}

/// A past tick: a dot, whose shape and word say what became of it.
#[derive(Serialize)]
struct Past {
    at: DateTime<Utc>,
    mark: Mark,
    job: Option<JobId>,
}

impl From<&Tick> for Past {
    fn from(tick: &Tick) -> Self {
        let none = Mark::new("unknown", "cancelled", "No run kept");
        Self { at: tick.at, mark: tick.state.as_deref().map_or(none, marks::job), job: tick.job }
    }
}

impl From<&LastJob> for Last {
    fn from(job: &LastJob) -> Self {
        let mark = match &job.state {
            Some(state) => marks::job(state),
            None => Mark::new("unknown", "trash", "Deleted"),
        };
        Self { id: job.id, mark, kept: job.state.is_some() }
    }
}

/// `GET /admin/schedules`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let schedules = schedule::list(&mut db).await?;
    drop(db);
    let broken = schedules.iter().filter(|schedule| schedule.problem.is_some()).count();
    let sentence = match broken {
        0 => say!("One tick, one job, however many workers there are."),
        1 => say!("One schedule cannot tick: see why below."),
        n => say!("{n} schedules cannot tick: see why below.", n = n),
    };
    let rows: Vec<Row<'_>> = schedules.iter().map(Row::from).collect();
    let page = json!({ "sentence": sentence, "may_act": desk.may_act(), "rows": rows });
    desk.page("schedules", Place::Schedules, "Schedules", &page).await
}

/// `POST /admin/schedules/{name}/run`
pub async fn run(desk: Desk, Path(name): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    let job = schedule::run_now(&mut tx, &name).await?;
    record(&mut tx, "SCHEDULE_RUN", name, json!({ "job": job })).await?;
    tx.commit().await?;
    desk.go(&format!("/admin/jobs/{job}"), What::Ran).await
}

/// `POST /admin/schedules/{name}/pause`
pub async fn pause(desk: Desk, Path(name): Path<String>) -> Answer {
    switch(desk, name, false).await
}

/// `POST /admin/schedules/{name}/resume`
pub async fn resume(desk: Desk, Path(name): Path<String>) -> Answer {
    switch(desk, name, true).await
}

async fn switch(desk: Desk, name: String, enabled: bool) -> Answer {
    let mut tx = desk.begin().await?;
    let changed = schedule::change(&mut tx, &name, &Change { enabled: Some(enabled), ..Change::default() }).await?;
    if !changed.after.is_empty() {
        record(&mut tx, "SCHEDULE_CHANGED", name, json!(changed)).await?;
    }
    tx.commit().await?;
    desk.go("/admin/schedules", if enabled { What::ScheduleOn } else { What::ScheduleOff }).await
}

async fn record(tx: &mut Tx, action: &'static str, id: String, details: Value) -> Result<(), ApiError> {
    audit::record(tx, Entry { action, severity: Severity::Medium, target: "schedule", id, details }).await?;
    Ok(())
}
