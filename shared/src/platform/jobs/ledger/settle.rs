//! Settlements: what became of a run. Guarded by worker and fence, in batches.

use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::JobId;

/// Records successes. Ids that do not come back were lost to another worker.
///
/// A first run that succeeds is told by the job's own row; one that was not the first has a row of its own as well.
pub async fn settle_done(db: &mut PgConnection, worker: &str, done: &[(JobId, i32)]) -> Result<Vec<JobId>> {
    let (ids, fences): (Vec<_>, Vec<_>) = done.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    if fences.iter().all(|fence| *fence == 1) {
        let settled = sqlx::query_scalar!(
            r#"
            update jobs set state = 'succeeded', finished_at = now(), lease_until = null, cancel_requested_at = null
            where id = any($1) and fence = 1 and worker_id = $2 and state || '' = 'running'
            returning id as "id: JobId"
            "#,
            &ids,
            worker
        )
        .fetch_all(db)
        .await?;
        return Ok(settled);
    }
    let settled = sqlx::query_scalar!(
        r#"
        with settled as (
            update jobs set state = 'succeeded', finished_at = now(), lease_until = null, cancel_requested_at = null
            from unnest($1::uuid[], $2::int[]) as d (id, fence)
            where jobs.id = d.id and jobs.fence = d.fence and jobs.worker_id = $3 and jobs.state || '' = 'running'
            returning jobs.id, jobs.fence, jobs.attempt, jobs.started_at, jobs.log
        ), kept as (
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome, log)
            select id, fence, attempt, $3, started_at, 'ok', log from settled where fence > 1
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
    /// Failures with this in common are the same one ([`super::super::groups`]).
    pub fingerprint: String,
    /// Wait before the next run, in seconds.
    pub wait: f64,
    /// Whether the run counts against the attempts.
    pub counts: bool,
    /// The run's own log.
    pub log: String,
}

/// Records unsuccessful runs in one statement. A job that was asked to stop is not tried again: it is cancelled.
/// Ids that do not come back were lost to another worker.
pub async fn settle_unsuccessful(db: &mut PgConnection, worker: &str, runs: &[Unsuccessful]) -> Result<Vec<JobId>> {
    fn list<T>(runs: &[Unsuccessful], column: impl Fn(&Unsuccessful) -> T) -> Vec<T> {
        runs.iter().map(column).collect()
    }
    let settled = sqlx::query_scalar!(
        r#"
        with settled as (
            update jobs set state = case when cancel_requested_at is not null and r.state <> 'dead' then 'cancelled'
                                         else r.state end,
                   attempt = attempt - case when r.counts then 0 else 1 end,
                   run_at = case when r.again then now() + make_interval(secs => r.wait) else run_at end,
                   -- a tenant's job keeps its place behind that tenant's others
                   rank = greatest(case when tenant is not null then rank end,
                                   (extract(epoch from now()) * 1000 + case when r.again then r.wait * 1000 else 0 end)::bigint
                                   + priority * 60000),
                   finished_at = case when r.state in ('dead', 'cancelled') or cancel_requested_at is not null then now() end,
                   lease_until = null, cancel_requested_at = null, deaths = 0, log = null,
                   last_error = r.error, error_code = r.code, fingerprint = nullif(r.fingerprint, '')
            from (select *, state in ('retrying', 'scheduled') as again
                  from unnest($1::uuid[], $2::int[], $3::text[], $4::bool[], $5::float8[], $6::text[], $7::text[],
                              $8::text[], $9::text[], $10::text[])
                       as u (id, fence, state, counts, wait, error, code, fingerprint, outcome, log)) as r
            where jobs.id = r.id and jobs.fence = r.fence and worker_id = $11 and jobs.state || '' = 'running'
            returning jobs.id, jobs.fence, attempt + case when r.counts then 0 else 1 end as attempt, started_at, run_at,
                      jobs.state, r.outcome, r.error, r.log
        ), kept as (
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome, error, log, next_run_at)
            select id, fence, attempt, $11, started_at, outcome, error, nullif(log, ''),
                   case when state in ('retrying', 'scheduled') then run_at end
            from settled
        )
        select id as "id!: JobId" from settled
        "#,
        &list(runs, |r| r.id.0),
        &list(runs, |r| r.fence),
        &list(runs, |r| r.state.to_owned()),
        &list(runs, |r| r.counts),
        &list(runs, |r| r.wait),
        &list(runs, |r| r.error.clone()),
        &list(runs, |r| r.code.clone()),
        &list(runs, |r| r.fingerprint.clone()),
        &list(runs, |r| r.outcome.to_owned()),
        &list(runs, |r| r.log.clone()),
        worker,
    )
    .fetch_all(db)
    .await?;
    Ok(settled)
}

/// A worker came back with results after its leases had ended: they were refused, and the lost attempts say so.
pub async fn late(db: &mut PgConnection, late: &[(JobId, i32)], what: &str) -> Result<()> {
    let (ids, fences): (Vec<_>, Vec<_>) = late.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    sqlx::query!(
        "update job_attempts a
         set error = a.error || '; ' || extract(epoch from now() - a.finished_at)::numeric(10, 1)
                     || ' s later it came back with ' || $3 || ': refused'
         from unnest($1::uuid[], $2::int[]) as l (id, fence)
         where a.job_id = l.id and a.fence = l.fence and a.outcome = 'lost'",
        &ids,
        &fences,
        what
    )
    .execute(db)
    .await?;
    Ok(())
}
