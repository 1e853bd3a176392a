//! Whether anything was written lately: counters that PostgreSQL keeps of every table anyway.

use sqlx::PgConnection;

use crate::kernel::Result;

/// Rows written since the counters began, in every table of ours but those that are written all the time without news:
/// heartbeats, figures, alarms seen again, sessions. Two equal numbers: nothing was written in between that a list shows.
///
/// PostgreSQL adds a connection's writes within a second while it works, within ten when it falls idle at once: a hint
/// that something moved, not a proof that nothing did.
pub async fn written(db: &mut PgConnection) -> Result<i64> {
    let rows = sqlx::query_scalar!(
        r#"select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint as "rows!" from pg_stat_user_tables
           where schemaname = current_schema() and relname not in ('workers', 'job_stats', 'alarms', 'sessions')"#
    )
    .fetch_one(db)
    .await?;
    Ok(rows)
}
