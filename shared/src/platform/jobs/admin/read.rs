//! One job with all there is to know: its row, its runs, what it did outside.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::JobRow;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BatchId, JobId};
use crate::platform::jobs::health::COUNT_CAP;

/// One job with all there is to know.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct JobView {
    /// The row as in lists.
    #[serde(flatten)]
    pub row: JobRow,
    /// Its arguments: ids, never secrets.
    pub payload: serde_json::Value,
    /// How far it has come, where its kind tells.
    pub progress: Option<serde_json::Value>,
    /// What the present run has said so far, or the only run said.
    pub log: Option<String>,
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
    /// Jobs of one key run at most so many at once.
    pub concurrency_key: Option<String>,
    /// So many.
    pub concurrency_limit: Option<i32>,
    /// Not begun by then, it is cancelled as expired.
    pub deadline_at: Option<DateTime<Utc>>,
    /// The batch it belongs to.
    pub batch_id: Option<BatchId>,
    /// What its last failure has in common with others: the group's key.
    pub fingerprint: Option<String>,
    /// Other retrying and dead jobs of that group, counted up to 10,001.
    pub similar: i64,
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
    /// What it did outside our database, in the order of beginning.
    pub effects: Vec<Effect>,
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

/// Something a job did, or began to do, outside our database. Evidence: it stays whatever becomes of the job.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Effect {
    /// What: `smtp`, `stripe.refund` …
    pub name: String,
    /// The run that did it.
    pub fence: i32,
    /// Who ran it.
    pub worker_id: String,
    /// From.
    pub begun_at: DateTime<Utc>,
    /// To; none: nobody knows how it ended.
    pub done_at: Option<DateTime<Utc>>,
    /// The other side's words.
    pub reply: Option<String>,
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
            log: r.log.clone(),
            next_run_at: None,
        });
    }
    let children =
        sqlx::query_scalar!(r#"select id as "id: JobId" from jobs where parent_id = $1 order by id limit 200"#, id.0)
            .fetch_all(&mut *db)
            .await?;
    let effects = effects(db, id).await?;
    let similar = match &r.fingerprint {
        Some(fingerprint) => similar(db, fingerprint, id).await?,
        None => 0,
    };
    Ok(JobView {
        row: JobRow {
            id,
            kind: r.kind,
            lane: r.lane,
            state: r.state,
            key_argument: r.key_argument,
            tenant: r.tenant,
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
        progress: r.progress,
        log: r.log,
        priority: r.priority,
        timeout_ms: r.timeout_ms,
        unique_key: r.unique_key,
        subject_type: r.subject_type,
        subject_id: r.subject_id,
        concurrency_key: r.concurrency_key,
        concurrency_limit: r.concurrency_limit,
        deadline_at: r.deadline_at,
        batch_id: r.batch_id.map(BatchId),
        fingerprint: r.fingerprint,
        similar,
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
        effects,
        children,
    })
}

async fn effects(db: &mut PgConnection, id: JobId) -> Result<Vec<Effect>> {
    let rows = sqlx::query_as!(
        Effect,
        "select name, fence, worker_id, begun_at, done_at, reply from job_effects where job_id = $1
         order by begun_at, name",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Open jobs of a group besides this one.
async fn similar(db: &mut PgConnection, fingerprint: &str, but: JobId) -> Result<i64> {
    let n = sqlx::query_scalar!(
        r#"select count(*) as "n!" from (select from jobs where fingerprint = $1 and state in ('retrying', 'dead')
                                           and id <> $2 limit $3) x"#,
        fingerprint,
        but.0,
        COUNT_CAP + 1
    )
    .fetch_one(db)
    .await?;
    Ok(n)
}
