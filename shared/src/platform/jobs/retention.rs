//! How long finished jobs stay: succeeded and cancelled ones 14 days, dead ones 90.

use sqlx::PgConnection;

use crate::kernel::Result;

/// Deletes jobs past their term, a bounded number at a time. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    // Ids are UUID v7: a time is a bound on the primary key, so young rows are never read.
    let jobs = sqlx::query!(
        "delete from jobs where id = any(array(
             select id from jobs
             where id < (lpad(to_hex((extract(epoch from now() - interval '14 days') * 1000)::bigint), 12, '0')
                         || repeat('0', 20))::uuid
               and ((state in ('succeeded', 'cancelled') and finished_at < now() - interval '14 days')
                or (state = 'dead' and finished_at < now() - interval '90 days'))
             order by id limit 2000))"
    )
    .execute(&mut *db)
    .await?;
    let selections =
        sqlx::query!("delete from job_selections where created_at < now() - interval '14 days'").execute(db).await?;
    Ok(jobs.rows_affected() + selections.rows_affected())
}
