//! Bulk actions: from the list the jobs are frozen as a draft, whose page previews it; from there it is started, paused,
//! ended, undone. Each with its audit entry in the same transaction, all under the operation's id.

use axum::response::Response;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::flows::reauthentication;
use shared::kernel::Error;
use shared::kernel::ids::BulkId;
use shared::platform::jobs::Lane;
use shared::platform::jobs::admin::{JobFilter, Term};
use shared::platform::jobs::bulk::{self, Action, NewBulk, Pace, Params};
use shared::platform::jobs::health::COUNT_CAP;
use shared::platform::tx::Tx;

use crate::acts;
use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::filter::{self, Hidden};
use crate::dashboard::forms::{Fields, Sent};
use crate::dashboard::marks::capped;
use crate::dashboard::note::{Note, What};
use crate::dashboard::words::word;
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// What a list offers to do with its jobs.
#[derive(Serialize)]
pub struct Offer {
    fields: Vec<Hidden>,
    /// How many match; none: counting them takes too long.
    all: Option<String>,
    actions: Vec<Choice>,
    queues: Vec<&'static str>,
}

#[derive(Serialize)]
struct Choice {
    name: &'static str,
    words: &'static str,
    /// Possible from the state that the list shows.
    chosen: bool,
}

impl Offer {
    /// For the jobs that match, so many where that is known.
    pub fn new(terms: &[Term], many: Option<i64>) -> Self {
        let state = filter::state(terms);
        let mut fits =
            Action::ALL.into_iter().filter(|action| state.is_none_or(|state| action.from().contains(&state)));
        let first = fits.next();
        let choice = |action| Choice { name: action_name(action), words: verb(action), chosen: first == Some(action) };
        Self {
            fields: filter::hidden(&JobFilter::of(terms)),
            all: many.map(|many| capped(many.min(COUNT_CAP), many > COUNT_CAP)),
            actions: Action::ALL.into_iter().map(choice).collect(),
            queues: Lane::ALL.iter().map(|lane| lane.name()).collect(),
        }
    }
}

const fn action_name(action: Action) -> &'static str {
    action.name()
}

/// What a button says.
pub fn verb(action: Action) -> &'static str {
    word(match action {
        Action::Retry => "Retry",
        Action::Run => "Run now",
        Action::Cancel => "Cancel",
        Action::Discard => "Discard",
        Action::Kill => "Move to dead letters",
        Action::Priority => "Change priority of",
        Action::Queue => "Move to another queue",
        Action::Edit => "Edit payload of",
    })
}

/// `POST /admin/bulk/preview`: freezes, and leads to the page of the draft.
pub async fn preview(desk: Desk, fields: Fields, Sent(filter): Sent<Scope>) -> Result<Response, ApiError> {
    let selected = fields.get("scope") == "selected";
    let ids = fields.all("id").map(|id| id.parse().map_err(|_| Error::field("id", "type", "should be an id")));
    let ids: Vec<_> = ids.collect::<Result<_, _>>()?;
    if selected && ids.is_empty() {
        return desk.go(&filter::address(&filter.filter()), What::NothingChosen).await;
    }
    let new = NewBulk {
        action: filter.action,
        params: filter.params()?,
        filter: if selected { JobFilter::default() } else { filter.filter() },
        ids: selected.then_some(ids),
    };
    let mut tx = desk.begin().await?;
    let id = bulk::freeze(&mut tx, &new).await?;
    tx.commit().await?;
    see_other(&page(id))
}

/// What the list's form sends.
#[derive(Debug, Deserialize)]
pub struct Scope {
    action: Action,
    filter: Option<String>,
    error: Option<String>,
    priority: Option<i16>,
    queue: Option<String>,
    patch: Option<String>,
}

impl Scope {
    fn filter(&self) -> JobFilter {
        JobFilter { filter: self.filter.clone(), error: self.error.clone(), ..JobFilter::default() }
    }

