//! What each action does to a step's jobs. Those whose state no longer allows it are passed over, with their state.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Action, Params};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BulkId, JobId};
use crate::platform::jobs::admin::{self, requeue};
use crate::platform::jobs::patch;
use crate::platform::jobs::tickets::Ticket;
use crate::platform::tx::{Signal, Tx};

/// A job after its change, for the ticket it needs or no longer needs.
pub(super) struct Changed {
    pub id: JobId,
    pub lane: String,
    pub rank: i64,
    pub state: String,
}

/// Does it, and writes down what became of each.
///
/// `may_reveal`: whether whoever started it may replace masked values.
pub(super) async fn act(
    tx: &mut Tx,
    bulk: BulkId,
    (action, params): (Action, &Params),
    may_reveal: bool,
    ids: &[JobId],
) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let from: Vec<String> = action.from().iter().map(|state| (*state).to_owned()).collect();
    let held = sqlx::query_scalar!(
        "select id from jobs where id = any($1) and state = any($2) order by id for update",
        &ids,
        &from
    )
    .fetch_all(&mut **tx)
    .await?;
    remember(tx, bulk, &held).await?;
    let mut refused = HashMap::new();
    let changed = match action {
        Action::Retry => {
            let jobs: Vec<JobId> = held.iter().copied().map(JobId).collect();
            requeue(tx, &jobs).await?.into_iter().map(|revived| revived.id.0).collect()
        }
        Action::Edit => edit(tx, params, may_reveal, &held, &mut refused).await?,
        Action::Discard => {
            sqlx::query_scalar!("delete from jobs where id = any($1) returning id", &held).fetch_all(&mut **tx).await?
        }
        Action::Run => {
            let rows = run(tx, &held).await?;
            ticketed(tx, rows)
        }
        Action::Cancel => {
            let rows = cancel(tx, &held).await?;
            withdrawn(tx, rows)
        }
        Action::Kill => {
            let rows = kill(tx, &held).await?;
            withdrawn(tx, rows)
        }
        Action::Priority => {
            let rows = prioritise(tx, &held, params.priority.unwrap_or_default()).await?;
            ticketed(tx, rows)
        }
        Action::Queue => relocate(tx, &held, params.queue.as_deref().unwrap_or_default()).await?,
    };
    settle(tx, bulk, &ids, &changed, &refused).await
}

