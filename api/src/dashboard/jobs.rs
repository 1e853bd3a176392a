//! The list of jobs. The URL is the only state: tabs, chips, form and pages are links to other URLs.

use axum::response::Response;
use serde::Serialize;
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::jobs::admin::{self, JobFilter};
use shared::platform::jobs::health::LaneView;

use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::filter::{self, Bar, Chip, Hidden};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, capped};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::pulse::Health;
use crate::dashboard::row::{Row, retryable};
use crate::error::ApiError;
use crate::extract::{Paging, Query};

/// Tabs in the order of concern.
const TABS: [&str; 8] = ["queued", "blocked", "running", "retrying", "dead", "scheduled", "succeeded", "cancelled"];

#[derive(Serialize)]
struct List<'a> {
    heading: &'static str,
    tabs: Vec<Tab>,
    form: Bar,
    chips: Vec<Chip>,
    clear: String,
    rows: Vec<Row<'a>>,
    empty: Empty,
    pager: Option<Pager>,
    bulk: Option<Bulk>,
}

#[derive(Serialize)]
struct Tab {
    word: &'static str,
    href: String,
    current: bool,
    n: Option<String>,
    red: bool,
}

#[derive(Serialize)]
struct Bulk {
    refused: Option<&'static str>,
    fields: Vec<Hidden>,
}

/// `GET /admin/jobs`
pub async fn list(desk: Desk, Query(given): Query<JobFilter>, Paging(request): Paging) -> Result<Response, ApiError> {
    let given = given.checked()?;
    if let Some(job) = named(&desk, &given).await? {
        return see_other(&format!("/admin/jobs/{job}"));
    }
    let page = admin::list(&mut *desk.db().await?, &given, request).await?;
    let health = desk.pulse.read(&desk.app.platform).await?;
    let dead = given.state.as_deref() == Some("dead");
    let heading = if dead { "Dead letters" } else { "Jobs" };
    let view = List {
        heading,
        tabs: tabs(&given, &health),
        form: filter::bar(&given),
        chips: filter::chips(&given),
        clear: filter::address(&JobFilter { state: given.state.clone(), ..JobFilter::default() }),
        rows: page.rows.iter().map(Row::from).collect(),
        empty: empty(&given),
        pager: Pager::new("/admin/jobs", &filter::query(&given), request, &page),
        bulk: desk.may_act().then(|| bulk(&given)).filter(|_| !page.rows.is_empty()),
    };
    desk.page("jobs", if dead { Place::Dead } else { Place::Jobs }, heading, &view).await
}

/// Somebody pasted a job's id into the search box.
async fn named(desk: &Desk, given: &JobFilter) -> Result<Option<JobId>, ApiError> {
    let Some(id) = given.q.as_deref().and_then(|q| q.trim().parse::<JobId>().ok()) else {
        return Ok(None);
    };
    match admin::get(&mut *desk.db().await?, id).await {
        Ok(job) => Ok(Some(job.row.id)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The states, counted where the lanes' counts are exactly this list's.
fn tabs(given: &JobFilter, health: &Health) -> Vec<Tab> {
    let plain = JobFilter { state: None, lane: None, ..given.clone() } == JobFilter::default();
    let count = |state: &str| {
        let of = |lane: &LaneView| match state {
            _ if given.lane.as_ref().is_some_and(|wanted| *wanted != lane.name) => 0,
            "queued" => lane.waiting,
            "blocked" => lane.blocked,
            "running" => lane.running,
            "retrying" => lane.retrying,
            "dead" => lane.dead,
            "scheduled" => lane.scheduled,
            _ => 0,
        };
        let (n, more) = health.total(of);
        (plain && n > 0).then(|| capped(n, more))
    };
    let link = |state: Option<&str>| filter::address(&JobFilter { state: state.map(str::to_owned), ..given.clone() });
    let all = Tab { word: "All", href: link(None), current: given.state.is_none(), n: None, red: false };
    let states = TABS.into_iter().map(|state| Tab {
        word: marks::job(state).word,
        href: link(Some(state)),
        current: given.state.as_deref() == Some(state),
        n: count(state),
        red: state == "dead",
    });
    std::iter::once(all).chain(states).collect()
}

fn empty(given: &JobFilter) -> Empty {
    let narrowed = JobFilter { state: None, ..given.clone() } != JobFilter::default();
    let state = given.state.as_deref();
    let word = state.map_or(String::new(), |state| format!("{} ", marks::job(state).word.to_lowercase()));
    if narrowed {
        return Empty {
            icon: "search",
            title: format!("No {word}job matches."),
            text: "Others may be hidden by the filters.",
            href: Some(filter::address(&JobFilter { state: given.state.clone(), ..JobFilter::default() })),
            action: "Clear them",
        };
    }
    let (icon, text) = match state {
        Some("dead") => ("calm", "Nothing to do."),
        Some("queued") => ("calm", "Everything due has been taken."),
        Some("blocked") => ("calm", "Nothing waits for room under a key, or for its batch."),
        Some("retrying") => ("calm", "Nothing has failed and waits for another attempt."),
        Some("running") => ("running", "Workers are idle, or none is alive."),
        Some(_) => ("jobs", "Nothing is in this state."),
        None => ("jobs", "The first one appears here as soon as something is enqueued."),
    };
    Empty { icon, title: format!("No {word}jobs."), text, href: None, action: "" }
}

fn bulk(given: &JobFilter) -> Bulk {
    let allowed = retryable(given);
    let refused =
        (!allowed).then_some("Choose dead, cancelled, retrying or scheduled first: only those can be retried.");
    Bulk { refused, fields: filter::hidden(given) }
}
