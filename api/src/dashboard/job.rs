//! One job: where it stands, how it came there, what it carries. What is done with it is in `action.rs`.

use std::collections::HashMap;

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared::kernel::ids::JobId;
use shared::kernel::page::PageRequest;
use shared::platform::audit;
use shared::platform::jobs::admin::{self, Attempt, Edit, Effect, JobFilter, JobView};
use shared::platform::jobs::bulk;
use shared::platform::jobs::health::{COUNT_CAP, LaneView};
use uuid::Uuid;

use crate::dashboard::advice::{self, Advice};
use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::frame::Place;
use crate::dashboard::lost;
use crate::dashboard::marks::{self, Mark, capped};
use crate::dashboard::relations;
use crate::dashboard::row::{RETRYABLE, Row};
use crate::dashboard::timeline::{self, Timeline};
use crate::dashboard::words::{decimal, key, say, word};
use crate::dashboard::{BILL, REVEAL, diff, mask, session};
use crate::error::ApiError;
use crate::extract::Path;

/// The list, about to be narrowed.
const LIST: &str = "/admin/jobs?";
/// Audit entries shown beside a job.
const ENTRIES: i64 = 20;
/// Jobs shown that it enqueued.
const CHILDREN: i64 = 20;

#[derive(Serialize)]
struct Page<'a> {
    job: &'a JobView,
    mark: Mark,
    stopping: bool,
    actions: Option<Actions>,
    timeline: Timeline,
    attempts: Vec<Run<'a>>,
    payload: String,
    masked: bool,
    result: Option<String>,
    progress: Option<Progress>,
    log: Option<&'a str>,
    effects: &'a [Effect],
    similar: Option<Similar>,
    /// What its failure means, while it has not succeeded.
    advice: Option<Advice>,
    facts: Vec<Fact>,
    children: Vec<Row<'a>>,
    /// What keeps it waiting, when that is not a free worker.
    waits: Option<String>,
    audit: Vec<Line>,
    may_reveal: bool,
    edits: Vec<Change>,
    /// The mail that it sends, rendered in a frame of its own.
    mail: Option<Uuid>,
    /// The invoice that it draws.
    invoice: Option<Uuid>,
}

/// A change of its payload by hand.
#[derive(Serialize)]
struct Change {
    at: DateTime<Utc>,
    who: String,
    lines: Vec<diff::Line>,
}

impl Change {
    fn of(edit: &Edit, people: &HashMap<Uuid, String>) -> Self {
        let who =
            edit.edited_by.and_then(|id| people.get(&id)).map_or_else(|| word("the command line"), String::as_str);
        let lines = diff::lines(&mask::shown(&edit.before).0, &mask::shown(&edit.after).0);
        Self { at: edit.edited_at, who: who.to_owned(), lines }
    }
}

/// How far a job has come: a bar when its kind counts, its own words otherwise.
#[derive(Serialize)]
struct Progress {
    done: Option<u64>,
    total: Option<u64>,
    text: String,
}

impl From<&Value> for Progress {
    fn from(value: &Value) -> Self {
        let (done, total) = (value["done"].as_u64(), value["total"].as_u64().filter(|total| *total > 0));
        match (done, total) {
            (Some(n), Some(all)) => Self {
                done,
                total,
                text: say!("{n} of {all}, {percent} %", n = n, all = all, percent = n.min(all) * 100 / all),
            },
            _ => Self { done: None, total: None, text: mask::shown(value).0 },
        }
    }
}

/// The group of its last failure.
#[derive(Serialize)]
struct Similar {
    fingerprint: String,
    words: String,
}

impl Similar {
    fn of(job: &JobView) -> Option<Self> {
        let fingerprint = job.fingerprint.clone().filter(|_| failing(&job.row.state) || job.similar > 0)?;
        let words = match job.similar {
            0 => say!("No other job fails like this now"),
            1 => say!("1 other job fails like this"),
            n => say!("{n} other jobs fail like this", n = capped(n.min(COUNT_CAP), n > COUNT_CAP)),
        };
        Some(Self { fingerprint, words })
    }
}

/// The row it is about, when that is such a one.
fn about(job: &JobView, kind: &str) -> Option<Uuid> {
    job.subject_id.filter(|_| job.subject_type.as_deref() == Some(kind))
}

/// For each action the reason why it is not possible now; none when it is.
#[derive(Serialize)]
struct Actions {
    id: JobId,
    /// It was never run: what brings a failed one back only hurries this one.
    later: bool,
    edit: Option<&'static str>,
    retry: Option<&'static str>,
    cancel: Option<&'static str>,
    discard: Option<&'static str>,
    why: Option<&'static str>,
}

#[derive(Serialize)]
struct Run<'a> {
    attempt: i32,
    mark: Mark,
    started_at: DateTime<Utc>,
    clock: String,
    ms: Option<i64>,
    worker: Option<Worker<'a>>,
    error: &'a str,
    log: Option<&'a str>,
}

