//! The first page: one sentence, then the figures, each a link to exactly the rows it counts.

use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shared::domain::billing::received;
use shared::kernel::page::PageRequest;
use shared::platform::audit;
use shared::platform::jobs::VERSION;
use shared::platform::jobs::admin::groups::{self, GroupFilter, GroupRow};
use shared::platform::jobs::admin::kinds::KindView;
use shared::platform::jobs::admin::{self, JobFilter};
use shared::platform::jobs::alarms::Rule;
use shared::platform::jobs::health::{COUNT_CAP, LaneView};
use shared::platform::jobs::schedule::{self, ScheduleView};
use shared::platform::jobs::stats;

use crate::dashboard::audit::Line;
use crate::dashboard::chart::Chart;
use crate::dashboard::desk::Desk;
use crate::dashboard::flow;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, capped};
use crate::dashboard::pulse::{Alarm, Health};
use crate::dashboard::queues;
use crate::dashboard::row::Row;
use crate::dashboard::words::{say, word};
use crate::error::ApiError;

/// A job that waits longer than this is a problem.
const TOO_LONG: f64 = 300.0;
/// So many jobs that fail alike are a problem; fewer mend themselves.
const SEVERAL: i64 = 3;
/// Rows in the two short lists.
const FEW: i64 = 6;

#[derive(Serialize)]
struct Tile {
    class: &'static str,
    icon: &'static str,
    word: &'static str,
    href: String,
    figure: String,
    note: String,
    some: bool,
}

/// `GET /admin`
pub async fn show(desk: Desk) -> Result<Response, ApiError> {
    let health = desk.pulse.fresh(&desk.app.platform).await?;
    let mut db = desk.db().await?;
    let filter = JobFilter { state: Some("dead".into()), ..JobFilter::default() };
    let dead = admin::list(&mut db, &filter, PageRequest { limit: FEW, ..PageRequest::default() }).await?;
    let entries = audit::recent(&mut db, FEW - 1).await?;
    let lines = Line::all(&mut db, entries).await?;
    let hour = stats::last_hour(&mut db).await?;
    let groups = groups::list(&mut db, &GroupFilter::default()).await?;
    let strangers = received::strangers(&mut db).await?;
    let kinds = admin::kinds::list(&mut db).await?;
    let next = next(schedule::list(&mut db).await?);
    drop(db);
    let flows = desk.pulse.flows(&desk.app.platform).await?;
    let mut problems = problems(&health);
    problems.extend(failures(&health, &groups));
    problems.extend(held(&kinds));
    problems.extend(unknown(strangers));
    let groups = groups.iter().filter(|group| matches!(&*group.state, "new" | "known" | "regressed"));
    let groups: Vec<_> = groups
        .take(FEW as usize - 1)
        .map(|g| {
            json!({
                "mark": marks::group(&g.state), "fingerprint": g.fingerprint, "message": g.message, "kind": g.kind,
                "count": g.count, "last_seen": g.last_seen,
            })
        })
        .collect();
    let page = json!({
        "sentence": sentence(&health, problems.len()),
        "problems": problems,
        "tiles": tiles(&health),
        "lanes": queues::rows(&health, &flows),
        "dead": dead.rows.iter().map(Row::from).collect::<Vec<_>>(),
        "audit": lines,
        "chart": Chart::of(&hour, &flows.arrivals, &health.workers),
        "arriving": flow::rate(flows.lanes.values().map(|lane| lane.arriving).sum()),
        "leaving": flow::rate(flows.lanes.values().map(|lane| lane.leaving).sum()),
        "groups": groups,
        "next": next,
    });
    desk.page("overview", Place::Overview, "Overview", &page).await
}

/// The next ticks, soonest first.
fn next(schedules: Vec<ScheduleView>) -> Vec<serde_json::Value> {
    let mut ticks: Vec<_> = schedules
        .into_iter()
        .filter_map(|schedule| Some((*schedule.next.first()?, schedule.name, schedule.kind)))
        .collect();
    ticks.sort_unstable();
    ticks
        .into_iter()
        .take(FEW as usize)
        .map(|(at, name, kind)| json!({ "at": at, "name": name, "kind": kind }))
        .collect()
}

/// What needs a person, gravest first.
fn problems(health: &Health) -> Vec<Alarm> {
    let mut problems = health.alarms();
    let lost = health.workers.iter().filter(|worker| worker.state == "lost").count();
    if lost > 0 && health.alive().next().is_some() {
        let text = match lost {
            1 => say!("1 worker was lost within the last hour; its jobs run elsewhere."),
            n => say!("{n} workers were lost within the last hour; their jobs run elsewhere.", n = n),
        };
        problems.push(Alarm::new(text, "/admin/workers", "See workers", "lost"));
    }
    problems.extend(versions(health));
    let late = |lane: &&LaneView| {
        lane.oldest_seconds.is_some_and(|s| s > TOO_LONG)
            && lane.paused_at.is_none()
            && lane.workers > 0
            && !health.is_raised(Rule::OldestAge, &lane.name)
    };
    for lane in health.lanes.iter().filter(late) {
        let minutes = lane.oldest_seconds.unwrap_or_default() as i64 / 60;
        let text =
            say!("Queue {name} is late: its oldest job has waited {minutes} min.", name = lane.name, minutes = minutes);
        problems.push(Alarm::new(
            text,
            format!("/admin/jobs?state=queued&lane={}&sort=-age", lane.name),
            "See them",
            "queued",
        ));
    }
    problems.extend(health.lanes.iter().filter(|lane| lane.paused_at.is_some() && lane.waiting > 0).map(paused));
    let (dead, more) = health.total(|lane| lane.dead);
    if dead > 0 {
        let text = match dead {
            1 => say!("1 job is dead: only you can bring it back."),
            n => say!("{n} jobs are dead: only you can bring them back.", n = capped(n, more)),
        };
        problems.push(Alarm::new(text, "/admin/jobs?state=dead", "See them", "dead"));
    }
    problems
}

