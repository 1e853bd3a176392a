//! A job as a row of a table.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use shared::kernel::ids::JobId;
use shared::kernel::text;
use shared::platform::jobs::admin::JobRow;

use crate::dashboard::marks::{self, Mark};
use crate::dashboard::words::word;

/// States that can be brought back.
pub const RETRYABLE: [&str; 4] = ["dead", "cancelled", "retrying", "scheduled"];

/// A job as tables show it.
#[derive(Serialize)]
pub struct Row<'a> {
    id: JobId,
    mark: Mark,
    kind: &'a str,
    key_argument: &'a str,
    tenant: Option<&'a str>,
    lane: &'a str,
    attempt: i32,
    max_attempts: i32,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    run_at: DateTime<Utc>,
    then: Then,
    error_code: Option<&'a str>,
    /// Retention deletes it then.
    gone_at: Option<DateTime<Utc>>,
    last_error: String,
}

/// When it runs next, since when it runs, or how long its last run took.
#[derive(Serialize)]
struct Then {
    label: &'static str,
    at: Option<DateTime<Utc>>,
    ms: Option<i64>,
}

impl<'a> From<&'a JobRow> for Row<'a> {
    fn from(job: &'a JobRow) -> Self {
        let error = job.last_error.as_deref().filter(|_| job.state != "succeeded").unwrap_or_default();
        Self {
            id: job.id,
            mark: marks::job(&job.state),
            kind: &job.kind,
            key_argument: job.key_argument.as_deref().unwrap_or_default(),
            tenant: job.tenant.as_deref(),
            lane: &job.lane,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            created_at: job.created_at,
            finished_at: job.finished_at,
            run_at: job.run_at,
            then: then(job),
            error_code: job.error_code.as_deref(),
            gone_at: None,
            last_error: text::cut(error.lines().next().unwrap_or_default(), 160).into_owned(),
        }
    }
}

impl Row<'_> {
    /// With the day on which retention deletes it, when it is dead.
    pub fn kept(self, days: u32) -> Self {
        let gone_at = self.finished_at.filter(|_| self.mark.class == "dead").map(|at| at + Duration::days(days.into()));
        Self { gone_at, ..self }
    }
}

fn then(job: &JobRow) -> Then {
    let took = || Some((job.finished_at? - job.started_at?).num_milliseconds().max(0));
    match job.state.as_str() {
        "scheduled" | "retrying" => Then { label: word("Next"), at: Some(job.run_at), ms: None },
        "running" => Then { label: word("Started"), at: job.started_at, ms: None },
        "queued" | "blocked" => Then { label: word("Due"), at: Some(job.run_at), ms: None },
        _ => Then { label: word("Took"), at: None, ms: took() },
    }
}
