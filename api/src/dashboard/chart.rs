//! Throughput as lines of an SVG, with the table that says the same.

use serde::Serialize;
use shared::platform::jobs::stats::Minute;

use crate::dashboard::marks::capped;

/// The drawing's height; a minute is ten wide.
const HEIGHT: f64 = 96.0;

/// A chart and its table.
#[derive(Serialize)]
pub struct Chart {
    words: String,
    top: i64,
    lines: Vec<Line>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Line {
    class: &'static str,
    path: String,
}

/// A minute in which something ran.
#[derive(Serialize)]
struct Row {
    minute: String,
    succeeded: i64,
    failed: i64,
    dead: i64,
}

impl Chart {
    /// Of these minutes, oldest first.
    pub fn of(minutes: &[Minute]) -> Self {
        let bad = |minute: &Minute| minute.failed + minute.dead;
        let top = minutes.iter().flat_map(|minute| [minute.succeeded, bad(minute)]).max().unwrap_or_default();
        let (done, failed): (i64, i64) = minutes.iter().fold((0, 0), |(a, b), m| (a + m.succeeded, b + bad(m)));
        let line = |class, of: &dyn Fn(&Minute) -> i64| Line { class, path: path(minutes, top, of) };
        let some = minutes.iter().rev().filter(|minute| minute.succeeded + bad(minute) > 0);
        Self {
            words: format!("{} runs succeeded, {} failed", capped(done, false), capped(failed, false)),
            top,
            lines: vec![line("out", &|minute| minute.succeeded), line("bad", &bad)],
            rows: some
                .map(|minute| Row {
                    minute: minute.at.format("%H:%M").to_string(),
                    succeeded: minute.succeeded,
                    failed: minute.failed,
                    dead: minute.dead,
                })
                .collect(),
        }
    }
}

fn path(minutes: &[Minute], top: i64, of: &dyn Fn(&Minute) -> i64) -> String {
    let y = |n: i64| 98.0 - HEIGHT * n as f64 / top.max(1) as f64;
    let points = minutes.iter().enumerate().map(|(x, minute)| format!("{} {:.1}", x * 10, y(of(minute))));
    format!("M{}", points.collect::<Vec<_>>().join("L"))
}
