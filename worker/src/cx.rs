//! What a job has at hand while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use shared::platform::Platform;
use shared::platform::jobs::ledger::{self, Claimed};
use shared::platform::tx::{Origin, Tx};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::smtp::Smtp;

/// The most a run's log keeps, in bytes.
const LOG: usize = 16 * 1024;

/// A run's context.
#[derive(Clone)]
pub struct Cx {
    /// The services.
    pub platform: Platform,
    /// The mail relay.
    pub smtp: Smtp,
    /// The job.
    pub job: Arc<Claimed>,
    /// Cancelled when an administrator asks the job to stop, when the lease is lost, and at the end of the grace.
    pub cancel: CancellationToken,
    worker: Arc<str>,
    log: Arc<Mutex<String>>,
    completed: Arc<AtomicBool>,
}

impl Cx {
    /// A context for one run.
    pub fn new(platform: Platform, smtp: Smtp, job: Arc<Claimed>, worker: Arc<str>, cancel: CancellationToken) -> Self {
        Self { platform, smtp, job, cancel, worker, log: Arc::default(), completed: Arc::default() }
    }

    /// A transaction whose jobs remember this one as their parent.
    pub async fn begin(&self) -> Result<Tx, Failure> {
        let origin =
            Origin { traceparent: self.job.traceparent.clone(), parent: Some(self.job.id), ..Origin::default() };
        Ok(Tx::begin_for(&self.platform, origin).await?)
    }

    /// To be asked before every effect outside our database: a worker that lost its lease starts none.
    pub async fn still_mine(&self) -> Result<(), Failure> {
        let mut db = self.platform.db.acquire().await?;
        let mine = ledger::still_mine(&mut db, &self.worker, self.job.id, self.job.fence).await?;
        if mine { Ok(()) } else { Err(Failure::Lost) }
    }

    /// Commits the job's effect and its success together: exactly once, in our own tables.
    pub async fn complete_in(&self, mut tx: Tx) -> Result<(), Failure> {
        let settled = ledger::settle_done(&mut tx, &self.worker, &[(self.job.id, self.job.fence)]).await?;
        if settled.is_empty() {
            return Err(Failure::Lost);
        }
        tx.commit().await?;
        self.completed.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether [`Cx::complete_in`] has committed.
    pub fn is_complete(&self) -> bool {
        self.completed.load(Ordering::Acquire)
    }

    /// A line for the attempt's log, kept with a failure. No addresses, no secrets.
    pub fn log(&self, line: impl std::fmt::Display) {
        let mut log = self.log.lock().expect("no code panics while holding this lock");
        if log.len() < LOG {
            log.push_str(&line.to_string());
            log.push('\n');
        }
    }

    /// What was logged so far.
    pub fn take_log(&self) -> String {
        std::mem::take(&mut *self.log.lock().expect("no code panics while holding this lock"))
    }
}
