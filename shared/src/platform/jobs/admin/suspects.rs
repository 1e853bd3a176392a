//! Where a failure happens: the workers that failed with it, and those that do the same kind of work without it. One that
//! only fails beside others that succeed was deployed wrong; when all fail, the cause is elsewhere.

use serde::Serialize;
use sqlx::PgConnection;

use super::groups::GroupRow;
use crate::kernel::Result;

/// Jobs looked at on either side: the newest.
const LOOKED_AT: i64 = 200;
/// Workers told of.
const MOST: i64 = 20;

/// A worker that has to do with a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspect {
    /// Its id: host, pid and a random part.
    pub worker: String,
    /// running, draining, stopped or lost; none: it has gone, and was forgotten.
    pub state: Option<String>,
    /// Of the newest 200 open jobs of the group, those whose last run failed there.
    pub failed: i64,
    /// Of the newest 200 jobs of the kind that succeeded, those that did so there since the failure was first seen.
    pub succeeded: i64,
}

/// Who fails with it most, first.
pub async fn suspects(db: &mut PgConnection, group: &GroupRow) -> Result<Vec<Suspect>> {
    let rows = sqlx::query_as!(
        Suspect,
        r#"
        with failed as (
            select a.worker_id as worker, count(*) as n
            from (select id from jobs where fingerprint = $1 and state in ('retrying', 'dead') order by id desc limit $4) j,
                 lateral (select worker_id from job_attempts where job_id = j.id order by fence desc limit 1) a
            where a.worker_id is not null group by 1
        ), done as (
            select j.worker_id as worker, count(*) as n
            from (select worker_id, finished_at from jobs
                  where state = 'succeeded'
                    -- an equality would let the planner walk down the primary key for a kind that seldom succeeds
                    and (kind, id) >= ($2, '00000000-0000-0000-0000-000000000000'::uuid)
                    and (kind, id) <= ($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                  order by kind desc, id desc limit $4) j
            where j.worker_id is not null and j.finished_at >= $3 group by 1
        )
        select worker as "worker!", coalesce(failed.n, 0) as "failed!", coalesce(done.n, 0) as "succeeded!",
               case when w.state in ('running', 'draining') and w.seen_at < now() - interval '15 seconds' then 'lost'
                    else w.state end as state
        from failed full join done using (worker) left join workers w on w.id = worker
        order by coalesce(failed.n, 0) desc, coalesce(done.n, 0) desc, worker limit $5
        "#,
        group.fingerprint,
        group.kind,
        group.first_seen,
        LOOKED_AT,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
