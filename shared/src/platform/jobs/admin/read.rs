//! Reading the ledger: lists with filters, one job with its attempts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::text;

/// Every state, in the order a job passes them.
pub const STATES: [&str; 7] = ["scheduled", "queued", "running", "retrying", "succeeded", "dead", "cancelled"];

/// So far back may a filter ask, in seconds: a century. More is a mistake, and too much for an interval.
const CENTURY: i64 = 3_155_760_000;

/// Which jobs. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct JobFilter {
    /// One of the states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The kind, `noun.verb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// At least this many attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Enqueued at least so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub older: Option<i64>,
    /// Enqueued at most so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub younger: Option<i64>,
    /// The id of the row the job is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// Text in the key argument or the last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

impl JobFilter {
    /// 422 for a state that does not exist or an age out of reach; an empty field counts as absent.
    pub fn checked(mut self) -> Result<Self> {
        self.validate()?;
        for field in [&mut self.state, &mut self.kind, &mut self.lane, &mut self.q] {
            if field.as_deref().is_some_and(|value| value.trim().is_empty()) {
                *field = None;
            }
        }
        match self.state.as_deref() {
            Some(state) if !STATES.contains(&state) => {
                Err(Error::field("state", "choice", format!("should be one of {}", STATES.join(", "))))
            }
            _ => Ok(self),
        }
    }
}

/// A job in a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub kind: String,
    /// Where it waits.
    pub lane: String,
    /// Where it stands.
    pub state: String,
    /// What an operator knows it by.
    pub key_argument: Option<String>,
    /// Runs so far that count.
    pub attempt: i32,
    /// Runs that count.
    pub max_attempts: i32,
    /// The last failure.
    pub last_error: Option<String>,
    /// A stable word for it.
    pub error_code: Option<String>,
    /// Enqueued.
    pub created_at: DateTime<Utc>,
    /// Due.
    pub run_at: DateTime<Utc>,
    /// The last start.
    pub started_at: Option<DateTime<Utc>>,
    /// The end.
    pub finished_at: Option<DateTime<Utc>>,
    /// A running job that was asked to stop.
    pub cancel_requested: bool,
}

/// One job with all there is to know.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct JobView {
    /// The row as in lists.
    #[serde(flatten)]
    pub row: JobRow,
    /// Its arguments: ids, never secrets.
    pub payload: serde_json::Value,
    /// Lower runs sooner.
    pub priority: i16,
    /// A run's bound.
    pub timeout_ms: i32,
    /// A second job with this key is this one.
    pub unique_key: Option<String>,
    /// What it is about.
    pub subject_type: Option<String>,
    /// Which one.
    pub subject_id: Option<Uuid>,
    /// What enqueued it.
    pub parent_id: Option<Uuid>,
    /// Who asked for it.
    pub created_by: Option<Uuid>,
    /// W3C trace context of what enqueued it.
    pub traceparent: Option<String>,
    /// Who holds or held it.
    pub worker_id: Option<String>,
    /// Until when.
    pub lease_until: Option<DateTime<Utc>>,
    /// Processes that died with it.
    pub deaths: i16,
    /// The version that enqueued it.
    pub enqueued_version: Option<String>,
    /// The version that ran it last.
    pub ran_version: Option<String>,
    /// What it gave back.
    pub result: Option<serde_json::Value>,
    /// Every run, oldest first.
    pub attempts: Vec<Attempt>,
    /// Jobs it enqueued.
    pub children: Vec<JobId>,
}

/// One run.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Attempt {
    /// The run's fencing number: grows at every claim.
    pub fence: i32,
    /// Its number among those that count.
    pub attempt: i32,
    /// Who ran it.
    pub worker_id: Option<String>,
    /// From.
    pub started_at: DateTime<Utc>,
    /// To.
    pub finished_at: Option<DateTime<Utc>>,
    /// ok, error, timeout, panic, lost, snoozed, cancelled, running.
    pub outcome: String,
    /// What went wrong.
    pub error: Option<String>,
    /// What it said while it ran.
    pub log: Option<String>,
    /// When the next run was due.
    pub next_run_at: Option<DateTime<Utc>>,
}

