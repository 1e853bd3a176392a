//! What administrators do with jobs: find, read, retry, cancel, discard, one or all that match a filter; and with
//! what is around them: lanes, kinds, batches, groups of failures.

pub mod batches;
mod edit;
mod filter;
mod grammar;
pub mod groups;
pub mod kinds;
pub mod lanes;
mod list;
mod own;
mod read;
mod sort;
pub mod suspects;
pub mod views;

pub use edit::{Edit, REVEAL, edit, editable, edits, payload};
pub use filter::{JobFilter, STATES};
pub(super) use grammar::Question;
pub use grammar::{Field, Is, Suggestion, Term, Word, parse, suggestions, text as filter_text};
pub use list::{JobRow, WINDOW, count_within, list, list_within};
pub use own::{OwnJob, own};
pub use read::{Attempt, Effect, JobView, get};
pub use sort::Sort;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::tickets::Ticket;
use crate::platform::tx::{Signal, Tx};

/// A job that was brought back.
#[derive(Clone, Debug)]
pub struct Revived {
    /// Its id.
    pub id: JobId,
    /// `queued`, or `blocked` when it must wait for room under its key, or for its batch.
    pub state: String,
}

/// Brings jobs back with fresh attempts: `dead`, `cancelled`, and what waits for its time. Returns those that were in
/// such a state.
///
/// It is a person's decision, so what stood against the run is forgotten: effects of which nobody knows how they
/// ended, and a deadline that has passed.
pub async fn requeue(tx: &mut Tx, ids: &[JobId]) -> Result<Vec<Revived>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        with revived as (
            update jobs set
                   state = case when concurrency_key is not null then 'blocked'
                                when id in (select callback_id from batches where finished_at is null and callback_id is not null)
                                then 'blocked' else 'queued' end,
                   attempt = case when state in ('dead', 'cancelled') then 0 else attempt end,
                   deaths = 0, run_at = now(), rank = (extract(epoch from now()) * 1000)::bigint + priority * 60000,
                   deadline_at = case when deadline_at > now() then deadline_at end,
                   finished_at = null, cancel_requested_at = null
            where id = any($1) and state in ('dead', 'cancelled', 'retrying', 'scheduled')
            returning id, lane, rank, state
        ), forgotten as (
            delete from job_effects where done_at is null and job_id in (select id from revived)
        )
        select id as "id!: JobId", lane as "lane!", rank as "rank!", state as "state!" from revived
        "#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut revived = Vec::with_capacity(rows.len());
    for row in rows {
        // A blocked job's ticket asks for its room.
        tx.after_commit(Signal::Ticket(Ticket { job: row.id, lane: row.lane, rank: row.rank }));
        revived.push(Revived { id: row.id, state: row.state });
    }
    Ok(revived)
}

/// Retries one job now; returns the state it is in now. 409 when it is running, waiting, or succeeded.
pub async fn retry(tx: &mut Tx, id: JobId) -> Result<String> {
    match requeue(tx, &[id]).await?.pop() {
        Some(revived) => Ok(revived.state),
        None => Err(refused(tx, id, "retried").await),
    }
}

/// Cancels a job: at once when it waits, cooperatively when it runs (the worker hears of it at its next renewal).
/// Returns the state it is in now. What waits has no run that ends now: an earlier one's beginning would make it one.
pub async fn cancel(tx: &mut Tx, id: JobId) -> Result<String> {
    let row = sqlx::query!(
        r#"
        update jobs set cancel_requested_at = case when state = 'running' then now() end,
               started_at = case when state = 'running' then started_at end,
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
