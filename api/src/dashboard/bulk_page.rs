//! Pages of bulk operations: the preview of a draft, then how far it is and what became of each job.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::flows::reauthentication::is_due;
use shared::kernel::ids::BulkId;
use shared::kernel::page::PageRequest;
use shared::platform::audit;
use shared::platform::jobs::admin::JobFilter;
use shared::platform::jobs::bulk::{self, Action, BulkView, FREELY, Item, LARGE, Tally};

use crate::dashboard::audit::Line;
use crate::dashboard::bulk::verb;
use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark, capped};
use crate::dashboard::pager::Pager;
use crate::dashboard::session;
use crate::dashboard::words::say;
use crate::error::ApiError;
use crate::extract::{Paging, Path};

/// Samples of a preview, and jobs on the page of one that was started.
const SAMPLES: i64 = 10;
/// Audit entries beside it.
const ENTRIES: i64 = 20;

/// An operation as a row.
#[derive(Serialize)]
struct Row {
    id: BulkId,
    title: String,
    filter: String,
    mark: Mark,
    total: i64,
    handled: i64,
    done: i64,
    skipped: i64,
    undone: i64,
    pace: String,
    reason: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<&BulkView> for Row {
    fn from(view: &BulkView) -> Self {
        Self {
            id: view.id,
            title: title(view),
            filter: view.filter.clone(),
            mark: mark(&view.state),
            total: view.total,
            handled: view.total - view.pending,
            done: view.done,
            skipped: view.skipped,
            undone: view.undone,
            pace: view.per_second.map_or_else(|| say!("all at once"), |n| say!("{n} per second", n = n)),
            reason: view.reason.clone(),
            started_at: view.started_at,
            finished_at: view.finished_at,
        }
    }
}

/// `Retry 318 jobs`
fn title(view: &BulkView) -> String {
    let to = match (view.action, &view.params.0) {
        (Action::Priority, params) => format!(" → {}", params.priority.unwrap_or_default()),
        (Action::Queue, params) => format!(": {}", params.queue.clone().unwrap_or_default()),
        _ => String::new(),
    };
    let (verb, n) = (verb(view.action), capped(view.total, false));
    let jobs = match view.total {
        1 => say!("{verb} {n} job", verb = verb, n = n),
        _ => say!("{verb} {n} jobs", verb = verb, n = n),
    };
    format!("{jobs}{to}")
}

fn mark(state: &str) -> Mark {
    match state {
        "draft" => Mark::feminine("scheduled", "scheduled", "Not started"),
        "running" => Mark::feminine("running", "running", "Running"),
        "paused" => Mark::feminine("paused", "paused", "Paused"),
        "done" => Mark::feminine("succeeded", "succeeded", "Done"),
        "undone" => Mark::feminine("cancelled", "retrying", "Undone"),
        _ => Mark::feminine("cancelled", "cancelled", "Ended"),
    }
}

/// A job of it.
#[derive(Serialize)]
struct Entry {
    id: String,
    kind: String,
    about: Option<String>,
    was: Mark,
    outcome: Mark,
    why: Option<String>,
}

impl From<Item> for Entry {
    fn from(item: Item) -> Self {
        let outcome = match item.outcome.as_str() {
            "pending" => Mark::new("queued", "queued", "To do"),
            "done" => Mark::new("succeeded", "succeeded", "Done"),
            "refused" => Mark::new("cancelled", "cancelled", "Refused"),
            "undone" => Mark::new("scheduled", "retrying", "Undone"),
            "kept" => Mark::new("running", "running", "Moved on"),
            _ => Mark::new("retrying", "alert", "Skipped"),
        };
        let (id, kind, about, why) = (item.job_id.to_string(), item.kind, item.about, item.why);
        Self { id, kind, about, was: marks::job(&item.state), outcome, why }
    }
}

/// `GET /admin/bulk`
pub async fn list(desk: Desk, Paging(request): Paging) -> Result<Response, ApiError> {
    let page = bulk::list(&mut *desk.db().await?, request).await?;
    let rows: Vec<Row> = page.rows.iter().map(Row::from).collect();
    let pager = Pager::new("/admin/bulk", "", request, &page);
    desk.page("bulk_list", Place::Bulk, "Bulk operations", &json!({ "rows": rows, "pager": pager })).await
}

/// `GET /admin/bulk/{id}`
pub async fn show(desk: Desk, Path(id): Path<BulkId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let view = bulk::get(&mut db, id).await?;
    let tallies = bulk::tallies(&mut db, id).await?;
    let few = PageRequest { limit: SAMPLES, ..PageRequest::default() };
    let trouble =
        bulk::items(&mut db, id, Some(if view.state == "draft" { "refused" } else { "skipped" }), few).await?;
    let sample = bulk::items(&mut db, id, (view.state == "draft").then_some("pending"), few).await?;
    let entries = audit::about(&mut db, "bulk", &id.to_string(), ENTRIES).await?;
    let audit = Line::all(&mut db, entries).await?;
    let password = view.state == "draft" && view.action.is_destructive() && is_due(&mut db, desk.me.session).await?;
    let who = session::names(&mut db, view.started_by.or(view.created_by).into_iter()).await?;
    drop(db);
    let row = Row::from(&view);
    let list = format!("/admin/jobs?filter=bulk%3A{id}");
    let page = json!({
        "may_act": desk.may_act(),
        "too_large": view.total > LARGE && !desk.me.permissions.can(crate::dashboard::LARGE),
        "draft": view.state == "draft",
        "button": if view.filter.is_empty() { row.title.clone() } else { format!("{}: {}", row.title, view.filter) },
        "tallies": tallies.iter().map(tally).collect::<Vec<_>>(),
        "trouble": trouble.rows.into_iter().map(Entry::from).collect::<Vec<_>>(),
        "sample": sample.rows.into_iter().map(Entry::from).collect::<Vec<_>>(),
        "password": password,
        "reason_needed": view.total > FREELY,
        "word": (view.filter.is_empty() && view.action.is_destructive()).then(|| view.action.name()),
        "patch": view.params.patch.as_ref().and_then(|patch| serde_json::to_string_pretty(patch).ok()),
        "back": super::filter::address(&asked(&view)),
        "pausable": view.state == "running",
        "resumable": view.state == "paused",
        "endable": matches!(view.state.as_str(), "running" | "paused"),
        "undoable": view.undo_until.is_some_and(|until| until > desk.app.platform.clock.now()),
        "who": who.into_values().next(),
        "audit": audit,
        "list": list,
        "view": &view,
        "row": row,
    });
    desk.page("bulk", Place::Bulk, &title(&view), &page).await
}

/// The filter of an operation, where it had one.
fn asked(view: &BulkView) -> JobFilter {
    let text = (!view.by_hand && !view.filter.is_empty()).then(|| view.filter.clone());
    JobFilter { filter: text, ..JobFilter::default() }
}

fn tally(tally: &Tally) -> serde_json::Value {
    json!({ "kind": tally.kind, "mark": marks::job(&tally.state), "count": tally.count, "refused": tally.outcome == "refused" })
}
