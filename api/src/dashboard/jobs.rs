//! The list of jobs. The URL is the only state: tabs, chips, form and pages are links to other URLs.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::kernel::page::{Page, PageRequest};
use shared::platform::jobs::admin::{self, JobFilter, JobRow, Sort, Term, views};
use shared::platform::jobs::health::{COUNT_CAP, LaneView};

use crate::dashboard::bulk::Offer;
use crate::dashboard::columns::Columns;
use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::filter::{self, Bar, Chip};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, capped};
use crate::dashboard::order;
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::pulse::Health;
use crate::dashboard::row::Row;
use crate::dashboard::saved::Saved;
use crate::dashboard::words::{key, say, word};
use crate::error::ApiError;
use crate::extract::Paging;

/// Tabs in the order of concern.
const TABS: [&str; 8] = ["queued", "blocked", "running", "retrying", "dead", "scheduled", "succeeded", "cancelled"];

/// The list may look so long for its rows; then it says what the first jobs hold. What an index answers takes less.
const PATIENCE: Duration = Duration::from_millis(55);
/// And so long again count those that match.
const COUNTING: Duration = Duration::from_millis(30);
/// When somebody asked for all of it: less than any statement may take.
const ALL_OF_IT: Duration = Duration::from_secs(12);
/// Filters of an empty list that are tried without.
const TRIED: u32 = 4;

#[derive(Serialize)]
struct List<'a> {
    heading: &'static str,
    order: &'static str,
    /// As addresses have it; none for the usual one.
    sort: Option<&'static str>,
    /// More match than are put in this order.
    cut: bool,
    /// Where all jobs are looked through; none: they were.
    whole: Option<String>,
    hidden: Vec<Behind>,
    tabs: Vec<Tab>,
    form: Bar,
    wrong: Option<String>,
    chips: Vec<Chip>,
    clear: String,
    rows: Vec<Row<'a>>,
    /// Dead letters: deleted so many days after their death.
    keep_days: Option<u32>,
    show: BTreeMap<&'static str, bool>,
    columns: Columns,
    saved: Saved,
    empty: Empty,
    pager: Option<Pager>,
    bulk: Option<Offer>,
}

/// What one filter of an empty list hides.
#[derive(Serialize)]
struct Behind {
    words: String,
    n: String,
    href: String,
}

#[derive(Serialize)]
struct Tab {
    word: &'static str,
    href: String,
    current: bool,
    n: Option<String>,
    red: bool,
}

