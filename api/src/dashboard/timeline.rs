//! A job's life as a list of steps and a bar: enqueued, waited, ran, slept, and what came of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::kernel::text;
use shared::platform::jobs::admin::{Attempt, JobView};

use crate::dashboard::frame;
use crate::dashboard::marks;
use crate::dashboard::words::{decimal, key, say, word};

/// Width of the bar.
const BAR: f64 = 1000.0;
/// A part never narrower than this, so that one sees it.
const LEAST: f64 = 6.0;
/// Waits shorter than this are not worth a line.
const NOTICEABLE: i64 = 20;

/// The steps and the bar.
#[derive(Debug, Serialize)]
pub struct Timeline {
    sum: String,
    spans: Vec<Bar>,
    steps: Vec<Step>,
    #[serde(skip)]
    now: DateTime<Utc>,
    #[serde(skip)]
    parts: Vec<(&'static str, i64, &'static str)>,
}

#[derive(Debug, Serialize)]
struct Step {
    class: &'static str,
    title: String,
    ms: Option<i64>,
    at: Option<DateTime<Utc>>,
    clock: String,
    text: String,
    bad: bool,
}

#[derive(Debug, Serialize)]
struct Bar {
    class: &'static str,
    x: String,
    width: String,
    words: &'static str,
}

/// `14:05:31.204`, with the day when that is not today.
pub fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let time = at.format("%H:%M:%S%.3f");
    if at.date_naive() == now.date_naive() { time.to_string() } else { format!("{} {time}", frame::day(at)) }
}

impl Timeline {
    /// Of a job as it stands at `now`.
    pub fn of(job: &JobView, now: DateTime<Utc>) -> Self {
        let mut line = Self { sum: String::new(), spans: Vec::new(), steps: Vec::new(), now, parts: Vec::new() };
        let by = job.enqueued_version.as_ref().map(|version| say!("by version {version}", version = version));
        line.moment("begun", say!("Enqueued"), job.row.created_at, by.unwrap_or_default());
        let mut last = job.row.created_at;
        // Of the first wait only the present due time is known, and only before the first run.
        let mut due = job.attempts.is_empty().then_some(job.row.run_at);
        for run in &job.attempts {
            line.pause(last, due, run.started_at);
            line.run(run, now);
            last = run.finished_at.unwrap_or(now);
            due = run.next_run_at;
        }
        line.end(job, last, due, now);
        line.bars();
        line.sum = line.total();
        line
    }

    /// Between two runs: asleep until due, then waiting for a worker.
    fn pause(&mut self, from: DateTime<Utc>, due: Option<DateTime<Utc>>, to: DateTime<Utc>) {
        let due = due.map_or(from, |due| due.clamp(from, to.max(from)));
        self.quiet("sleep", word("Slept"), (due - from).num_milliseconds());
        self.quiet("wait", word("Waited"), (to - due).num_milliseconds());
    }

    fn quiet(&mut self, class: &'static str, title: &'static str, ms: i64) {
        if ms >= NOTICEABLE {
            self.step(class, title.into(), Some(ms), None, String::new(), false);
            self.parts.push((class, ms, title));
        }
    }

    fn run(&mut self, run: &Attempt, now: DateTime<Utc>) {
        let ms = (run.finished_at.unwrap_or(now) - run.started_at).num_milliseconds().max(0);
        let outcome = marks::outcome(&run.outcome).word;
        let fine = matches!(run.outcome.as_str(), "ok" | "running" | "snoozed");
        let class = if fine { "ran" } else { "fell" };
        let (title, text) = match run.outcome.as_str() {
            "running" => (say!("Running, attempt {n}", n = run.attempt), run.worker_id.clone().unwrap_or_default()),
            "ok" => (say!("Ran, attempt {n}", n = run.attempt), run.worker_id.clone().unwrap_or_default()),
            _ => (
                say!("Ran, attempt {n}", n = run.attempt),
                match run.error.as_deref() {
                    Some(error) => format!("{outcome}: {}", text::cut(error.lines().next().unwrap_or_default(), 200)),
                    None => outcome.to_owned(),
                },
            ),
        };
        self.step(class, title, Some(ms), Some(run.started_at), text, !fine);
        self.parts.push((class, ms, word(if fine { "Ran" } else { "Failed" })));
    }

