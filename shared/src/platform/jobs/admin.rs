//! What administrators do with jobs: find, read, retry, cancel, discard, one or all that match a filter.

mod bulk;
mod own;
mod read;

pub use bulk::{Applied, Preview, apply, preview};
pub use own::{OwnJob, own};
pub use read::{Attempt, JobFilter, JobRow, JobView, STATES, get, list};

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::tickets::Ticket;
use crate::platform::tx::{Signal, Tx};

/// Brings jobs back to `queued` with fresh attempts: `dead`, `cancelled`, and what waits for its time. A job with a
/// concurrency key waits for room there, a callback for its batch, as if it were new.
/// Returns the ids that were in such a state.
pub async fn requeue(tx: &mut Tx, ids: &[JobId]) -> Result<Vec<JobId>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Ticket,
        r#"
        update jobs set state = case when concurrency_key is not null
                                       or id in (select callback_id from batches where finished_at is null) then 'blocked'
                                     else 'queued' end,
               attempt = case when state in ('dead', 'cancelled') then 0 else attempt end,
               deaths = 0, run_at = now(), rank = (extract(epoch from now()) * 1000)::bigint + priority * 60000,
               finished_at = null, cancel_requested_at = null
        where id = any($1) and state in ('dead', 'cancelled', 'retrying', 'scheduled')
        returning id as "job: JobId", lane, rank
        "#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let revived = rows.iter().map(|ticket| ticket.job).collect();
    for ticket in rows {
        tx.after_commit(Signal::Ticket(ticket));
    }
    Ok(revived)
}

/// Retries one job now. 409 when it is running, waiting in its lane, or succeeded.
pub async fn retry(tx: &mut Tx, id: JobId) -> Result<()> {
    if requeue(tx, &[id]).await?.is_empty() {
        return Err(refused(tx, id, "retried").await);
    }
    Ok(())
}

/// Cancels a job: at once when it waits, cooperatively when it runs (the worker hears of it at its next renewal).
/// Returns the state it is in now.
pub async fn cancel(tx: &mut Tx, id: JobId) -> Result<String> {
    let row = sqlx::query!(
        r#"
        update jobs set cancel_requested_at = case when state = 'running' then now() end,
               finished_at = case when state = 'running' then null else now() end,
               state = case when state = 'running' then 'running' else 'cancelled' end
        where id = $1 and state in ('scheduled', 'blocked', 'queued', 'retrying', 'running')
        returning state, lane
        "#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Err(refused(tx, id, "cancelled").await);
    };
    tx.platform().tickets.remove(&row.lane, id);
    Ok(row.state)
}

/// Deletes a dead or cancelled job and its attempts for good.
pub async fn discard(tx: &mut Tx, id: JobId) -> Result<()> {
    let done = sqlx::query!("delete from jobs where id = $1 and state in ('dead', 'cancelled')", id.0)
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 {
        return Err(refused(tx, id, "discarded").await);
    }
    Ok(())
}

async fn refused(tx: &mut Tx, id: JobId, verb: &str) -> Error {
    match sqlx::query_scalar!("select state from jobs where id = $1", id.0).fetch_optional(&mut **tx).await {
        Ok(Some(state)) => Error::conflict("job_state", format!("the job is {state} and cannot be {verb}")),
        Ok(None) => Error::NotFound("job"),
        Err(error) => error.into(),
    }
}
