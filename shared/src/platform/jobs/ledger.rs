//! Every transition of a job's state, one statement each. Time is the database's: a worker's clock decides nothing.
//!
//! insert → claim → (renew) → settle_done | settle_failed | settle_dead | release. The guard of every settlement is
//! (id, worker, fence): a worker that lost its lease cannot record a result.
//!
//! `state || ''` in a guard keeps the planner on the primary key: the partial indexes on live states look small to
//! its statistics and are full of entries that died a second ago.

use sqlx::PgConnection;
use sqlx::PgPool;

use super::{NewJob, VERSION};
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::kernel::ids::JobId;
use crate::platform::tx::Origin;

/// How long a claim holds without renewal.
pub const LEASE_SECONDS: f64 = 15.0;

/// A row that [`insert`] wrote.
pub struct Inserted {
    /// Its id.
    pub id: JobId,
    /// Where it waits.
    pub lane: String,
    /// Where in the lane.
    pub rank: i64,
    /// Due now; otherwise scheduled.
    pub queued: bool,
}

/// Writes jobs in one statement. Rows whose unique key is taken are left out of the answer.
pub async fn insert(db: &mut PgConnection, jobs: &[NewJob], config: &Config, origin: &Origin) -> Result<Vec<Inserted>> {
    let attempts = |job: &NewJob| job.max_attempts.unwrap_or(job.retry.configured(config).max_attempts) as i32;
    let column = |f: fn(&NewJob) -> Option<String>| jobs.iter().map(f).collect::<Vec<_>>();
    let rows = sqlx::query_as!(
        Inserted,
        r#"
        insert into jobs (id, kind, lane, state, priority, rank, max_attempts, timeout_ms, payload, key_argument,
                          unique_key, subject_type, subject_id, owner_id, run_at, traceparent, created_by, enqueued_version,
                          parent_id)
        select id, kind, lane, case when due > now() then 'scheduled' else 'queued' end, priority,
               (extract(epoch from due) * 1000)::bigint + priority * 60000, max_attempts, timeout_ms, payload,
               key_argument, unique_key, subject_type, subject_id, owner_id, due, $15, $16, $17, $18
        from unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::int[], $6::int[], $7::jsonb[], $8::text[],
                    $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::timestamptz[], $14::bigint[])
             as n (id, kind, lane, priority, max_attempts, timeout_ms, payload, key_argument, unique_key, subject_type,
                   subject_id, owner_id, run_at, delay_ms),
             lateral (select coalesce(run_at, now() + delay_ms * interval '1 millisecond', now()) as due) as d
        on conflict (kind, unique_key) where unique_key is not null do nothing
        returning id as "id: JobId", lane, rank, state = 'queued' as "queued!"
        "#,
        &jobs.iter().map(|j| j.id.0).collect::<Vec<_>>(),
        &jobs.iter().map(|j| j.kind.to_owned()).collect::<Vec<_>>(),
        &jobs.iter().map(|j| j.lane.name().to_owned()).collect::<Vec<_>>(),
        &jobs.iter().map(|j| j.priority).collect::<Vec<_>>(),
        &jobs.iter().map(attempts).collect::<Vec<_>>(),
        &jobs.iter().map(|j| j.timeout_ms).collect::<Vec<_>>(),
        &jobs.iter().map(|j| j.payload.clone()).collect::<Vec<_>>(),
        &column(|j| j.key_argument.clone()) as &[Option<String>],
        &column(|j| j.unique_key.clone()) as &[Option<String>],
        &column(|j| j.subject.map(|s| s.0.to_owned())) as &[Option<String>],
        &jobs.iter().map(|j| j.subject.map(|s| s.1)).collect::<Vec<_>>() as &[Option<uuid::Uuid>],
        &jobs.iter().map(|j| j.owner.map(|o| o.0)).collect::<Vec<_>>() as &[Option<uuid::Uuid>],
        &jobs.iter().map(|j| j.run_at).collect::<Vec<_>>() as &[Option<chrono::DateTime<chrono::Utc>>],
        &jobs.iter().map(|j| j.delay.map(|d| d.as_millis() as i64)).collect::<Vec<_>>() as &[Option<i64>],
        origin.traceparent.as_deref(),
        origin.actor.map(|a| a.0),
        VERSION,
        origin.parent.map(|p| p.0),
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The job that holds a unique key.
pub async fn holder(db: &mut PgConnection, kind: &str, unique_key: &str) -> Result<JobId> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: JobId" from jobs where kind = $1 and unique_key = $2"#,
        kind,
        unique_key
    )
    .fetch_one(db)
    .await?;
    Ok(id)
}