    fn end(&mut self, job: &JobView, last: DateTime<Utc>, due: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let ended = job.row.finished_at.unwrap_or(last);
        match job.row.state.as_str() {
            "queued" => {
                self.pause(last, due.or(Some(job.row.run_at)), now);
                self.step("wait", say!("Waiting for a worker"), None, None, String::new(), false);
            }
            "blocked" => {
                self.pause(last, due.or(Some(job.row.run_at)), now);
                let title = match &job.concurrency_key {
                    Some(key) => say!("Waiting for room under {key}", key = key),
                    None => say!("Waiting for its batch"),
                };
                self.step("wait", title, None, None, String::new(), false);
            }
            "scheduled" | "retrying" => {
                let title = word(if job.row.run_at > now { "Sleeps until" } else { "Due since" });
                self.quiet("sleep", word("Slept"), (now.min(job.row.run_at) - last).num_milliseconds());
                self.moment("sleep", title.into(), job.row.run_at, String::new());
            }
            "succeeded" => self.moment("good", say!("Succeeded"), ended, String::new()),
            "dead" => {
                let text = say!(
                    "{n} of {max} attempts used. It waits for you.",
                    n = job.row.attempt,
                    max = job.row.max_attempts
                );
                self.moment("fell", say!("Dead"), ended, text);
            }
            "cancelled" => {
                self.pause(last, None, ended);
                self.moment("begun", say!("Cancelled"), ended, String::new());
            }
            _ => {}
        }
    }

    fn moment(&mut self, class: &'static str, title: String, at: DateTime<Utc>, text: String) {
        self.step(class, title, None, Some(at), text, false);
    }

    fn step(
        &mut self,
        class: &'static str,
        title: String,
        ms: Option<i64>,
        at: Option<DateTime<Utc>>,
        text: String,
        bad: bool,
    ) {
        self.steps.push(Step {
            class,
            title,
            ms,
            at,
            clock: at.map(|at| clock(at, self.now)).unwrap_or_default(),
            text,
            bad,
        });
    }

    /// Parts in proportion, none invisible.
    fn bars(&mut self) {
        let total: i64 = self.parts.iter().map(|(_, ms, _)| ms).sum();
        if total == 0 || self.parts.len() > 60 {
            return;
        }
        let room = BAR - LEAST * self.parts.len() as f64;
        let mut x = 0.0;
        for (class, ms, words) in &self.parts {
            let width = LEAST + room * (*ms as f64 / total as f64);
            self.spans.push(Bar { class, x: format!("{x:.1}"), width: format!("{:.1}", width - 1.5), words });
            x += width;
        }
    }

    /// `waited 1.2 s · ran 340 ms · slept 4 s`
    fn total(&self) -> String {
        let sum = |classes: &[&str]| {
            self.parts.iter().filter(|part| classes.contains(&part.0)).map(|part| part.1).sum::<i64>()
        };
        let words =
            [(key("waited"), sum(&["wait"])), (key("ran"), sum(&["ran", "fell"])), (key("slept"), sum(&["sleep"]))];
        let said: Vec<String> = words
            .into_iter()
            .filter(|(_, ms)| *ms > 0)
            .map(|(verb, ms)| format!("{} {}", word(verb), span(ms)))
            .collect();
        said.join(" · ")
    }
}

fn span(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", decimal(ms / 100)),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        3_600_000..86_400_000 => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
        _ => format!("{} {} {} h", ms / 86_400_000, word("d"), ms % 86_400_000 / 3_600_000),
    }
}
