//! Failures in groups: what fails, how often, since when; resolved, muted, noted, or all of their jobs retried.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::platform::audit;
use shared::platform::jobs::admin::groups::{self, GroupFilter, GroupRow, STATES};
use shared::platform::jobs::admin::suspects::{self, Suspect};
use shared::platform::jobs::kinds;

use crate::acts;
use crate::dashboard::advice;
use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::filter;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Count, Mark, capped};
use crate::dashboard::note::What;
use crate::dashboard::row;
use crate::dashboard::words::word;
use crate::error::{Answer, ApiError};
use crate::extract::{Path, Query};

/// Audit entries shown beside a group.
const ENTRIES: i64 = 20;

/// A group as pages show it.
#[derive(Serialize)]
struct Row<'a> {
    fingerprint: &'a str,
    mark: Mark,
    resolved: bool,
    kind: &'a str,
    code: &'a str,
    message: &'a str,
    count: String,
    open: Count,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    first_version: &'a str,
    last_version: &'a str,
    muted_until: Option<DateTime<Utc>>,
    resolved_at: Option<DateTime<Utc>>,
    note: Option<&'a str>,
    /// What the button says that makes it known; none when it is.
    known: Option<&'static str>,
}

impl<'a> From<&'a GroupRow> for Row<'a> {
    fn from(group: &'a GroupRow) -> Self {
        Self {
            fingerprint: &group.fingerprint,
            mark: marks::group(&group.state),
            resolved: group.state == "resolved",
            kind: &group.kind,
            code: &group.code,
            message: &group.message,
            count: capped(group.count, false),
            open: Count::linked(group.open, format!("/admin/jobs?error={}", group.fingerprint)),
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            first_version: &group.first_version,
            last_version: &group.last_version,
            muted_until: group.muted_until,
            resolved_at: group.resolved_at,
            note: group.note.as_deref(),
            known: match group.state.as_str() {
                "known" => None,
                "muted" => Some(word("Unmute")),
                "resolved" => Some(word("Reopen")),
                _ => Some(word("Mark as known")),
            },
        }
    }
}

/// `GET /admin/errors`
pub async fn list(desk: Desk, Query(given): Query<GroupFilter>) -> Result<Response, ApiError> {
    let given = given.checked()?;
    let found = groups::list(&mut *desk.db().await?, &given).await?;
    let link = |state: Option<&str>| {
        let filter = GroupFilter { state: state.map(str::to_owned), ..given.clone() };
        filter::with("/admin/errors", &serde_urlencoded::to_string(filter).unwrap_or_default())
    };
    let tab = |word, state: Option<&str>| json!({ "word": word, "href": link(state), "current": given.state.as_deref() == state });
    let tabs: Vec<_> = std::iter::once(tab(word("All"), None))
        .chain(STATES.into_iter().map(|state| tab(marks::group(state).word, Some(state))))
        .collect();
    let narrowed = given != GroupFilter::default();
    let page = json!({
        "tabs": tabs,
        "rows": found.iter().map(Row::from).collect::<Vec<_>>(),
        "full": found.len() as i64 == groups::MOST,
        "may_act": desk.may_act(),
        "narrowed": narrowed,
        "kind": given.kind,
        "state": given.state,
        "kinds": kinds::ALL.iter().map(|kind| kind.name).collect::<Vec<_>>(),
    });
    desk.page("errors", Place::Errors, "Errors", &page).await
}

/// `GET /admin/errors/{fingerprint}`
pub async fn show(desk: Desk, Path(fingerprint): Path<String>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let group = groups::get(&mut db, &fingerprint).await?;
    let entries = audit::about(&mut db, "error", &fingerprint, ENTRIES).await?;
    let audit = Line::all(&mut db, entries).await?;
    let suspects = suspects::suspects(&mut db, &group.row).await?;
    drop(db);
    let page = json!({
        "advice": advice::about(&group.row.code),
        "where": location(&suspects),
        "suspects": suspects.iter().map(suspect).collect::<Vec<_>>(),
        "group": Row::from(&group.row),
        "jobs": group.jobs.iter().map(row::Row::from).collect::<Vec<_>>(),
        "last_job": group.row.last_job,
        "may_act": desk.may_act(),
        "audit": audit,
    });
    let title = format!("{}: {}", group.row.kind, shared::kernel::text::cut(&group.row.message, 60));
    desk.page("failure", Place::Errors, &title, &page).await
}

fn suspect(found: &Suspect) -> serde_json::Value {
    json!({
        "worker": found.worker, "failed": found.failed, "succeeded": found.succeeded,
        "mark": marks::worker(found.state.as_deref().unwrap_or("stopped")),
        "stoppable": found.failed > 0 && found.state.as_deref() == Some("running"),
    })
}

/// Whether it is one worker's failure.
fn location(suspects: &[Suspect]) -> Option<&'static str> {
    let fails = suspects.iter().filter(|worker| worker.failed > 0).count();
    let only_fail = suspects.iter().filter(|worker| worker.failed > 0 && worker.succeeded == 0).count();
    let only_succeed = suspects.iter().any(|worker| worker.failed == 0);
    match (fails, only_fail, only_succeed) {
        (0, ..) => None,
        (1, 1, true) => Some(word(
            "It fails on one worker alone, while others do the same without a failure: that worker is set up wrong.",
        )),
        (n, m, true) if n == m => {
            Some(word("It fails on some workers and never on the others: look at what distinguishes them."))
        }
        (n, m, false) if n == m => Some(word("Nobody succeeds with it now: the cause is not one worker's.")),
        _ => None,
    }
}

/// Why, and for how long.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Why {
    reason: Option<String>,
    hours: Option<i64>,
}

/// `POST /admin/errors/{fingerprint}/resolve`
pub async fn resolve(desk: Desk, Path(fingerprint): Path<String>, Sent(form): Sent<Why>) -> Answer {
    let mut tx = desk.begin().await?;
    acts::resolve(&mut tx, &fingerprint, forms::line(form.reason.as_deref()).as_deref()).await?;
    tx.commit().await?;
    desk.go(&page(&fingerprint), What::Resolved).await
}

/// `POST /admin/errors/{fingerprint}/mute`
pub async fn mute(desk: Desk, Path(fingerprint): Path<String>, Sent(form): Sent<Why>) -> Answer {
    let until = forms::after_minutes(&desk.app, form.hours.map(|hours| hours.saturating_mul(60)))?;
    let mut tx = desk.begin().await?;
    acts::mute(&mut tx, &fingerprint, until, forms::line(form.reason.as_deref()).as_deref()).await?;
    tx.commit().await?;
    desk.go(&page(&fingerprint), What::Muted).await
}

/// `POST /admin/errors/{fingerprint}/unmute`
pub async fn unmute(desk: Desk, Path(fingerprint): Path<String>) -> Answer {
    let mut tx = desk.begin().await?;
    acts::unmute(&mut tx, &fingerprint, None).await?;
    tx.commit().await?;
    desk.go(&page(&fingerprint), What::Known).await
}

/// What somebody knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Note {
    note: Option<String>,
}

/// `POST /admin/errors/{fingerprint}/note`
pub async fn note(desk: Desk, Path(fingerprint): Path<String>, Sent(form): Sent<Note>) -> Answer {
    let note = form.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    let note = note.map(|note| shared::kernel::text::cut(note, 2000));
    let mut tx = desk.begin().await?;
    acts::note(&mut tx, &fingerprint, note.as_deref()).await?;
    tx.commit().await?;
    desk.go(&page(&fingerprint), What::Noted).await
}

fn page(fingerprint: &str) -> String {
    format!("/admin/errors/{fingerprint}")
}
