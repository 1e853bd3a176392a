//! What undoing puts back: only what the action changed, and only where nobody has decided anything since.

use uuid::Uuid;

use super::acts::{Changed, ticketed};
use super::{Action, BulkView};
use crate::kernel::Result;
use crate::kernel::ids::{BulkId, JobId};
use crate::platform::tx::Tx;

/// Puts columns back and notes it. A job whose fence is that of the change has not been claimed since; `$still` says by
/// what one knows that it is as the action left it. `i.at` is the moment of the change: what the action dated bears it.
macro_rules! back {
    ($tx:expr, $id:expr, $set:tt, $still:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Changed,
            "with back as (
                 update jobs j set " + $set + " from bulk_items i
                 where i.operation_id = $1 and i.outcome = 'done' and i.job_id = j.id and i.fence = j.fence and " + $still + "
                 returning j.id, j.lane, j.rank, j.state
             ), noted as (
                 update bulk_items set outcome = 'undone' where operation_id = $1 and job_id in (select id from back)
             )
             " + r#"select id as "id!: JobId", lane as "lane!", rank as "rank!", state as "state!" from back"#,
            $id.0
            $(, $arg)*
        )
        .fetch_all(&mut **$tx)
        .await?
    };
}

/// Returns how many are back.
pub(super) async fn restore(tx: &mut Tx, id: BulkId, view: &BulkView) -> Result<usize> {
    let rows = match view.action {
        Action::Retry | Action::Run => started(tx, id).await?,
        Action::Cancel | Action::Kill => ended(tx, id).await?,
        Action::Priority => {
            back!(
                tx,
                id,
                "priority = (i.was->>'priority')::smallint,
                 rank = j.rank + ((i.was->>'priority')::smallint - j.priority) * 60000::bigint",
                "j.state in ('scheduled', 'blocked', 'queued', 'retrying') and j.priority = $2",
                view.params.priority.unwrap_or_default()
            )
        }
        Action::Queue => relocated(tx, id, view.params.queue.as_deref().unwrap_or_default()).await?,
        Action::Edit => edited(tx, id).await?,
        Action::Discard => Vec::new(),
    };
    for row in &rows {
        tx.platform().tickets.remove(&row.lane, row.id);
    }
    Ok(ticketed(tx, rows).len())
}

/// Those that wait where they were sent, with what was forgotten for their sake. A priority that was changed since stays.
async fn started(tx: &mut Tx, id: BulkId) -> Result<Vec<Changed>> {
    let rows = back!(
        tx,
        id,
        "state = i.was->>'state', attempt = (i.was->>'attempt')::int, deaths = (i.was->>'deaths')::smallint,
         run_at = (i.was->>'run_at')::timestamptz, deadline_at = (i.was->>'deadline_at')::timestamptz,
         finished_at = (i.was->>'finished_at')::timestamptz,
         rank = (i.was->>'rank')::bigint + (j.priority - (i.was->>'priority')::smallint) * 60000::bigint",
        "j.state in ('queued', 'blocked') and j.run_at = i.at"
    );
    sqlx::query!(
        "insert into job_effects (job_id, name, fence, worker_id, begun_at, done_at, reply)
         select e.job_id, e.name, e.fence, e.worker_id, e.begun_at, e.done_at, e.reply
         from bulk_items i cross join lateral jsonb_populate_recordset(null::job_effects, i.was->'effects') e
         where i.operation_id = $1 and i.outcome = 'undone' on conflict do nothing",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(rows)
}

/// Those that are where the action ended them. What ran was only asked to stop: its end is its own.
async fn ended(tx: &mut Tx, id: BulkId) -> Result<Vec<Changed>> {
    Ok(back!(
        tx,
        id,
        "state = i.was->>'state', started_at = (i.was->>'started_at')::timestamptz,
         finished_at = (i.was->>'finished_at')::timestamptz, last_error = i.was->>'last_error',
         error_code = i.was->>'error_code'",
        "j.state in ('cancelled', 'dead') and j.finished_at = i.at and i.was->>'state' <> 'running'"
    ))
}

async fn relocated(tx: &mut Tx, id: BulkId, lane: &str) -> Result<Vec<Changed>> {
    let rows = back!(
        tx,
        id,
        "lane = i.was->>'lane'",
        "j.state in ('scheduled', 'blocked', 'queued', 'retrying') and j.lane = $2",
        lane
    );
    for row in &rows {
        tx.platform().tickets.remove(lane, row.id);
    }
    Ok(rows)
}

/// Those whose last edit is the operation's; the way back is an edit too. What an earlier version remembered of a job
/// was its payload alone, and that is not enough.
async fn edited(tx: &mut Tx, id: BulkId) -> Result<Vec<Changed>> {
    let rows = back!(
        tx,
        id,
        "payload = i.was->'payload', key_argument = i.was->>'key_argument', tenant = i.was->>'tenant',
         subject_type = i.was->>'subject_type', subject_id = (i.was->>'subject_id')::uuid,
         owner_id = (i.was->>'owner_id')::uuid",
        "j.state not in ('running', 'succeeded') and i.was ? 'owner_id'
         and i.at = (select edited_at from job_edits where job_id = j.id order by n desc limit 1)"
    );
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    sqlx::query!(
        "insert into job_edits (job_id, n, before, after, edited_by)
         select e.job_id, e.n + 1, e.after, e.before, $2
         from unnest($1::uuid[]) as x (id)
              cross join lateral (select * from job_edits where job_id = x.id order by n desc limit 1) e",
        &ids,
        tx.origin.actor.map(|actor| actor.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(rows)
}