/// A deploy that did not reach everybody.
fn versions(health: &Health) -> Option<Alarm> {
    let mut others: Vec<&str> = health.alive().map(|worker| &*worker.version).filter(|v| *v != VERSION).collect();
    others.sort_unstable();
    others.dedup();
    let text = say!(
        "The API runs version {ours}, workers run {theirs}: one of them was not deployed.",
        ours = VERSION,
        theirs = others.join(", ")
    );
    (!others.is_empty()).then(|| Alarm::new(text, "/admin/workers", "See workers", "alert"))
}

/// Somebody stopped a queue, and may have forgotten it.
fn paused(lane: &LaneView) -> Alarm {
    let n = capped(lane.waiting.min(COUNT_CAP), lane.waiting > COUNT_CAP);
    let text = match &lane.pause_reason {
        Some(reason) => {
            say!("Queue {name} is paused, “{reason}”; waiting in it: {n}.", name = lane.name, reason = reason, n = n)
        }
        None => say!("Queue {name} is paused; waiting in it: {n}.", name = lane.name, n = n),
    };
    Alarm::new(text, "/admin/queues", "See queues", "paused")
}

/// What is tried again and again, and nobody has said that they know.
fn failures(health: &Health, groups: &[GroupRow]) -> Vec<Alarm> {
    let loud = |group: &&GroupRow| {
        matches!(&*group.state, "new" | "regressed")
            && group.retrying >= SEVERAL
            && !health.is_raised(Rule::FailureRate, &group.kind)
    };
    let line = |group: &GroupRow| {
        let (n, said) = (capped(group.retrying, false), shared::kernel::text::cut(&group.message, 90));
        let text = say!("{n} jobs of {kind} fail and are tried again: {said}.", n = n, kind = group.kind, said = said);
        Alarm::new(text, format!("/admin/errors/{}", group.fingerprint), "See why", "retrying")
    };
    groups.iter().filter(loud).take(FEW as usize / 2).map(line).collect()
}

/// Somebody closed the way to a kind, and may have forgotten it.
fn held(kinds: &[KindView]) -> Vec<Alarm> {
    let line = |kind: &KindView| {
        let text = match kind.fuse.as_str() {
            "dead" => say!("Jobs of {kind} go to the dead letters, by its fuse.", kind = kind.kind),
            _ => say!("Kind {kind} is held: none of its jobs starts.", kind = kind.kind),
        };
        Alarm::new(text, format!("/admin/kinds/{}", kind.kind), "See why", "paused")
    };
    kinds.iter().filter(|kind| kind.fuse != "closed").map(line).collect()
}

/// Money may hang on them.
fn unknown(events: i64) -> Option<Alarm> {
    let text = match events {
        1 => say!("A Stripe event of the last week is about something that nobody here knew."),
        n => say!("{n} Stripe events of the last week are about something that nobody here knew.", n = n),
    };
    (events > 0).then(|| Alarm::new(text, "/admin/stripe-events?status=unmatched", "See them", "stripe"))
}

fn sentence(health: &Health, problems: usize) -> String {
    let ((waiting, more), (running, _)) = (health.total(|lane| lane.waiting), health.total(|lane| lane.running));
    match (problems, running, waiting) {
        (0, 0, 0) => say!("All quiet. Nothing runs, nothing waits."),
        (0, _, 0) => say!("All quiet. {running} running, nothing waits.", running = capped(running, false)),
        (0, ..) => say!(
            "All quiet. {running} running, {waiting} waiting.",
            running = capped(running, false),
            waiting = capped(waiting, more)
        ),
        (1, ..) => say!("1 problem"),
        (n, ..) => say!("{n} problems", n = n),
    }
}

fn tiles(health: &Health) -> Vec<Tile> {
    let tile = |state: &'static str, count: fn(&LaneView) -> i64, note: String| {
        let (n, more) = health.total(count);
        let mark = marks::job(state);
        let href = format!("/admin/jobs?state={state}");
        Tile {
            class: mark.class,
            icon: mark.icon,
            word: marks::jobs(state),
            href,
            figure: capped(n, more),
            note,
            some: n > 0,
        }
    };
    let oldest = health
        .lanes
        .iter()
        .filter_map(|lane| lane.oldest_seconds)
        .fold(None, |max: Option<f64>, s| Some(max.map_or(s, |max| max.max(s))));
    let oldest = oldest.map_or_else(|| say!("nothing waits"), |s| say!("oldest {age}", age = age(s as i64)));
    let slots: i32 = health.alive().map(|worker| worker.slots).sum();
    let dead = health.lanes.iter().any(|lane| lane.dead > 0);
    vec![
        tile("queued", |lane| lane.waiting, oldest),
        tile(
            "running",
            |lane| lane.running,
            if slots == 0 { say!("no worker") } else { say!("of {slots} slots", slots = slots) },
        ),
        tile("retrying", |lane| lane.retrying, say!("failed, will try again")),
        tile("dead", |lane| lane.dead, word(if dead { "need you" } else { "nothing to do" }).into()),
        tile("scheduled", |lane| lane.scheduled, say!("for later")),
    ]
}

fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} {}", seconds / 86_400, word("d")),
    }
}