    fn params(&self) -> Result<Params, Error> {
        let wanted = |action| self.action == action;
        let patch = self.patch.as_deref().filter(|_| wanted(Action::Edit)).map(serde_json::from_str).transpose();
        Ok(Params {
            priority: self.priority.filter(|_| wanted(Action::Priority)),
            queue: self.queue.clone().filter(|_| wanted(Action::Queue)),
            patch: patch.map_err(|error| Error::field("patch", "json", error.to_string()))?,
        })
    }
}

/// What the draft's form sends.
#[derive(Deserialize)]
pub struct Go {
    per_second: Option<i32>,
    not_before: Option<String>,
    reason: Option<String>,
    word: Option<String>,
    password: Option<String>,
}

/// `POST /admin/bulk/{id}/start`
pub async fn start(desk: Desk, Path(id): Path<BulkId>, Sent(form): Sent<Go>) -> Answer {
    let not_before = form.not_before.as_deref().map(moment).transpose()?;
    let pace = Pace { per_second: form.per_second, not_before, reason: form.reason, word: form.word };
    let who = (desk.me.user, desk.me.session);
    match acts::bulk::confirm(&desk.app, &desk.origin, who, id, form.password.as_deref()).await {
        Err(Error::Forbidden(code)) if code == reauthentication::REQUIRED => {
            return desk.go(&page(id), What::PasswordNeeded).await;
        }
        Err(Error::Invalid(_)) => return desk.go(&page(id), What::PasswordWrong).await,
        confirmed => confirmed?,
    }
    let mut tx = desk.begin().await?;
    match acts::bulk::start(&mut tx, id, &pace, acts::bulk::rights(&desk.me.permissions)).await {
        Err(Error::Conflict { .. }) => return desk.go(&page(id), What::BulkRefused).await,
        started => started?,
    };
    tx.commit().await?;
    desk.go(&page(id), What::BulkStarted).await
}

/// `2026-11-22T10:00`, as browsers send it, in UTC.
fn moment(text: &str) -> Result<DateTime<Utc>, Error> {
    let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let at = read("%Y-%m-%dT%H:%M").or_else(|| read("%Y-%m-%dT%H:%M:%S"));
    at.map(|at| at.and_utc()).ok_or_else(|| Error::field("not_before", "type", "should be a date and a time"))
}

/// `POST /admin/bulk/{id}/pause`
pub async fn pause(desk: Desk, Path(id): Path<BulkId>) -> Answer {
    let mut tx = desk.begin().await?;
    let done = acts::bulk::pause(&mut tx, id).await;
    finish(&desk, tx, id, done, What::BulkPaused).await
}

/// `POST /admin/bulk/{id}/resume`
pub async fn resume(desk: Desk, Path(id): Path<BulkId>) -> Answer {
    let mut tx = desk.begin().await?;
    let done = acts::bulk::resume(&mut tx, id).await;
    finish(&desk, tx, id, done, What::BulkResumed).await
}

/// `POST /admin/bulk/{id}/cancel`
pub async fn end(desk: Desk, Path(id): Path<BulkId>) -> Answer {
    let mut tx = desk.begin().await?;
    let done = acts::bulk::end(&mut tx, id).await;
    finish(&desk, tx, id, done, What::BulkEnded).await
}

/// `POST /admin/bulk/{id}/undo`
pub async fn undo(desk: Desk, Path(id): Path<BulkId>) -> Answer {
    let mut tx = desk.begin().await?;
    let done = acts::bulk::undo(&mut tx, id).await;
    let (back, kept) = done.as_ref().copied().unwrap_or_default();
    let note = Note { what: What::BulkUndone, n: back, m: kept };
    finish(&desk, tx, id, done.map(drop), note).await
}

async fn finish(desk: &Desk, tx: Tx, id: BulkId, done: Result<(), Error>, note: impl Into<Note>) -> Answer {
    match done {
        Err(Error::Conflict { .. }) => return desk.go(&page(id), What::BulkRefused).await,
        done => done?,
    }
    tx.commit().await?;
    desk.go(&page(id), note).await
}

fn page(id: BulkId) -> String {
    format!("/admin/bulk/{id}")
}
