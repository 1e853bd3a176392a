//! Room under concurrency keys. A job with a key that is queued or running holds a permit; the others are `blocked`.
//!
//! The claim knows nothing of keys: what is queued may run. Whoever frees a permit (a settlement), brings a job (a
//! ticket for a blocked one) or notices (the sweeper, every second) calls [`grant`], one at a time over all processes.

use sqlx::{PgConnection, PgPool};

use super::tickets::Ticket;
use crate::kernel::Result;
use crate::kernel::ids::JobId;

/// "permits" in the first bytes: whoever counts must see what the one before granted.
const LOCK: i64 = 0x0070_6572_6d69_7473;
/// The most keys one sweep looks at.
const KEYS: i64 = 1000;

/// Queues blocked jobs of these keys as far as there is room, best rank first. Returns what is to be ticketed.
#[expect(clippy::disallowed_methods, reason = "the tickets are the caller's to add, after the commit in here")]
pub async fn grant(db: &PgPool, keys: &[String]) -> Result<Vec<Ticket>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    // A statement of its own: the next one's snapshot must be younger than the lock.
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK).execute(&mut *tx).await?;
    let granted = sqlx::query_as!(
        Ticket,
        r#"
        update jobs set state = 'queued'
        where state = 'blocked' and id = any(array(
            select next.id
            from unnest($1::text[]) as k (key),
                 lateral (select count(*) as held from jobs
                          where concurrency_key = k.key and state in ('queued', 'running')) as h,
                 lateral (select concurrency_limit as most from jobs
                          where concurrency_key = k.key and state = 'blocked' order by rank, id limit 1) as l,
                 -- a callback waits for its batch first
                 lateral (select id from jobs where concurrency_key = k.key and state = 'blocked'
                            and id not in (select callback_id from batches
                                           where finished_at is null and callback_id is not null)
                          order by rank, id limit greatest(l.most - h.held, 0)) as next))
        returning id as "job: JobId", lane, rank
        "#,
        keys
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(granted)
}

/// The keys of jobs that a ticket named and nobody could claim: they may be blocked.
pub async fn keys_of(db: &mut PgConnection, ids: &[JobId]) -> Result<Vec<String>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let keys = sqlx::query_scalar!(
        r#"select distinct concurrency_key as "key!" from jobs
           where id = any($1) and state || '' = 'blocked' and concurrency_key is not null"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(keys)
}

/// Keys somebody waits for, past `after` in their order: the sweeper goes round.
pub async fn waiting(db: &mut PgConnection, after: &str) -> Result<Vec<String>> {
    // A loose scan: one index probe for each key, however many jobs it has.
    let keys = sqlx::query_scalar!(
        r#"
        with recursive k as (
            (select concurrency_key from jobs where concurrency_key > $1 and state = 'blocked'
             order by concurrency_key limit 1)
            union all
            select (select j.concurrency_key from jobs j where j.concurrency_key > k.concurrency_key and j.state = 'blocked'
                    order by j.concurrency_key limit 1)
            from k where k.concurrency_key is not null
        )
        select concurrency_key as "key!" from k where concurrency_key is not null limit $2
        "#,
        after,
        KEYS
    )
    .fetch_all(db)
    .await?;
    Ok(keys)
}