/// `GET /admin/jobs`
pub async fn list(desk: Desk, Paging(request): Paging) -> Result<Response, ApiError> {
    let (given, columns, whole) = asked(desk.uri.query().unwrap_or_default())?;
    // What somebody typed and does not parse is shown with the place, beside what they typed.
    let (terms, wrong) = match given.clone().checked().and_then(|given| given.terms()) {
        Ok(terms) => (terms, None),
        Err(Error::Invalid(errors)) if given.filter.is_some() => (Vec::new(), Some(said(&errors))),
        Err(error) => return Err(error.into()),
    };
    if let Some(job) = named(&desk, &given).await? {
        return see_other(&format!("/admin/jobs/{job}"));
    }
    let mut db = desk.db().await?;
    let sort = given.sort.unwrap_or_default();
    let filter = JobFilter { sort: given.sort.filter(|sort| *sort != Sort::Age), ..JobFilter::of(&terms) };
    let patience = if whole { (ALL_OF_IT, ALL_OF_IT) } else { (PATIENCE, COUNTING) };
    let (page, near, many) = match &wrong {
        None => found(&mut db, &filter, &terms, request, patience).await?,
        Some(_) => (Page { rows: Vec::new(), next: None }, false, None),
    };
    let suggestions = admin::suggestions(&mut db).await?;
    let views = views::list(&mut db, desk.me.user).await?;
    let hides = page.rows.is_empty() && wrong.is_none() && !near;
    let hidden = behind(&mut db, if hides { &terms } else { &[] }, patience.1).await?;
    drop(db);
    let health = desk.pulse.read(&desk.app.platform).await?;
    let dead = filter::state(&terms) == Some("dead");
    let columns = if dead { columns.of_the_dead() } else { columns };
    let heading = word(if dead { "Dead letters" } else { "Jobs" });
    let query = columns.with(&filter::query(&filter));
    let all = format!("{query}&whole=1");
    let form = filter::bar(&terms, suggestions);
    let pager = Pager::new("/admin/jobs", if whole { &all } else { &query }, request, &page);
    let view = List {
        heading,
        order: order::words(sort),
        sort: filter.sort.map(Sort::name),
        cut: sort.is_bounded() && many.is_none_or(|many| many > COUNT_CAP),
        whole: near.then(|| filter::with("/admin/jobs", &all)),
        hidden,
        tabs: tabs(&terms, filter.sort, &health, &columns),
        form: if wrong.is_some() { form.saying(given.filter.as_deref()) } else { form },
        chips: filter::chips(&terms),
        clear: filter::of(&filter::in_state(&[], filter::state(&terms))),
        rows: page.rows.iter().map(|job| Row::from(job).kept(desk.app.platform.config.worker.keep_dead)).collect(),
        empty: if near { unseen(filter::with("/admin/jobs", &all)) } else { empty(&terms, wrong.is_some()) },
        wrong,
        pager: pager.map(|pager| pager.ordered(page.rows.len(), order::words(sort))),
        saved: Saved::new(&desk, views, &query),
        keep_days: dead.then_some(desk.app.platform.config.worker.keep_dead),
        show: columns.shown(),
        columns: columns.sorted(sort, |columns, sort| {
            let sort = Some(sort).filter(|sort| *sort != Sort::Age);
            filter::with("/admin/jobs", &columns.with(&filter::query(&JobFilter { sort, ..filter.clone() })))
        }),
        bulk: desk.may_act().then(|| Offer::new(&terms, many)).filter(|_| !page.rows.is_empty()),
    };
    desk.page("jobs", if dead { Place::Dead } else { Place::Jobs }, heading, &view).await
}

/// A filter, the columns of the table (checked boxes each say theirs), and whether all jobs are looked through, however
/// long it takes.
fn asked(query: &str) -> Result<(JobFilter, Columns, bool), Error> {
    let pairs = || form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty());
    let (chosen, rest): (Vec<_>, Vec<_>) = pairs().partition(|(name, _)| name == "columns");
    let rest = rest.into_iter().filter(|(name, _)| !matches!(&**name, "limit" | "after" | "whole"));
    let text: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    let filter = serde_urlencoded::from_str(&text).map_err(|error| Error::field("", "query", error.to_string()))?;
    let chosen: Vec<_> = chosen.into_iter().map(|(_, value)| value).collect();
    let columns = Columns::read((!chosen.is_empty()).then(|| chosen.join(",")).as_deref());
    Ok((filter, columns, pairs().any(|(name, _)| name == "whole")))
}

/// `at character 12: …`
fn said(errors: &[shared::kernel::error::FieldError]) -> String {
    let place = |path: &str| {
        path.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')).and_then(|n| n.parse::<usize>().ok())
    };
    let line = |error: &shared::kernel::error::FieldError| match place(&error.path) {
        Some(at) => say!("At character {at}: {message}.", at = at + 1, message = error.message),
        None => format!("{}: {}.", error.path, error.message),
    };
    errors.iter().map(line).collect::<Vec<_>>().join(" ")
}

