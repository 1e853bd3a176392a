//! Batches: jobs that belong together. When all of them are final, one callback runs.
//!
//! Nothing is counted while jobs finish, so no row is hot: the sweeper asks, each second, which sealed batches have no
//! open job left. The callback is a job from the beginning, `blocked` until then.

use sqlx::PgConnection;

use super::tickets::Ticket;
use super::{NewJob, enqueue_all, enqueue_new};
use crate::kernel::Result;
use crate::kernel::ids::{BatchId, JobId};
use crate::platform::tx::Tx;

/// A batch as it was written.
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Its jobs, in the order given.
    pub jobs: Vec<JobId>,
    /// The job that runs when all are final.
    pub callback: Option<JobId>,
}

/// Writes a whole batch at once.
pub async fn enqueue(tx: &mut Tx, name: &str, jobs: Vec<NewJob>, callback: Option<NewJob>) -> Result<Batch> {
    let (id, callback) = open(tx, name, callback).await?;
    let jobs = add(tx, id, jobs).await?;
    seal(tx, id).await?;
    Ok(Batch { id, jobs, callback })
}

/// Opens a batch that jobs are added to, in any number of transactions. It cannot finish before it is sealed.
pub async fn open(tx: &mut Tx, name: &str, callback: Option<NewJob>) -> Result<(BatchId, Option<JobId>)> {
    let id = BatchId::new();
    let callback = match callback {
        Some(job) => Some(enqueue_new(tx, NewJob { waits: true, ..job }).await?),
        None => None,
    };
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!(
        "insert into batches (id, name, callback_id, created_by) values ($1, $2, $3, $4)",
        id.0,
        name,
        callback.map(|c| c.0),
        actor
    )
    .execute(&mut **tx)
    .await?;
    Ok((id, callback))
}

/// Adds jobs to an open batch.
pub async fn add(tx: &mut Tx, id: BatchId, jobs: Vec<NewJob>) -> Result<Vec<JobId>> {
    enqueue_all(tx, jobs.into_iter().map(|job| NewJob { batch: Some(id), ..job }).collect()).await
}

/// Says that nothing is added any more.
pub async fn seal(tx: &mut Tx, id: BatchId) -> Result<()> {
    sqlx::query!("update batches set sealed_at = coalesce(sealed_at, now()) where id = $1", id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Finishes the sealed batches whose jobs are all final. Returns the callbacks to be ticketed.
pub async fn close(db: &mut PgConnection) -> Result<Vec<Ticket>> {
    let callbacks = sqlx::query_as!(
        Ticket,
        r#"
        with finished as (
            update batches b set finished_at = now(),
                   succeeded = (select count(*) from jobs where batch_id = b.id and state = 'succeeded'),
                   dead = (select count(*) from jobs where batch_id = b.id and state = 'dead'),
                   cancelled = (select count(*) from jobs where batch_id = b.id and state = 'cancelled')
            where b.id = any(array(
                select o.id from batches o
                where o.finished_at is null and o.sealed_at is not null
                  and not exists (select from jobs j where j.batch_id = o.id
                                  and j.state in ('scheduled', 'blocked', 'queued', 'running', 'retrying'))
                limit 1000 for update skip locked))
            returning b.callback_id
        )
        update jobs set state = case when concurrency_key is null then 'queued' else 'blocked' end, run_at = now(),
               rank = (extract(epoch from now()) * 1000)::bigint + priority * 60000
        where id in (select callback_id from finished) and state = 'blocked'
        returning id as "job: JobId", lane, rank
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(callbacks)
}
