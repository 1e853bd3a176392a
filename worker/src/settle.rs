//! Records outcomes. Successes come together in one statement: whatever finished while the last one ran.

use std::sync::Arc;
use std::time::Duration;

use shared::kernel::Result;
use shared::kernel::ids::JobId;
use shared::kernel::task;
use shared::platform::Platform;
use shared::platform::jobs::ledger::{self, Claimed, Unsuccessful};
use shared::platform::notifications;
use shared::platform::tx::Tx;
use sqlx::PgPool;
use tokio::sync::mpsc;

use crate::lease::Leases;
use crate::registry::Registry;
use crate::runner::Outcome;

/// The most outcomes one statement records.
const BATCH: usize = 512;

/// A finished run on its way to the ledger.
pub type Settlement = (Arc<Claimed>, Outcome);

/// Where runners put their outcomes.
#[derive(Clone)]
pub struct Settler {
    outbox: mpsc::Sender<Settlement>,
}

/// What recording needs.
pub struct Ledger {
    /// The services.
    pub platform: Platform,
    /// Connections for the batches.
    pub settlements: PgPool,
    /// For what a dead job leaves behind.
    pub registry: Arc<Registry>,
    /// This worker's name.
    pub worker: Arc<str>,
}

struct Recorder {
    ledger: Ledger,
    leases: Leases,
}

impl Settler {
    /// Starts the task that records. It ends when the last clone of the settler is gone.
    pub fn start(ledger: Ledger, leases: Leases) -> (Self, tokio::task::JoinHandle<()>) {
        let (outbox, mut inbox) = mpsc::channel(BATCH);
        let recorder = Recorder { ledger, leases };
        let task = task::spawn("settle", async move {
            let mut batch = Vec::with_capacity(BATCH);
            while inbox.recv_many(&mut batch, BATCH).await > 0 {
                recorder.record(std::mem::take(&mut batch)).await;
            }
        });
        (Self { outbox }, task)
    }

    /// Hands over an outcome; waits when the ledger is far behind.
    pub async fn send(&self, job: Arc<Claimed>, outcome: Outcome) {
        if self.outbox.send((job, outcome)).await.is_err() {
            tracing::error!("an outcome came after the settler had ended; its lease will run out");
        }
    }
}

impl Recorder {
    async fn record(&self, batch: Vec<Settlement>) {
        let mut done = Vec::new();
        let mut gone = Vec::new();
        for (job, outcome) in batch {
            count(&job, &outcome);
            match outcome {
                Outcome::Done => done.push((job.id, job.fence)),
                Outcome::Completed | Outcome::Lost => gone.push((job.id, job.fence)),
                Outcome::Unsuccessful(run) => {
                    self.persist(|| self.unsuccessful(&job, &run)).await;
                    gone.push((job.id, job.fence));
                }
            }
        }
        if !done.is_empty() {
            self.persist(|| self.done(&done)).await;
        }
        self.leases.drop_all(done.iter().chain(&gone));
    }

    /// Tries until PostgreSQL answers: an outcome is not thrown away because the store is away for a moment. Leases
    /// may run out meanwhile; then the fence refuses the late record.
    async fn persist<F: Future<Output = Result<()>>>(&self, record: impl Fn() -> F) {
        let mut wait = Duration::from_millis(100);
        while let Err(error) = record().await {
            tracing::warn!(%error, "an outcome could not be recorded yet");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    async fn done(&self, done: &[(JobId, i32)]) -> Result<()> {
        let _pen = self.leases.pen.lock().await;
        let mut db = self.ledger.settlements.acquire().await?;
        let settled = ledger::settle_done(&mut db, &self.ledger.worker, done).await?;
        if settled.len() < done.len() {
            tracing::warn!(jobs = done.len() - settled.len(), "late successes were not recorded: the leases were lost");
        }
        Ok(())
    }

    async fn unsuccessful(&self, job: &Claimed, run: &Unsuccessful) -> Result<()> {
        let mut tx = Tx::begin(&self.ledger.platform).await?;
        if !ledger::settle_unsuccessful(&mut tx, &self.ledger.worker, run).await? {
            tracing::warn!(job.id = %job.id, job.kind, "a late failure was not recorded: the lease was lost");
            return Ok(());
        }
        if run.state == "dead" {
            if let Some(entry) = self.ledger.registry.find(&job.kind) {
                (entry.died)(job.payload.clone(), &mut tx, run.error.clone()).await?;
            }
            notifications::dead_jobs(&mut tx, job.id.0, &job.kind, &job.lane, job.attempt, &run.error).await?;
        }
        tx.commit().await
    }
}

fn count(job: &Claimed, outcome: &Outcome) {
    let state = match outcome {
        Outcome::Done | Outcome::Completed => "succeeded",
        Outcome::Unsuccessful(run) => {
            tracing::info!(job.id = %job.id, job.kind, job.attempt, job.state = run.state, error.code = run.code,
                wait = run.wait, "a run did not succeed");
            run.state
        }
        Outcome::Lost => "lost",
    };
    metrics::counter!("facteur_jobs_total", "lane" => job.lane.clone(), "state" => state).increment(1);
}
