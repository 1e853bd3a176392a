//! Recurring duties as rows. One tick, one job: the unique key is (schedule, tick), so any number of sweepers may try.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::kinds::PurgeExpired;
use super::{Job, NewJob, enqueue_new};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::tx::Tx;

/// The duties of this version: name, cron expression (house time, Europe/Paris), kind.
const DUTIES: &[(&str, &str, &str)] = &[("purge", "17 * * * *", PurgeExpired::KIND)];

/// Makes the rows of this version's duties; an administrator's changes to existing ones stay.
pub async fn install(tx: &mut Tx) -> Result<()> {
    for (name, cron, kind) in DUTIES {
        sqlx::query!(
            "insert into schedules (name, cron, kind, payload) values ($1, $2, $3, '{}') on conflict (name) do nothing",
            name,
            cron,
            kind
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Enqueues what is due and computes the next times. A tick that was missed runs once, late.
pub async fn tick(tx: &mut Tx) -> Result<usize> {
    let due = sqlx::query!(
        r#"select name, cron, zone, kind, next_run_at, now() as "now!" from schedules
           where enabled and (next_run_at is null or next_run_at <= now()) for update skip locked"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut enqueued = 0;
    for row in due {
        if let Some(tick) = row.next_run_at {
            enqueue_new(tx, job(&row.kind, &row.name, tick)?).await?;
            enqueued += 1;
        }
        let next = next(&row.cron, &row.zone, row.now)?;
        sqlx::query!(
            "update schedules set next_run_at = $2, last_run_at = coalesce(next_run_at, last_run_at) where name = $1",
            row.name,
            next
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(enqueued)
}

fn job(kind: &str, name: &str, tick: DateTime<Utc>) -> Result<NewJob> {
    let job = match kind {
        PurgeExpired::KIND => NewJob::of(&PurgeExpired {})?,
        other => {
            return Err(Error::internal(format_args!("schedule {name}: no duty of kind {other}")));
        }
    };
    Ok(NewJob { unique_key: Some(format!("schedule:{name}:{}", tick.timestamp())), ..job })
}

fn next(cron: &str, zone: &str, after: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let zone: Tz = zone.parse().map_err(|e| Error::internal(format_args!("zone {zone}: {e}")))?;
    let cron = Cron::from_str(cron).map_err(|e| Error::internal(format_args!("cron {cron}: {e}")))?;
    let next = cron
        .find_next_occurrence(&after.with_timezone(&zone), false)
        .map_err(|e| Error::internal(format_args!("cron: {e}")))?;
    Ok(next.with_timezone(&Utc))
}
