//! How long what is finished stays: jobs as configured, batches and bulk operations 90 days, figures 30, error groups a year after their
//! last failure.

use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::config::Worker;

/// Deletes what is past its term, a bounded number at a time. Returns how many.
pub async fn purge(db: &mut PgConnection, keep: &Worker) -> Result<u64> {
    // Ids are UUID v7: a time is a bound on the primary key, so young rows are never read.
    let jobs = sqlx::query!(
        "delete from jobs where id = any(array(
             select id from jobs
             where id < (lpad(to_hex((extract(epoch from now() - make_interval(days => least($1::int, $2::int))) * 1000)::bigint), 12, '0')
                         || repeat('0', 20))::uuid
               and ((state in ('succeeded', 'cancelled') and finished_at < now() - make_interval(days => $1))
                or (state = 'dead' and finished_at < now() - make_interval(days => $2)))
             order by id limit 2000))",
        keep.keep_finished as i32,
        keep.keep_dead as i32
    )
    .execute(&mut *db)
    .await?;
    let small = sqlx::query!(
        "with a as (delete from job_selections where created_at < now() - interval '14 days' returning 1),
              bulk as (delete from bulk_operations where (state = 'draft' and created_at < now() - interval '1 day')
                       or finished_at < now() - interval '90 days' returning 1),
              b as (delete from batches where finished_at < now() - interval '90 days' returning 1),
              c as (delete from job_stats where minute < now() - interval '30 days' returning 1),
              d as (delete from error_groups where last_seen < now() - interval '365 days' returning 1)
         select (select count(*) from a) + (select count(*) from bulk) + (select count(*) from b) + (select count(*) from c) + (select count(*) from d) as \"n!\""
    )
    .fetch_one(db)
    .await?;
    Ok(jobs.rows_affected() + small.n as u64)
}
