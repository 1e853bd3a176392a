//! A job about to be enqueued, and enqueuing it: a row in the caller's transaction, a ticket after its commit.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ledger::{self, Inserted};
use super::{Job, Lane, Retry};
use crate::kernel::Result;
use crate::kernel::ids::{BatchId, JobId, UserId};
use crate::platform::Platform;
use crate::platform::tx::{Origin, Signal, Tx};

/// A job about to be enqueued, with what differs from its kind's defaults.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(super) id: JobId,
    pub(super) kind: &'static str,
    pub(super) lane: Lane,
    pub(super) priority: i16,
    pub(super) retry: Retry,
    pub(super) max_attempts: Option<u32>,
    pub(super) timeout_ms: i32,
    pub(super) payload: serde_json::Value,
    pub(super) key_argument: Option<String>,
    pub(super) unique_key: Option<String>,
    pub(super) subject: Option<(&'static str, Uuid)>,
    pub(super) owner: Option<UserId>,
    pub(super) tenant: Option<String>,
    pub(super) concurrency: Option<(String, u32)>,
    pub(super) batch: Option<BatchId>,
    pub(super) run_at: Option<DateTime<Utc>>,
    pub(super) delay: Option<Duration>,
    pub(super) expires: Option<Duration>,
    /// Blocked until somebody says otherwise: a batch's callback.
    pub(super) waits: bool,
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
            tenant: job.tenant(),
            concurrency: job.concurrency(),
            batch: None,
            run_at: None,
            delay: None,
            expires: None,
            waits: false,
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

    /// Useless after so long from now: a job that still waits then is cancelled as `expired`.
    #[must_use]
    pub fn expires_after(self, term: Duration) -> Self {
        Self { expires: Some(term), ..self }
    }

    /// Another number of attempts than the kind's policy says.
    #[must_use]
    pub fn max_attempts(self, n: u32) -> Self {
        Self { max_attempts: Some(n), ..self }
    }

    /// A second job of this kind with this key is the first one.
    #[must_use]
    pub fn unique(self, key: &str) -> Self {
        Self { unique_key: Some(key.to_owned()), ..self }
    }

    /// At most `limit` jobs of this key are queued or running at once.
    #[must_use]
    pub fn keyed(self, key: &str, limit: u32) -> Self {
        Self { concurrency: Some((key.to_owned(), limit)), ..self }
    }

    /// Whose work it is.
    #[must_use]
    pub fn tenant(self, tenant: Option<String>) -> Self {
        Self { tenant, ..self }
    }

    /// What an operator knows it by.
    #[must_use]
    pub fn named(self, key_argument: &str) -> Self {
        Self { key_argument: Some(key_argument.to_owned()), ..self }
    }

    /// Its payload, as its kind writes it.
    pub(super) const fn payload(&self) -> &serde_json::Value {
        &self.payload
    }

    /// What follows from its payload: argument, subject, owner, tenant.
    #[expect(clippy::type_complexity, reason = "four columns")]
    pub(super) fn facts(&self) -> (Option<&str>, Option<(&'static str, Uuid)>, Option<UserId>, Option<&str>) {
        (self.key_argument.as_deref(), self.subject, self.owner, self.tenant.as_deref())
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

/// Writes a job that goes with no other change: one statement, durable when this returns.
pub async fn enqueue_now<J: Job>(platform: &Platform, job: &J) -> Result<JobId> {
    let new = NewJob::of(job)?;
    let mut db = platform.db.acquire().await?;
    let rows = ledger::insert(&mut db, std::slice::from_ref(&new), &platform.config, &Origin::default()).await?;
    drop(db);
    if rows.is_empty() {
        // Another job holds the unique key.
        let mut tx = Tx::begin(platform).await?;
        let id = enqueue_new(&mut tx, new).await?;
        tx.commit().await?;
        return Ok(id);
    }
    platform.tickets.add(rows.into_iter().filter_map(Inserted::ticket).collect());
    Ok(new.id)
}

/// Writes a prepared job.
pub async fn enqueue_new(tx: &mut Tx, new: NewJob) -> Result<JobId> {
    Ok(enqueue_all(tx, vec![new]).await?[0])
}

/// Writes many jobs in one statement. Ids come back in the order given.
pub async fn enqueue_all(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Vec<JobId>> {
    let origin = tx.origin.clone();
    let config = tx.platform().config.clone();
    let mut rows = ledger::insert(tx, &jobs, &config, &origin).await?;
    let mut ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    if rows.len() < jobs.len() {
        let fresh: HashSet<JobId> = rows.iter().map(|row| row.id).collect();
        for (id, job) in ids.iter_mut().zip(&jobs).filter(|(id, _)| !fresh.contains(id)) {
            let key = job.unique_key.as_deref().unwrap_or_default();
            *id = loop {
                if let Some(first) = ledger::holder(tx, job.kind, key).await? {
                    break first;
                }
                // It was deleted in this moment: the key is free.
                rows.extend(ledger::insert(tx, std::slice::from_ref(job), &config, &origin).await?);
            };
        }
    }
    for ticket in rows.into_iter().filter_map(Inserted::ticket) {
        tx.after_commit(Signal::Ticket(ticket));
    }
    Ok(ids)
}
