//! While a worker holds a job: renewing the lease, noting what it says, asking whether it is still ours, giving back.

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::LEASE_SECONDS;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::tickets::Ticket;

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

/// What a run has said so far.
#[derive(Clone, Debug)]
pub struct Note {
    /// The job.
    pub id: JobId,
    /// Its fence.
    pub fence: i32,
    /// Its log, whole.
    pub log: String,
    /// How far it has come.
    pub progress: Option<Value>,
    /// What it gives back.
    pub result: Option<Value>,
}

/// Writes logs, progress and results of running jobs, so that people can read them meanwhile.
pub async fn note(db: &mut PgConnection, worker: &str, notes: &[Note]) -> Result<()> {
    sqlx::query!(
        r#"
        update jobs set log = nullif(n.log, ''), progress = coalesce(n.progress, jobs.progress),
               result = coalesce(n.result, jobs.result)
        from unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::jsonb[]) as n (id, fence, log, progress, result)
        where jobs.id = n.id and jobs.fence = n.fence and jobs.worker_id = $6 and jobs.state || '' = 'running'
        "#,
        &notes.iter().map(|n| n.id.0).collect::<Vec<_>>(),
        &notes.iter().map(|n| n.fence).collect::<Vec<_>>(),
        &notes.iter().map(|n| n.log.clone()).collect::<Vec<_>>(),
        &notes.iter().map(|n| n.progress.clone()).collect::<Vec<_>>() as &[Option<Value>],
        &notes.iter().map(|n| n.result.clone()).collect::<Vec<_>>() as &[Option<Value>],
        worker
    )
    .execute(db)
    .await?;
    Ok(())
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

/// Gives jobs back that were claimed and not finished: no attempt is burned. What was asked to stop is cancelled.
/// Returns what is to be ticketed; a ticket of a cancelled job yields nothing.
pub async fn release(db: &mut PgConnection, worker: &str, held: &[(JobId, i32)]) -> Result<Vec<Ticket>> {
    let (ids, fences): (Vec<_>, Vec<_>) = held.iter().map(|(id, fence)| (id.0, *fence)).unzip();
    let rows = sqlx::query_as!(
        Ticket,
        r#"
        update jobs set state = case when cancel_requested_at is null then 'queued' else 'cancelled' end,
               finished_at = case when cancel_requested_at is not null then now() end,
               attempt = attempt - 1, lease_until = null, worker_id = null,
               started_at = null, log = null
        from unnest($1::uuid[], $2::int[]) as h (id, fence)
        where jobs.id = h.id and jobs.fence = h.fence and jobs.worker_id = $3 and jobs.state || '' = 'running'
        returning jobs.id as "job: JobId", lane, rank
        "#,
        &ids,
        &fences,
        worker
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