/// Who ran it.
#[derive(Serialize)]
struct Worker<'a> {
    id: &'a str,
    href: String,
}

impl<'a> Run<'a> {
    fn new(run: &'a Attempt, now: DateTime<Utc>) -> Self {
        Self {
            attempt: run.attempt,
            mark: marks::outcome(&run.outcome),
            started_at: run.started_at,
            clock: timeline::clock(run.started_at, now),
            ms: run.finished_at.map(|end| (end - run.started_at).num_milliseconds().max(0)),
            worker: run.worker_id.as_deref().map(|id| Worker { id, href: of_worker(id) }),
            error: run.error.as_deref().unwrap_or_default(),
            // Of the run in progress the page tells it by itself.
            log: run.log.as_deref().filter(|log| run.outcome != "running" && !log.trim().is_empty()),
        }
    }
}

/// `GET /admin/jobs/{id}`
pub async fn show(desk: Desk, Path(id): Path<JobId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let job = match admin::get(&mut db, id).await {
        Ok(job) => job,
        Err(error) => return Err(lost::job(&desk.app, &mut db, id, error).await),
    };
    let mut entries = audit::about(&mut db, "job", &id.to_string(), ENTRIES).await?;
    for operation in bulk::of_job(&mut db, id).await? {
        entries.extend(audit::about(&mut db, "bulk", &operation.to_string(), ENTRIES).await?);
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    let audit = Line::all(&mut db, entries).await?;
    let mut children = Vec::new();
    if !job.children.is_empty() {
        let some = PageRequest { limit: CHILDREN, ..PageRequest::default() };
        children = admin::list(&mut db, &enqueued_by(id), some).await?.rows;
    }
    let subject = relations::about(&mut db, &desk.me.permissions, &job).await?;
    let held =
        admin::kinds::list(&mut db).await?.into_iter().find(|kind| kind.kind == job.row.kind && kind.fuse != "closed");
    let edits = admin::edits(&mut db, id).await?;
    let named = job.created_by.into_iter().chain(edits.iter().filter_map(|edit| edit.edited_by));
    let people = session::names(&mut db, named).await?;
    drop(db);
    let health = desk.pulse.read(&desk.app.platform).await?;
    let lane = health.lanes.iter().find(|lane| lane.name == job.row.lane);
    let waits = (job.row.state == "queued").then(|| lane.and_then(|lane| waits(lane, held.is_some()))).flatten();
    let now = desk.app.platform.clock.now();
    let (payload, masked) = mask::shown(&job.payload);
    let page = Page {
        mark: marks::job(&job.row.state),
        stopping: job.row.cancel_requested && job.row.state == "running",
        actions: desk.may_act().then(|| actions(id, &job.row.state, waits.is_some())),
        timeline: Timeline::of(&job, now),
        attempts: job.attempts.iter().map(|run| Run::new(run, now)).collect(),
        payload,
        masked,
        result: job.result.as_ref().map(|result| mask::shown(result).0),
        progress: job.progress.as_ref().filter(|_| job.row.state != "succeeded").map(Progress::from),
        log: job.log.as_deref().filter(|log| job.row.state == "running" && !log.trim().is_empty()),
        effects: &job.effects,
        similar: Similar::of(&job),
        advice: job.row.error_code.as_deref().filter(|_| failing(&job.row.state)).and_then(advice::about),
        facts: facts(&job, subject, job.created_by.and_then(|id| people.get(&id)).cloned()),
        may_reveal: desk.me.permissions.can(REVEAL),
        edits: edits.iter().rev().map(|edit| Change::of(edit, &people)).collect(),
        mail: about(&job, "email"),
        invoice: about(&job, "invoice").filter(|_| desk.me.permissions.can(BILL)),
        children: children.iter().map(Row::from).collect(),
        waits,
        audit,
        job: &job,
    };
    let place = if job.row.state == "dead" { Place::Dead } else { Place::Jobs };
    desk.page("job", place, &format!("{} {}", job.row.kind, page.mark.word), &page).await
}

/// Whether its last run failed and no other has begun.
fn failing(state: &str) -> bool {
    matches!(state, "retrying" | "dead")
}

/// The jobs it enqueued.
fn enqueued_by(id: JobId) -> JobFilter {
    JobFilter { filter: Some(format!("parent:{id}")), ..JobFilter::default() }
}

/// What keeps a queued job waiting, when that is not a free worker.
fn waits(lane: &LaneView, held: bool) -> Option<String> {
    match lane.pause_reason.as_deref() {
        _ if held => Some(say!("Its kind is held: it starts when somebody lets it run.")),
        Some(reason) if lane.paused_at.is_some() => {
            Some(say!("Its queue is paused, “{reason}”: it starts when the queue is resumed.", reason = reason))
        }
        _ if lane.paused_at.is_some() => Some(say!("Its queue is paused: it starts when the queue is resumed.")),
        _ if lane.workers == 0 => Some(say!("No worker alive serves its queue: it starts when one does.")),
        _ => None,
    }
}

fn actions(id: JobId, state: &str, waits: bool) -> Actions {
    let ended = matches!(state, "dead" | "cancelled");
    let (retry, discard) = match state {
        "running" => (Some(word("It is running.")), Some(word("It is running: cancel it first."))),
        "queued" => (Some(word("It is in its queue already.")), Some(word("It is waiting: cancel it first."))),
        "blocked" => (Some(word("It waits for others.")), Some(word("It is waiting: cancel it first."))),
        "succeeded" => (Some(word("It has succeeded.")), Some(word("It has succeeded; retention removes it."))),
        _ => (None, Some(word("Cancel it first."))),
    };
    let edit = match state {
        "running" => Some(word("It is running.")),
        "succeeded" => Some(word("It has succeeded.")),
        _ => None,
    };
    Actions {
        id,
        later: state == "scheduled",
        edit,
        retry: retry.filter(|_| !RETRYABLE.contains(&state)),
        cancel: (ended || state == "succeeded").then(|| word("It has ended.")),
        discard: discard.filter(|_| !ended),
        why: match state {
            "running" => {
                Some(word("While it runs it can only be cancelled; the worker stops it at its next heartbeat."))
            }
            "queued" if waits => None,
            "queued" => Some(word("It starts as soon as a worker is free; there is nothing to hurry.")),
            "blocked" => Some(word(
                "It starts when there is room under its key, or when its batch is final; until then it can only be cancelled.",
            )),
            "succeeded" => Some(word("It has succeeded: there is nothing left to do with it.")),
            _ => None,
        },
    }
}

fn facts(job: &JobView, subject: Vec<Fact>, creator: Option<String>) -> Vec<Fact> {
    let code = |name, value: &Option<String>| value.as_ref().map(|value| Fact::code(name, value));
    let listed = |name, value: &str| {
        form_urlencoded::Serializer::for_suffix(LIST.to_owned(), LIST.len()).append_pair(name, value).finish()
    };
    let tenant = job.row.tenant.as_ref().map(|tenant| Fact::link("Tenant", tenant, listed("tenant", tenant)));
    let room = job.concurrency_key.as_ref().map(|key| {
        let limit = job.concurrency_limit.map(|n| say!(", at most {n} at once", n = n)).unwrap_or_default();
        Fact::link("Key", format!("{key}{limit}"), listed("key", key))
    });
    let whole = job.timeout_ms % 1000 == 0;
    let seconds = if whole { (job.timeout_ms / 1000).to_string() } else { decimal(job.timeout_ms / 100) };
    let batch = job.batch_id.map(|id| Fact::link("Batch", id, format!("/admin/batches/{id}")));
    let trace = job.traceparent.as_ref().and_then(|parent| parent.split('-').nth(1));
    let lease = job.lease_until.filter(|_| job.row.state == "running");
    let facts = [
        Some(Fact::link("Queue", &job.row.lane, format!("/admin/jobs?lane={}", job.row.lane))),
        Some(Fact::text("Priority", if job.priority == 0 { say!("normal") } else { format!("{:+}", job.priority) })),
        Some(Fact::text("Attempts", say!("{n} of {max}", n = job.row.attempt, max = job.row.max_attempts))),
        Some(Fact::text("Time limit", say!("{seconds} s per run", seconds = seconds))),
        code(key("Unique key"), &job.unique_key),
        tenant,
        room,
        batch,
        job.deadline_at.map(|at| Fact::at("Must begin by", at)),
        job.parent_id.map(|id| Fact::link("Enqueued by job", id, format!("/admin/jobs/{id}"))),
        creator.map(|name| Fact::text("Asked for by", name)),
        trace.map(|trace| Fact::code("Trace", trace)),
        Some(Fact::at("Enqueued", job.row.created_at)),
        job.row.finished_at.is_none().then(|| Fact::at("Due", job.row.run_at)),
        job.row.finished_at.map(|at| Fact::at("Ended", at)),
        job.worker_id.as_ref().map(|id| Fact::link("Worker", id, of_worker(id))),
        lease.map(|at| Fact::at("Lease until", at)),
        (job.deaths > 0).then(|| Fact::text("Crashes", say!("{n} processes died with it", n = job.deaths))),
        code(key("Enqueued by"), &job.enqueued_version),
        code(key("Last run by"), &job.ran_version),
    ];
    subject.into_iter().chain(facts.into_iter().flatten()).collect()
}

/// What a worker has in hand, and what it had last.
pub fn of_worker(id: &str) -> String {
    form_urlencoded::Serializer::for_suffix(LIST.to_owned(), LIST.len())
        .append_pair("filter", &format!("worker:{id}"))
        .finish()
}
