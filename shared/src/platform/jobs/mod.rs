//! The queue. Owns `jobs`, `job_attempts`, `job_selections`, `lanes`, `job_kinds`, `workers`,
//! `schedules`.
//!
//! A job is a row, written in the caller's transaction ([`enqueue`]). After the commit its id goes to Redis as a
//! *ticket* ([`tickets`]), so that a worker starts it within a millisecond; without a ticket the sweeper finds the
//! row within seconds. Workers claim rows, hold them by a lease and settle them ([`ledger`]). The ledger alone
//! decides about state, retry, delay and pause. [`kinds`] is the catalogue of everything the platform does.

pub mod admin;
pub mod alarms;
pub mod health;
pub mod kinds;
mod lane;
pub mod ledger;
pub mod retention;
mod retry;
pub mod schedule;
pub mod sweep;
pub mod tickets;

pub use lane::Lane;
pub use retry::Retry;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::ids::{JobId, UserId};
use crate::platform::jobs::tickets::Ticket;
use crate::platform::tx::{Signal, Tx};

/// The version that enqueued or ran a job.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A kind of job: its payload and its policy. What it does stands in `worker/src/jobs/<kind>.rs`.
///
/// The payload holds ids, never data, never a secret. A job may run twice: check before the effect, mark after.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `noun.verb`. Never changes: rows carry it.
    const KIND: &'static str;
    /// Names this kind had before.
    const ALIASES: &'static [&'static str] = &[];
    /// Where it waits.
    const LANE: Lane = Lane::Default;
    /// How often and how soon again.
    const RETRY: Retry = Retry::STANDARD;
    /// After this long a run is stopped and counts as failed.
    const TIMEOUT: Duration = Duration::from_mins(1);
    /// A second job with the same key is the first one.
    fn unique_key(&self) -> Option<String> {
        None
    }
    /// What an operator knows it by.
    fn key_argument(&self) -> Option<String> {
        None
    }
    /// The row it is about.
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        None
    }
    /// The person it is about.
    fn owner(&self) -> Option<UserId> {
        None
    }
}

/// A job about to be enqueued, with what differs from its kind's defaults.
pub struct NewJob {
    id: JobId,
    kind: &'static str,
    lane: Lane,
    priority: i16,
    retry: Retry,
    max_attempts: Option<u32>,
    timeout_ms: i32,
    payload: serde_json::Value,
    key_argument: Option<String>,
    unique_key: Option<String>,
    subject: Option<(&'static str, Uuid)>,
    owner: Option<UserId>,
    run_at: Option<DateTime<Utc>>,
    delay: Option<Duration>,
}

impl NewJob {
    /// A job with its kind's defaults.
    pub fn of<J: Job>(job: &J) -> Result<Self> {
        Ok(Self {
            id: JobId::new(),
            kind: J::KIND,
            lane: J::LANE,
            priority: 0,
            retry: J::RETRY,
            max_attempts: None,
            timeout_ms: J::TIMEOUT.as_millis() as i32,
            payload: serde_json::to_value(job).map_err(anyhow::Error::from)?,
            key_argument: job.key_argument(),
            unique_key: job.unique_key(),
            subject: job.subject(),
            owner: job.owner(),
            run_at: None,
            delay: None,
        })
    }

    /// Another lane.
    #[must_use]
    pub fn lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Lower runs sooner; a step weighs a minute of waiting, so nothing starves.
    #[must_use]
    pub fn priority(self, priority: i16) -> Self {
        Self { priority, ..self }
    }

    /// Not before this time.
    #[must_use]
    pub fn at(self, time: DateTime<Utc>) -> Self {
        Self { run_at: Some(time), ..self }
    }

    /// Not before so long from now, by the database's clock.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// Another number of attempts than the kind's policy says.
    #[must_use]
    pub fn max_attempts(self, n: u32) -> Self {
        Self { max_attempts: Some(n), ..self }
    }

    /// What an operator knows it by.
    #[must_use]
    pub fn named(self, key_argument: &str) -> Self {
        Self { key_argument: Some(key_argument.to_owned()), ..self }
    }

    /// What it is about.
    #[must_use]
    pub fn about(self, subject: Option<(&'static str, Uuid)>, owner: Option<UserId>) -> Self {
        Self { subject, owner, ..self }
    }
}

/// Writes a job into the caller's transaction; its ticket follows the commit.
/// Returns the id, or that of the job that already holds the unique key.
pub async fn enqueue<J: Job>(tx: &mut Tx, job: &J) -> Result<JobId> {
    let new = NewJob::of(job)?;
    Ok(enqueue_all(tx, vec![new]).await?[0])
}

/// Writes a prepared job.
pub async fn enqueue_new(tx: &mut Tx, new: NewJob) -> Result<JobId> {
    Ok(enqueue_all(tx, vec![new]).await?[0])
}

/// Writes many jobs in one statement. Ids come back in the order given.
pub async fn enqueue_all(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Vec<JobId>> {
    let origin = tx.origin.clone();
    let config = tx.platform().config.clone();
    let rows = ledger::insert(tx, &jobs, &config, &origin).await?;
    let mut ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    if rows.len() < jobs.len() {
        let fresh: std::collections::HashSet<JobId> = rows.iter().map(|row| row.id).collect();
        for (id, job) in ids.iter_mut().zip(&jobs).filter(|(id, _)| !fresh.contains(id)) {
            *id = ledger::holder(tx, job.kind, job.unique_key.as_deref().unwrap_or_default()).await?;
        }
    }
    for row in rows.into_iter().filter(|row| row.queued) {
        tx.after_commit(Signal::Ticket(Ticket { job: row.id, lane: row.lane, rank: row.rank }));
    }
    Ok(ids)
}