/// The rows, whether only the first jobs were looked through for them, and how many match, where that is soon known.
async fn found(
    db: &mut sqlx::PgConnection,
    filter: &JobFilter,
    terms: &[Term],
    request: PageRequest,
    (looking, counting): (Duration, Duration),
) -> Result<(Page<JobRow>, bool, Option<i64>), ApiError> {
    let (page, near) = admin::list_within(db, filter, request, looking).await?;
    let many = match (request.after, &page.next) {
        _ if near => None,
        (None, None) => Some(page.rows.len() as i64),
        _ => admin::count_within(db, terms, COUNT_CAP + 1, counting).await?,
    };
    Ok((page, near, many))
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
fn tabs(terms: &[Term], sort: Option<Sort>, health: &Health, columns: &Columns) -> Vec<Tab> {
    let chosen = filter::state(terms);
    let rest = filter::in_state(terms, None);
    let lane = match rest.as_slice() {
        [term] if !term.negated && term.field == admin::Field::Queue => {
            term.to_string().split_once(':').map(|(_, lane)| lane.to_owned())
        }
        _ => None,
    };
    let plain = rest.is_empty() || lane.is_some();
    let count = |state: &str| {
        let of = |known: &LaneView| match state {
            _ if lane.as_ref().is_some_and(|wanted| *wanted != known.name) => 0,
            "queued" => known.waiting,
            "blocked" => known.blocked,
            "running" => known.running,
            "retrying" => known.retrying,
            "dead" => known.dead,
            "scheduled" => known.scheduled,
            _ => 0,
        };
        let (n, more) = health.total(of);
        (plain && n > 0).then(|| capped(n, more))
    };
    let link = |state: Option<&str>| {
        let query = filter::query(&JobFilter { sort, ..JobFilter::of(&filter::in_state(terms, state)) });
        filter::with("/admin/jobs", &columns.with(&query))
    };
    let anything = !terms.iter().any(|term| term.field == admin::Field::State);
    let all = Tab { word: word("All"), href: link(None), current: anything, n: None, red: false };
    let states = TABS.into_iter().map(|state| Tab {
        word: marks::jobs(state),
        href: link(Some(state)),
        current: chosen == Some(state),
        n: count(state),
        red: state == "dead",
    });
    std::iter::once(all).chain(states).collect()
}

/// For each filter of an empty list: how many there would be without it, where that is soon known.
async fn behind(db: &mut sqlx::PgConnection, terms: &[Term], patience: Duration) -> Result<Vec<Behind>, ApiError> {
    let mut hidden = Vec::new();
    for (at, term) in terms.iter().enumerate().take(TRIED as usize) {
        let rest: Vec<Term> =
            terms.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, term)| term.clone()).collect();
        let n = admin::count_within(db, &rest, COUNT_CAP + 1, patience / TRIED).await?;
        if let Some(n) = n.filter(|n| *n > 0) {
            let n = capped(n.min(COUNT_CAP), n > COUNT_CAP);
            hidden.push(Behind { words: term.to_string(), n, href: filter::of(&rest) });
        }
    }
    Ok(hidden)
}

/// Nothing among the first jobs, and the others were not looked through.
fn unseen(href: String) -> Empty {
    let (text, action) = (word("There may be older ones."), word("Look through all of them"));
    Empty { icon: "search", title: say!("None of these matches."), text, href: Some(href), action }
}

fn empty(terms: &[Term], wrong: bool) -> Empty {
    let state = filter::state(terms);
    let state_word = state.map(|state| marks::jobs(state).to_lowercase());
    if wrong || terms.len() > usize::from(state.is_some()) {
        return Empty {
            icon: "search",
            title: match state_word {
                _ if wrong => say!("This filter cannot be read."),
                Some(state) => say!("No {state} job matches.", state = state),
                None => say!("No job matches."),
            },
            text: word(if wrong { "Nothing was looked for." } else { "Others may be hidden by the filters." }),
            href: Some(filter::of(&filter::in_state(&[], state))),
            action: word("Clear them"),
        };
    }
    let (icon, text) = match state {
        Some("dead") => ("calm", key("Nothing to do.")),
        Some("queued") => ("calm", key("Everything due has been taken.")),
        Some("blocked") => ("calm", key("Nothing waits for room under a key, or for its batch.")),
        Some("retrying") => ("calm", key("Nothing has failed and waits for another attempt.")),
        Some("running") => ("running", key("Workers are idle, or none is alive.")),
        Some(_) => ("jobs", key("Nothing is in this state.")),
        None => ("jobs", key("The first one appears here as soon as something is enqueued.")),
    };
    let title = state_word.map_or_else(|| say!("No jobs."), |state| say!("No {state} jobs.", state = state));
    Empty { icon, title, text: word(text), href: None, action: "" }
}