/// What undoing restores ([`super::restore`]).
async fn remember(tx: &mut Tx, bulk: BulkId, held: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "update bulk_items i set was = jsonb_build_object('state', j.state, 'attempt', j.attempt, 'deaths', j.deaths,
                'run_at', j.run_at, 'priority', j.priority, 'rank', j.rank, 'lane', j.lane, 'deadline_at', j.deadline_at,
                'started_at', j.started_at, 'finished_at', j.finished_at, 'last_error', j.last_error,
                'error_code', j.error_code, 'payload', j.payload, 'key_argument', j.key_argument, 'tenant', j.tenant,
                'subject_type', j.subject_type, 'subject_id', j.subject_id, 'owner_id', j.owner_id,
                'effects', (select coalesce(jsonb_agg(e), '[]') from job_effects e
                            where e.job_id = j.id and e.done_at is null))
         from jobs j where i.operation_id = $1 and i.job_id = j.id and j.id = any($2)",
        bulk.0,
        held
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn settle(
    tx: &mut Tx,
    bulk: BulkId,
    ids: &[Uuid],
    changed: &[Uuid],
    refused: &HashMap<Uuid, String>,
) -> Result<()> {
    let (who, why): (Vec<Uuid>, Vec<String>) = refused.iter().map(|(id, why)| (*id, why.clone())).unzip();
    sqlx::query!(
        "update bulk_items i
         set outcome = case when i.job_id = any($3) then 'done' else 'skipped' end, at = now(), fence = n.fence,
             why = case when i.job_id = any($3) then null else coalesce(n.why, n.state, 'gone') end
         from (select x.id, j.fence, j.state, r.why from unnest($2::uuid[]) as x (id) left join jobs j on j.id = x.id
               left join unnest($4::uuid[], $5::text[]) as r (id, why) on r.id = x.id) n
         where i.operation_id = $1 and i.job_id = n.id",
        bulk.0,
        ids,
        changed,
        &who,
        &why
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn edit(
    tx: &mut Tx,
    params: &Params,
    may_reveal: bool,
    held: &[Uuid],
    refused: &mut HashMap<Uuid, String>,
) -> Result<Vec<Uuid>> {
    let steps = params.patch.as_deref().unwrap_or_default();
    let mut changed = Vec::new();
    for id in held {
        let payload = admin::payload(tx, JobId(*id)).await?;
        let after = patch::apply(&payload, steps);
        let done = match after {
            Ok(after) => admin::edit(tx, JobId(*id), &after, may_reveal).await,
            Err(why) => Err(Error::field("patch", "patch", why)),
        };
        match done {
            Ok(()) => changed.push(*id),
            Err(Error::Invalid(errors)) => {
                refused.insert(*id, errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "));
            }
            Err(Error::Forbidden(right)) => {
                refused.insert(*id, format!("has masked values: the right {right} is needed"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(changed)
}

async fn run(tx: &mut Tx, held: &[Uuid]) -> Result<Vec<Changed>> {
    let rows = sqlx::query_as!(
        Changed,
        r#"update jobs set state = case when concurrency_key is null then 'queued' else 'blocked' end, run_at = now(),
                  rank = (extract(epoch from now()) * 1000)::bigint + priority * 60000
           where id = any($1) returning id as "id: JobId", lane, rank, state"#,
        held
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

async fn cancel(tx: &mut Tx, held: &[Uuid]) -> Result<Vec<Changed>> {
    let rows = sqlx::query_as!(
        Changed,
        r#"update jobs set cancel_requested_at = case when state = 'running' then now() end,
                  started_at = case when state = 'running' then started_at end,
                  finished_at = case when state = 'running' then null else now() end,
                  state = case when state = 'running' then 'running' else 'cancelled' end
           where id = any($1) returning id as "id: JobId", lane, rank, state"#,
        held
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

async fn kill(tx: &mut Tx, held: &[Uuid]) -> Result<Vec<Changed>> {
    let rows = sqlx::query_as!(
        Changed,
        r#"update jobs set state = 'dead', started_at = null, finished_at = now(), error_code = coalesce(error_code, 'moved'),
                  last_error = coalesce(last_error, 'moved to the dead letters by hand')
           where id = any($1) returning id as "id: JobId", lane, rank, state"#,
        held
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

async fn prioritise(tx: &mut Tx, held: &[Uuid], priority: i16) -> Result<Vec<Changed>> {
    let rows = sqlx::query_as!(
        Changed,
        r#"update jobs set rank = rank + ($2 - priority) * 60000::bigint, priority = $2
           where id = any($1) returning id as "id: JobId", lane, rank, state"#,
        held,
        priority
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

async fn relocate(tx: &mut Tx, held: &[Uuid], lane: &str) -> Result<Vec<Uuid>> {
    let rows = sqlx::query!(
        r#"update jobs set lane = $2 from (select id, lane from jobs where id = any($1)) former
           where jobs.id = former.id
           returning jobs.id as "id: JobId", former.lane as "former!", jobs.lane as "lane!", rank, state"#,
        held,
        lane
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut changed = Vec::new();
    for row in rows {
        tx.platform().tickets.remove(&row.former, row.id);
        changed.push(Changed { id: row.id, lane: row.lane, rank: row.rank, state: row.state });
    }
    Ok(ticketed(tx, changed))
}

/// Those that may be claimed get a ticket after the commit.
pub(super) fn ticketed(tx: &mut Tx, rows: Vec<Changed>) -> Vec<Uuid> {
    rows.into_iter()
        .map(|row| {
            if matches!(row.state.as_str(), "queued" | "blocked") {
                tx.after_commit(Signal::Ticket(Ticket { job: row.id, lane: row.lane, rank: row.rank }));
            }
            row.id.0
        })
        .collect()
}

/// Those that no longer wait lose theirs. A ticket taken away in vain is found again by the sweeper.
fn withdrawn(tx: &Tx, rows: Vec<Changed>) -> Vec<Uuid> {
    rows.into_iter()
        .map(|row| {
            if row.state != "running" {
                tx.platform().tickets.remove(&row.lane, row.id);
            }
            row.id.0
        })
        .collect()
}
