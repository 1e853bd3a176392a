//! What a job has at hand while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::platform::Platform;
use shared::platform::jobs::effects::{self, Effect};
use shared::platform::jobs::ledger::{self, Claimed};
use shared::platform::tx::{Origin, Tx};
use tokio_util::sync::CancellationToken;

use crate::failure::{Blame, Failure};
use crate::lease::Grip;
use crate::notes::Notes;
use crate::patience::answered;
use crate::smtp::Smtp;

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
    notes: Arc<Notes>,
    /// [`Cx::complete_in`] has committed.
    pub(crate) completed: Arc<AtomicBool>,
}

impl Cx {
    /// A context for one run.
    pub fn new(platform: Platform, smtp: Smtp, job: Arc<Claimed>, worker: Arc<str>, grip: Grip) -> Self {
        let Grip { cancel, notes } = grip;
        Self { platform, smtp, job, cancel, worker, notes, completed: Arc::default() }
    }

    /// A transaction whose jobs remember this one as their parent.
    pub async fn begin(&self) -> Result<Tx, Failure> {
        let origin =
            Origin { traceparent: self.job.traceparent.clone(), parent: Some(self.job.id), ..Origin::default() };
        Ok(answered(Tx::begin_for(&self.platform, origin)).await?)
    }

    /// To be asked before every effect outside our database: a worker that lost its lease starts none.
    pub async fn still_mine(&self) -> Result<(), Failure> {
        let mine = answered(async {
            let mut db = self.platform.db.acquire().await?;
            ledger::still_mine(&mut db, &self.worker, self.job.id, self.job.fence).await
        });
        let mine = mine.await?;
        if mine { Ok(()) } else { Err(Failure::Lost) }
    }

    /// Commits the job's effect and its success together: exactly once, in our own tables.
    pub async fn complete_in(&self, mut tx: Tx) -> Result<(), Failure> {
        if let Some(note) = self.notes.last(self.job.id, self.job.fence) {
            ledger::note(&mut tx, &self.worker, &[note]).await?;
        }
        let settled = ledger::settle_done(&mut tx, &self.worker, &[(self.job.id, self.job.fence)]).await?;
        if settled.is_empty() {
            return Err(Failure::Lost);
        }
        tx.commit().await?;
        self.completed.store(true, Ordering::Release);
        Ok(())
    }

    /// An effect outside that must not happen twice (`at_most_once`): notes that it is about to be tried. An earlier
    /// run that was cut off in the middle leaves the job to a person.
    pub async fn begin_effect(&self, tx: &mut Tx, name: &str) -> Result<(), Failure> {
        if effects::find(tx, self.job.id, name).await? == Effect::Begun {
            return Err(uncertain("an earlier run was cut off in the middle of it"));
        }
        Ok(effects::begin(tx, &self.worker, self.job.id, self.job.fence, name).await?)
    }

    /// What the other side said when an earlier run did this.
    pub async fn done_before(&self, tx: &mut Tx, name: &str) -> Result<Option<String>, Failure> {
        Ok(match effects::find(tx, self.job.id, name).await? {
            Effect::Done(reply) => Some(reply),
            Effect::None | Effect::Begun => None,
        })
    }

    /// Writes down that the effect happened, at once and by itself: whatever becomes of this run, nobody repeats it.
    /// Tries as long as the run may take: a store that is away for a moment must not make a mail go twice.
    pub async fn effect_done(&self, name: &str, reply: &str) {
        let mut wait = Duration::from_millis(50);
        loop {
            let written = async {
                let mut db = self.platform.db.acquire().await?;
                effects::done(&mut db, &self.worker, self.job.id, self.job.fence, name, reply).await
            };
            match answered(written).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(job.id = %self.job.id, %error, "an effect could not be written down yet"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
    }

    /// Writes down that the effect certainly did not happen.
    pub async fn effect_undone(&self, tx: &mut Tx, name: &str) -> Result<(), Failure> {
        Ok(effects::undone(tx, self.job.id, name).await?)
    }

    /// A line for the attempt's log, readable within a second. No addresses, no secrets.
    pub fn log(&self, line: impl std::fmt::Display) {
        self.notes.log(&line.to_string());
    }

    /// How far the job has come.
    pub fn progress(&self, done: u64, total: u64) {
        self.notes.progress(json!({ "done": done, "total": total }));
    }

    /// What the job gives back to who asked for it. No secrets.
    pub fn result(&self, result: Value) {
        self.notes.result(result);
    }
}

/// How the error of an uncertain effect begins.
pub const UNCERTAIN: &str = "it may have happened, and must not happen twice";

/// Nobody knows whether the effect happened, and it must not happen twice: a person decides.
pub fn uncertain(why: &str) -> Failure {
    Failure::Dead(Blame::new("uncertain", format!("{UNCERTAIN}: {why}")))
}
