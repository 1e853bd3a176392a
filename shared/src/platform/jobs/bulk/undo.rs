//! Undoing an operation: jobs that have not moved on since go back to where they were.

use super::read::count;
use super::restore::restore;
use super::{UNDO_MINUTES, get};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::BulkId;
use crate::platform::tx::Tx;

/// Ends the operation if it still runs and puts its jobs back, but for those that have started or were changed since.
/// Returns how many are back and how many stay as they are. 409 for what cannot be undone, or not any more.
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
    let back = restore(tx, id, &view).await?;
    let kept = sqlx::query!(
        "update bulk_items i
         set outcome = 'kept',
             why = case when i.was->>'state' = 'running' then 'it was running' when n.fence is null then 'gone'
                        when n.fence > i.fence then 'it had started' else 'changed since' end
         from (select x.job_id, j.fence from bulk_items x left join jobs j on j.id = x.job_id
               where x.operation_id = $1 and x.outcome = 'done') n
         where i.operation_id = $1 and i.job_id = n.job_id",
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
    count(tx, id).await?;
    Ok((back, kept.rows_affected() as usize))
}
