//! Throughput as lines of an SVG, with marks where another version began, and the table that says the same.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::platform::jobs::health::WorkerView;
use shared::platform::jobs::stats::Minute;

use crate::dashboard::marks::capped;
use crate::dashboard::words::say;

/// The drawing's height; a minute is ten wide.
const HEIGHT: f64 = 96.0;

/// A chart and its table.
#[derive(Serialize)]
pub struct Chart {
    words: String,
    top: i64,
    lines: Vec<Line>,
    deploys: Vec<Deploy>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Line {
    class: &'static str,
    path: String,
}

/// Where another version began to work.
#[derive(Serialize)]
struct Deploy {
    x: usize,
    version: String,
    clock: String,
}

/// A minute in which something came or ran.
#[derive(Serialize)]
struct Row {
    minute: String,
    /// None: further back than is counted.
    arrived: Option<i64>,
    succeeded: i64,
    failed: i64,
    dead: i64,
}

impl Chart {
    /// Of these minutes, oldest first; of what arrived in them, as far back as that is counted; of the workers of the
    /// hour.
    pub fn of(minutes: &[Minute], arrivals: &[(DateTime<Utc>, i64)], workers: &[WorkerView]) -> Self {
        let bad = |minute: &Minute| minute.failed + minute.dead;
        let counted = arrivals.first().map(|(first, _)| *first);
        let arrived = |at: DateTime<Utc>| {
            counted.filter(|first| at >= *first)?;
            Some(arrivals.iter().find(|(minute, _)| *minute == at).map_or(0, |(_, n)| *n))
        };
        let came: Vec<Option<i64>> = minutes.iter().map(|minute| arrived(minute.at)).collect();
        let most = minutes.iter().flat_map(|minute| [minute.succeeded, bad(minute)]);
        let top = most.chain(came.iter().copied().flatten()).max().unwrap_or_default();
        let (done, failed): (i64, i64) = minutes.iter().fold((0, 0), |(a, b), m| (a + m.succeeded, b + bad(m)));
        let line = |class, of: Vec<Option<i64>>| Line { class, path: path(&of, top) };
        let rows = minutes.iter().zip(&came).rev().map(|(minute, arrived)| Row {
            minute: minute.at.format("%H:%M").to_string(),
            arrived: *arrived,
            succeeded: minute.succeeded,
            failed: minute.failed,
            dead: minute.dead,
        });
        Self {
            words: say!(
                "{done} runs succeeded, {failed} failed",
                done = capped(done, false),
                failed = capped(failed, false)
            ),
            top,
            deploys: deploys(minutes, workers),
            rows: rows.filter(|row| row.arrived.unwrap_or(0) + row.succeeded + row.failed + row.dead > 0).collect(),
            lines: vec![
                line("in", came),
                line("out", minutes.iter().map(|minute| Some(minute.succeeded)).collect()),
                line("bad", minutes.iter().map(|minute| Some(bad(minute))).collect()),
            ],
        }
    }
}

/// The first start of each version within these minutes, where another one was there before.
fn deploys(minutes: &[Minute], workers: &[WorkerView]) -> Vec<Deploy> {
    let mut firsts: Vec<&WorkerView> = Vec::new();
    for worker in workers {
        match firsts.iter_mut().find(|first| first.version == worker.version) {
            Some(first) if worker.started_at < first.started_at => *first = worker,
            Some(_) => {}
            None => firsts.push(worker),
        }
    }
    firsts.sort_by_key(|worker| worker.started_at);
    let begun = firsts.into_iter().skip(1).filter_map(|worker| {
        let x = minutes.iter().rposition(|minute| minute.at <= worker.started_at)?;
        let clock = worker.started_at.format("%H:%M").to_string();
        Some(Deploy { x: x * 10, version: worker.version.clone(), clock })
    });
    begun.collect()
}

/// From the first minute that is known on.
fn path(values: &[Option<i64>], top: i64) -> String {
    let y = |n: i64| 98.0 - HEIGHT * n as f64 / top.max(1) as f64;
    let known = values.iter().enumerate().filter_map(|(x, n)| Some((x, (*n)?)));
    let points = known.map(|(x, n)| format!("{} {:.1}", x * 10, y(n))).collect::<Vec<_>>();
    if points.is_empty() { String::new() } else { format!("M{}", points.join("L")) }
}
