//! What happened in each minute, per lane and kind: added up in the workers, written with their heartbeats.

use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::kernel::Result;

/// Runs of one kind in one lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Runs that succeeded.
    pub succeeded: i32,
    /// Runs that failed and will be tried again.
    pub failed: i32,
    /// Runs that ended their job as dead.
    pub dead: i32,
    /// Time they took together, in ms.
    pub run_ms: i64,
    /// Time from due to claimed, together, in ms.
    pub wait_ms: i64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.succeeded += more.succeeded;
        self.failed += more.failed;
        self.dead += more.dead;
        self.run_ms += more.run_ms;
        self.wait_ms += more.wait_ms;
    }
}

/// Adds (lane, kind, tally) to the present minute.
pub async fn add(db: &mut PgConnection, mut rows: Vec<(&str, &str, Tally)>) -> Result<()> {
    rows.sort_by_key(|row| (row.0, row.1)); // all processes lock in one order
    sqlx::query!(
        "insert into job_stats (minute, lane, kind, succeeded, failed, dead, run_ms, wait_ms)
         select date_trunc('minute', now()), *
         from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::bigint[], $7::bigint[])
         on conflict (minute, lane, kind) do update
             set succeeded = job_stats.succeeded + excluded.succeeded, failed = job_stats.failed + excluded.failed,
                 dead = job_stats.dead + excluded.dead, run_ms = job_stats.run_ms + excluded.run_ms,
                 wait_ms = job_stats.wait_ms + excluded.wait_ms",
        &rows.iter().map(|row| row.0.to_owned()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.1.to_owned()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.2.succeeded).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.2.failed).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.2.dead).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.2.run_ms).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.2.wait_ms).collect::<Vec<_>>()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What ended in one minute, over all lanes.
#[derive(Clone, Copy, Debug)]
pub struct Minute {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// Runs that succeeded.
    pub succeeded: i64,
    /// Runs that failed and are tried again.
    pub failed: i64,
    /// Jobs that died.
    pub dead: i64,
}

/// The last sixty minutes, oldest first, without gaps.
pub async fn last_hour(db: &mut PgConnection) -> Result<Vec<Minute>> {
    let rows = sqlx::query_as!(
        Minute,
        r#"select m.at as "at!", coalesce(sum(s.succeeded), 0) as "succeeded!", coalesce(sum(s.failed), 0) as "failed!",
                  coalesce(sum(s.dead), 0) as "dead!"
           from generate_series(date_trunc('minute', now()) - interval '59 minutes', date_trunc('minute', now()), interval '1 minute') m (at)
           left join job_stats s on s.minute = m.at group by m.at order by m.at"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