/// A job in a worker's hands.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub id: JobId,
    /// What it is.
    pub kind: String,
    /// Where it waited.
    pub lane: String,
    /// This run's number, 1 = the first.
    pub attempt: i32,
    /// Runs that count.
    pub max_attempts: i32,
    /// Must be named when settling.
    pub fence: i32,
    /// Processes that died with it.
    pub deaths: i16,
    /// This run's bound.
    pub timeout_ms: i32,
    /// JSON.
    pub payload: String,
    /// Since it was enqueued, in seconds.
    pub age: f64,
    /// Since it was due, in milliseconds.
    pub waited_ms: f64,
    /// W3C trace context of what enqueued it.
    pub traceparent: Option<String>,
}

/// The claim: compare-and-set `queued → running` on the ids that `$pick` names. `$1 $2 $3` are the picker's.
macro_rules! claim {
    ($db:expr, $worker:expr, $pick:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Claimed,
            "update jobs set state = 'running', attempt = attempt + 1, fence = fence + 1, begun = false, worker_id = $4,
                    lease_until = now() + make_interval(secs => $5), started_at = now(), ran_version = $6
             where " + $pick + r#"
               -- a pause holds at once, even for tickets that were already taken
               and lane not in (select name from lanes
                                where paused_at is not null and coalesce(paused_until, 'infinity') > now())
             returning id as "id: JobId", kind, lane, attempt, max_attempts, fence, deaths, timeout_ms,
                       payload::text as "payload!", extract(epoch from now() - created_at)::float8 as "age!",
                       extract(epoch from (now() - run_at) * 1000)::float8 as "waited_ms!", traceparent"#,
            $($arg,)+
            $worker,
            LEASE_SECONDS,
            VERSION,
        )
        .fetch_all($db)
        .await
    };
}

/// Takes the jobs named by tickets. Tickets that are stale, doubled or of a kind this process does not know yield
/// nothing.
pub async fn claim(db: &PgPool, worker: &str, lane: &str, kinds: &[String], ids: &[JobId]) -> Result<Vec<Claimed>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let pick = claim!(
        db,
        worker,
        "id = any($1) and kind = any($2) and lane = $3 and state || '' = 'queued'",
        &ids,
        kinds,
        lane
    );
    Ok(pick?)
}

/// Takes the jobs at the head of a lane: the ticket source that needs no Redis.
pub async fn claim_next(db: &PgPool, worker: &str, lane: &str, kinds: &[String], limit: i64) -> Result<Vec<Claimed>> {
    let pick = claim!(
        db,
        worker,
        "id = any(array(select id from jobs where state = 'queued' and kind = any($2) and lane = $3
                        order by rank, id limit $1 for update skip locked)) and state || '' = 'queued'",
        limit,
        kinds,
        lane
    );
    Ok(pick?)
}

/// Extends the leases of everything this worker holds. Returns (still held, asked to stop).
pub async fn renew(db: &PgPool, worker: &str, held: &[(JobId, i32)]) -> Result<Vec<(JobId, bool)>> {
    let (ids, fences): (Vec<_>, Vec<_>) = held.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    let rows = sqlx::query!(
        r#"
        update jobs set lease_until = now() + make_interval(secs => $4)
        from unnest($1::uuid[], $2::int[]) as h (id, fence)
        where jobs.id = h.id and jobs.fence = h.fence and jobs.worker_id = $3 and jobs.state || '' = 'running'
        returning jobs.id as "id: JobId", cancel_requested_at is not null as "cancel!"
        "#,
        &ids,
        &fences,
        worker,
        LEASE_SECONDS
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.cancel)).collect())
}

