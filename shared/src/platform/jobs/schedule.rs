//! Recurring duties as rows. One tick, one job: the unique key is (schedule, tick), so any number of sweepers may try.
//!
//! A row that makes no sense (its cron, zone, kind or payload) stops nobody else: it is told once and shown.

mod plan;
mod rows;
mod words;

pub use plan::Plan;
pub use rows::{Change, Changed, LastJob, Missed, Overlap, ScheduleView, Tick, change, list, run_now, view};
pub use words::Words;

use std::collections::BTreeSet;
use std::sync::Mutex;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::kinds::{
    PurgeAudit, PurgeExpired, ReconcileStripe, RefreshStats, RemindInvoices, SweepFiles, VerifyAudit, WatchErasures,
};
use super::{Job, NewJob, enqueue_all};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::tx::Tx;

/// The duties of this version: name, cron expression (house time, Europe/Paris), kind.
const DUTIES: &[(&str, &str, &str)] = &[
    ("audit-purge", "23 4 1 * *", PurgeAudit::KIND),
    ("audit-verify", "11 4 * * *", VerifyAudit::KIND),
    ("erasures", "7 * * * *", WatchErasures::KIND),
    ("files", "41 3 * * *", SweepFiles::KIND),
    ("purge", "17 * * * *", PurgeExpired::KIND),
    ("stripe", "*/15 * * * *", ReconcileStripe::KIND),
    ("invoices", "0 8 * * *", RemindInvoices::KIND),
    ("stats", "*/10 * * * *", RefreshStats::KIND),
];
/// The most missed ticks that are made up for.
const MOST: usize = 100;

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

/// Enqueues what is due and computes the next times. Returns how many jobs that made.
pub async fn tick(tx: &mut Tx) -> Result<usize> {
    let now = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut **tx).await?;
    tick_at(tx, now).await
}

/// The same at another time than the database's: for tests of the nights when clocks change.
pub async fn tick_at(tx: &mut Tx, now: DateTime<Utc>) -> Result<usize> {
    let due = sqlx::query_as!(
        Due,
        r#"select name, cron, zone, kind, payload, missed as "missed: Missed", overlap as "overlap: Overlap", next_run_at,
                  last_job_id as "last_job: JobId"
           from schedules where enabled and (next_run_at is null or next_run_at <= $1)
           order by name for update skip locked"#,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut jobs = 0;
    for schedule in due {
        match schedule.tick(tx, now).await {
            Ok(made) => jobs += made,
            Err(error @ (Error::Database(_) | Error::Unavailable { .. })) => return Err(error),
            Err(error) => tell_once(&schedule.name, &error),
        }
    }
    Ok(jobs)
}

/// A schedule whose time has come, or that has no time yet.
struct Due {
    name: String,
    cron: String,
    zone: String,
    kind: String,
    payload: Value,
    missed: Missed,
    overlap: Overlap,
    next_run_at: Option<DateTime<Utc>>,
    last_job: Option<JobId>,
}

impl Due {
    async fn tick(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<usize> {
        let plan = Plan::read(&self.cron, &self.zone)?;
        let ticks = self.next_run_at.map_or_else(Vec::new, |first| self.ticks(&plan, first, now));
        let last = ticks.last().copied();
        let jobs = ticks.into_iter().map(|tick| self.job(tick)).collect::<Result<Vec<_>>>()?;
        // Several missed ticks belong together: they do not overlap with each other.
        let busy = self.overlap == Overlap::Skip && last.is_some() && self.is_busy(tx).await?;
        let made = if busy || jobs.is_empty() { Vec::new() } else { enqueue_all(tx, jobs).await? };
        sqlx::query!(
            "update schedules set next_run_at = $2, last_job_id = coalesce($3, last_job_id),
                    last_run_at = case when $4 then last_run_at else coalesce($5, last_run_at) end,
                    skipped_at = case when $4 then $5 else skipped_at end
             where name = $1",
            self.name,
            plan.next(now),
            made.last().map(|id| id.0),
            busy,
            last
        )
        .execute(&mut **tx)
        .await?;
        Ok(made.len())
    }

    /// The ticks to make up for, oldest first, as the policy says.
    fn ticks(&self, plan: &Plan, first: DateTime<Utc>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let minute_ago = now - Duration::minutes(1);
        let (since, most) = match self.missed {
            Missed::Once => (first, 1),
            Missed::Skip => (first.max(minute_ago), MOST),
            Missed::All => (first, MOST),
        };
        let ticks = plan.newest(since, now, most);
        if ticks.is_empty() && since == first { vec![first] } else { ticks }
    }

    fn job(&self, tick: DateTime<Utc>) -> Result<NewJob> {
        let job = NewJob::named_kind(&self.kind, &self.payload)?;
        Ok(NewJob { unique_key: Some(tick_key(&self.name, tick)), ..job })
    }

    /// Whether the job of the tick before is still on its way.
    async fn is_busy(&self, tx: &mut Tx) -> Result<bool> {
        let busy = sqlx::query_scalar!(
            r#"select exists (select from jobs where id = $1 and state not in ('succeeded', 'dead', 'cancelled')) as "busy!""#,
            self.last_job.map(|id| id.0)
        )
        .fetch_one(&mut **tx)
        .await?;
        Ok(busy)
    }
}

/// The unique key of the job that a tick makes.
fn tick_key(schedule: &str, tick: DateTime<Utc>) -> String {
    format!("schedule:{schedule}:{}", tick.timestamp())
}

/// The sweeper meets a broken row every few seconds; its log shall not.
fn tell_once(name: &str, error: &Error) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if TOLD.lock().expect("no code panics while holding this lock").insert(format!("{name}: {error}")) {
        tracing::error!(schedule = name, %error, "a schedule cannot tick and is left out; mend it at /admin/schedules");
    }
}
