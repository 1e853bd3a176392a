//! Undoing an operation: jobs that have not started since go back to where they were.

use super::{UNDO_MINUTES, get};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BulkId, JobId};
use crate::platform::jobs::tickets::Ticket;
use crate::platform::tx::{Signal, Tx};

/// Ends the operation if it still runs and puts its jobs back, but for those that have started since. Returns how many
/// are back and how many were too late. 409 for what cannot be undone, or not any more.
pub async fn undo(tx: &mut Tx, id: BulkId) -> Result<(usize, usize)> {
    let state = sqlx::query_scalar!("select state from bulk_operations where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NotFound("bulk operation"))?;
    let view = get(tx, id).await?;
    if !matches!(state.as_str(), "running" | "paused" | "done" | "cancelled") {
        return Err(Error::conflict("bulk_state", format!("it is {state}: there is nothing to undo")));
    }
    if view.action.is_final() {
        return Err(Error::conflict("bulk_final", "what was discarded cannot be brought back"));
    }
    let now = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut **tx).await?;
    if view.undo_until.is_none_or(|until| until < now) {
        return Err(Error::conflict("bulk_late", format!("it could be undone for {UNDO_MINUTES} minutes")));
    }
    let back = restore(tx, id).await?;
    let kept = sqlx::query!(
        "update bulk_items set outcome = 'kept', why = 'it had started' where operation_id = $1 and outcome = 'done'",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update bulk_operations set state = 'undone', undone_at = now(), undone_by = $2,
                finished_at = coalesce(finished_at, now()) where id = $1",
        id.0,
        tx.origin.actor.map(|actor| actor.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok((back, kept.rows_affected() as usize))
}

/// A job whose fence is that of the change has not been claimed since.
async fn restore(tx: &mut Tx, id: BulkId) -> Result<usize> {
    let rows = sqlx::query!(
        r#"with back as (
               update jobs j set state = i.was->>'state', attempt = (i.was->>'attempt')::int, deaths = (i.was->>'deaths')::smallint,
                      run_at = (i.was->>'run_at')::timestamptz, priority = (i.was->>'priority')::smallint,
                      rank = (i.was->>'rank')::bigint, lane = i.was->>'lane', deadline_at = (i.was->>'deadline_at')::timestamptz,
                      finished_at = (i.was->>'finished_at')::timestamptz, last_error = i.was->>'last_error',
                      error_code = i.was->>'error_code', payload = i.was->'payload'
               from bulk_items i
               where i.operation_id = $1 and i.outcome = 'done' and i.job_id = j.id and i.fence = j.fence and j.state <> 'running'
               returning j.id, j.lane, j.rank, j.state
           ), noted as (
               update bulk_items set outcome = 'undone' where operation_id = $1 and job_id in (select id from back)
           )
           select id as "id!: JobId", lane as "lane!", rank as "rank!", state as "state!" from back"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let count = rows.len();
    for row in rows {
        tx.platform().tickets.remove(&row.lane, row.id);
        if matches!(row.state.as_str(), "queued" | "blocked") {
            tx.after_commit(Signal::Ticket(Ticket { job: row.id, lane: row.lane, rank: row.rank }));
        }
    }
    Ok(count)
}