/// The filter's conditions stand once, for every query that has them.
macro_rules! matching {
    ($row:ty, $columns:tt, $filter:expr, $after:expr, $limit:expr, $db:expr) => {
        sqlx::query_as!(
            $row,
            "select "
                + $columns
                + r#"
             from jobs
             where ($1::text is null or state = $1) and ($2::text is null or kind = $2)
               and ($3::text is null or lane = $3) and ($4::int is null or attempt >= $4)
               and ($5::bigint is null or created_at <= now() - $5 * interval '1 second')
               and ($6::bigint is null or created_at >= now() - $6 * interval '1 second')
               and ($7::uuid is null or subject_id = $7)
               and ($8::text is null or key_argument ilike $8 or last_error ilike $8)
               and ($9::uuid is null or id < $9)
             order by id desc limit $10"#,
            $filter.state,
            $filter.kind,
            $filter.lane,
            $filter.attempt,
            $filter.older,
            $filter.younger,
            $filter.subject,
            $filter.q.as_deref().map(text::like),
            $after as Option<Uuid>,
            $limit
        )
        .fetch_all($db)
        .await
    };
}

/// Jobs that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &JobFilter, page: PageRequest) -> Result<Page<JobRow>> {
    let rows = matching!(
        JobRow,
        r#"id as "id: JobId", kind, lane, state, key_argument, attempt, max_attempts, last_error, error_code,
           created_at, run_at, started_at, finished_at, cancel_requested_at is not null as "cancel_requested!""#,
        filter,
        page.after,
        page.limit + 1,
        db
    )?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// A job that matches.
pub(super) struct Match {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub kind: String,
}

/// The newest jobs that match, by id and kind alone.
pub(super) async fn matches(db: &mut PgConnection, filter: &JobFilter, limit: i64) -> Result<Vec<Match>> {
    Ok(matching!(Match, r#"id as "id: JobId", kind"#, filter, None, limit, db)?)
}

/// One job.
pub async fn get(db: &mut PgConnection, id: JobId) -> Result<JobView> {
    let r = sqlx::query!("select * from jobs where id = $1", id.0)
        .fetch_optional(&mut *db)
        .await?
        .ok_or(Error::NotFound("job"))?;
    let mut attempts = sqlx::query_as!(
        Attempt,
        r#"select fence, attempt, worker_id, started_at, finished_at as "finished_at?", outcome, error, log, next_run_at
           from job_attempts where job_id = $1 order by fence"#,
        id.0
    )
    .fetch_all(&mut *db)
    .await?;
    let told = attempts.last().is_some_and(|last| last.fence == r.fence);
    // The first success and the run in progress have no row of their own.
    if let (false, Some(started_at), "running" | "succeeded") = (told, r.started_at, r.state.as_str()) {
        attempts.push(Attempt {
            fence: r.fence,
            attempt: r.attempt,
            worker_id: r.worker_id.clone(),
            started_at,
            finished_at: r.finished_at,
            outcome: if r.state == "running" { "running" } else { "ok" }.into(),
            error: None,
            log: None,
            next_run_at: None,
        });
    }
    let children =
        sqlx::query_scalar!(r#"select id as "id: JobId" from jobs where parent_id = $1 order by id limit 200"#, id.0)
            .fetch_all(db)
            .await?;
    Ok(JobView {
        row: JobRow {
            id,
            kind: r.kind,
            lane: r.lane,
            state: r.state,
            key_argument: r.key_argument,
            attempt: r.attempt,
            max_attempts: r.max_attempts,
            last_error: r.last_error,
            error_code: r.error_code,
            created_at: r.created_at,
            run_at: r.run_at,
            started_at: r.started_at,
            finished_at: r.finished_at,
            cancel_requested: r.cancel_requested_at.is_some(),
        },
        payload: r.payload,
        priority: r.priority,
        timeout_ms: r.timeout_ms,
        unique_key: r.unique_key,
        subject_type: r.subject_type,
        subject_id: r.subject_id,
        parent_id: r.parent_id,
        created_by: r.created_by,
        traceparent: r.traceparent,
        worker_id: r.worker_id,
        lease_until: r.lease_until,
        deaths: r.deaths,
        enqueued_version: r.enqueued_version,
        ran_version: r.ran_version,
        result: r.result,
        attempts,
        children,
    })
}