/// Whether this worker still holds the job; also notes that a suspect job really starts.
pub async fn begin(db: &mut PgConnection, worker: &str, id: JobId, fence: i32) -> Result<bool> {
    let done = sqlx::query!(
        "update jobs set begun = true where id = $1 and fence = $2 and worker_id = $3 and state = 'running'
           and lease_until > now()",
        id.0,
        fence,
        worker
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the lease holds, by the database's clock, inside the caller's transaction (the row stays locked).
pub async fn still_mine(db: &mut PgConnection, worker: &str, id: JobId, fence: i32) -> Result<bool> {
    let row = sqlx::query_scalar!(
        "select 1 from jobs where id = $1 and fence = $2 and worker_id = $3 and state = 'running' and lease_until > now()
         for update",
        id.0,
        fence,
        worker
    )
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// Records successes in one statement. Ids that do not come back were lost to another worker.
pub async fn settle_done(db: &mut PgConnection, worker: &str, done: &[(JobId, i32)]) -> Result<Vec<JobId>> {
    let (ids, fences): (Vec<_>, Vec<_>) = done.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    let settled = sqlx::query_scalar!(
        r#"
        with settled as (
            update jobs set state = 'succeeded', finished_at = now(), lease_until = null, cancel_requested_at = null
            from unnest($1::uuid[], $2::int[]) as d (id, fence)
            where jobs.id = d.id and jobs.fence = d.fence and jobs.worker_id = $3 and jobs.state || '' = 'running'
            returning jobs.id, jobs.fence, jobs.attempt, jobs.started_at
        ), kept as (
            -- a first run that succeeds is told by the job's own row
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome)
            select id, fence, attempt, $3, started_at, 'ok' from settled where fence > 1
        )
        select id as "id!: JobId" from settled
        "#,
        &ids,
        &fences,
        worker
    )
    .fetch_all(db)
    .await?;
    Ok(settled)
}

/// A run that did not succeed.
#[derive(Clone, Debug)]
pub struct Unsuccessful {
    /// The job.
    pub id: JobId,
    /// Its fence.
    pub fence: i32,
    /// `retrying`, `scheduled` (snooze), `queued`, `cancelled` or `dead`.
    pub state: &'static str,
    /// For the attempt's row: `error`, `timeout`, `panic`, `snoozed`, `cancelled`.
    pub outcome: &'static str,
    /// What went wrong, for people.
    pub error: String,
    /// A stable word for it.
    pub code: String,
    /// Wait before the next run, in seconds.
    pub wait: f64,
    /// Whether the run counts against the attempts.
    pub counts: bool,
    /// The run's own log.
    pub log: String,
}

/// Records one unsuccessful run. False: the lease was lost, nothing was written.
pub async fn settle_unsuccessful(db: &mut PgConnection, worker: &str, run: &Unsuccessful) -> Result<bool> {
    let settled = sqlx::query_scalar!(
        r#"
        with settled as (
            update jobs set state = $4, attempt = attempt - case when $5 then 0 else 1 end,
                   run_at = case when $4 in ('retrying', 'scheduled') then now() + make_interval(secs => $6) else run_at end,
                   rank = (extract(epoch from now()) * 1000 + case when $4 in ('retrying', 'scheduled') then $6 * 1000 else 0 end)::bigint
                          + priority * 60000,
                   finished_at = case when $4 in ('dead', 'cancelled') then now() end,
                   lease_until = null, cancel_requested_at = null, deaths = 0,
                   last_error = $7, error_code = $8, fingerprint = md5(kind || ':' || $8)
            where id = $1 and fence = $2 and worker_id = $3 and state = 'running'
            returning id, fence, attempt + case when $5 then 0 else 1 end as attempt, started_at, run_at, state
        ), kept as (
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome, error, log, next_run_at)
            select id, fence, attempt, $3, started_at, $9, $7, nullif($10, ''),
                   case when state in ('retrying', 'scheduled') then run_at end
            from settled
        )
        select 1 as "one!" from settled
        "#,
        run.id.0,
        run.fence,
        worker,
        run.state,
        run.counts,
        run.wait,
        run.error,
        run.code,
        run.outcome,
        run.log,
    )
    .fetch_optional(db)
    .await?;
    Ok(settled.is_some())
}

/// Gives jobs back that were claimed and not finished: no attempt is burned. Returns what is to be ticketed.
pub async fn release(
    db: &mut PgConnection,
    worker: &str,
    held: &[(JobId, i32)],
) -> Result<Vec<super::tickets::Ticket>> {
    let (ids, fences): (Vec<_>, Vec<_>) = held.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    let rows = sqlx::query!(
        r#"
        update jobs set state = 'queued', attempt = attempt - 1, lease_until = null, worker_id = null, started_at = null
        from unnest($1::uuid[], $2::int[]) as h (id, fence)
        where jobs.id = h.id and jobs.fence = h.fence and jobs.worker_id = $3 and jobs.state || '' = 'running'
        returning jobs.id as "id: JobId", lane, rank
        "#,
        &ids,
        &fences,
        worker
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| super::tickets::Ticket { job: row.id, lane: row.lane, rank: row.rank }).collect())
}
