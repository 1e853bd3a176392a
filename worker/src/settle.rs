//! Records outcomes, in batches: whatever finished while the last statement ran. Room under concurrency keys that
//! became free is given on.

use std::sync::Arc;
use std::time::Duration;

use shared::kernel::Result;
use shared::kernel::ids::JobId;
use shared::kernel::task;
use shared::platform::Platform;
use shared::platform::jobs::alarms;
use shared::platform::jobs::groups::{self, Seen};
use shared::platform::jobs::ledger::{self, Claimed, Unsuccessful};
use shared::platform::jobs::permits;
use shared::platform::notifications;
use shared::platform::tx::Tx;
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;

use crate::lease::Leases;
use crate::patience::answered;
use crate::registry::Registry;
use crate::runner::Outcome;
use crate::tally::Tallies;

/// The most outcomes one statement records.
const BATCH: usize = 512;

/// A finished run on its way to the ledger.
pub struct Settlement {
    /// The job.
    pub job: Arc<Claimed>,
    /// What it ended with.
    pub outcome: Outcome,
    /// How long it took.
    pub ran: Duration,
}

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
    /// Counts what ended.
    pub tallies: Tallies,
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
    pub async fn send(&self, settlement: Settlement) {
        if self.outbox.send(settlement).await.is_err() {
            tracing::error!("an outcome came after the settler had ended; its lease will run out");
        }
    }
}

impl Recorder {
    async fn record(&self, batch: Vec<Settlement>) {
        let (mut done, mut gone, mut failed, mut dead) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut keys = Vec::new();
        self.ledger.tallies.count(batch.iter().map(|ended| (&*ended.job, ended.outcome.state(), ended.ran)));
        for Settlement { job, outcome, .. } in batch {
            keys.extend(job.concurrency_key.clone());
            match outcome {
                Outcome::Done => done.push((job.id, job.fence)),
                Outcome::Completed | Outcome::Lost => gone.push((job.id, job.fence)),
                Outcome::Unsuccessful(run) => {
                    tracing::info!(job.id = %job.id, job.kind, job.attempt, job.state = run.state,
                        error.code = run.code, wait = run.wait, "a run did not succeed");
                    if run.state == "dead" { dead.push((job, run)) } else { failed.push((job, run)) }
                }
            }
        }
        if !done.is_empty() {
            self.persist(|| self.done(&done)).await;
        }
        if !failed.is_empty() {
            self.persist(|| self.failed(&failed)).await;
        }
        for death in &dead {
            self.persist(|| self.died(death)).await;
        }
        let ended = failed.iter().chain(&dead).map(|(job, _)| (job.id, job.fence));
        gone.extend(ended);
        self.leases.drop_all(done.iter().chain(&gone));
        self.grant(keys).await;
    }

    /// Tries until PostgreSQL answers: an outcome is not thrown away because the store is away for a moment. Leases
    /// may run out meanwhile; then the fence refuses the late record.
    async fn persist<F: Future<Output = Result<()>>>(&self, record: impl Fn() -> F) {
        let mut wait = Duration::from_millis(100);
        while let Err(error) = answered(record()).await {
            tracing::warn!(%error, "an outcome could not be recorded yet");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    async fn done(&self, done: &[(JobId, i32)]) -> Result<()> {
        let _pen = self.leases.pen.lock().await;
        let mut db = self.ledger.settlements.acquire().await?;
        let notes = self.leases.last_notes(done);
        if !notes.is_empty() {
            ledger::note(&mut db, &self.ledger.worker, &notes).await?;
        }
        let settled = ledger::settle_done(&mut db, &self.ledger.worker, done).await?;
        self.refused(&mut db, done, &settled, "a success").await
    }

    async fn failed(&self, failed: &[(Arc<Claimed>, Unsuccessful)]) -> Result<()> {
        let _pen = self.leases.pen.lock().await;
        let mut tx = Tx::begin(&self.ledger.platform).await?;
        self.unsuccessful(&mut tx, failed).await?;
        tx.commit().await
    }

    async fn died(&self, death: &(Arc<Claimed>, Unsuccessful)) -> Result<()> {
        let (job, run) = death;
        let mut tx = Tx::begin(&self.ledger.platform).await?;
        if self.unsuccessful(&mut tx, std::slice::from_ref(death)).await? > 0 {
            if let Some(entry) = self.ledger.registry.find(&job.kind) {
                (entry.died)(job.payload.clone(), &mut tx, run.error.clone()).await?;
            }
            notifications::dead_jobs(&mut tx, job.id.0, &job.kind, &job.lane, job.attempt, &run.error).await?;
        }
        tx.commit().await
    }

    /// Records runs that did not succeed, and what they have in common with others. Returns how many were ours.
    async fn unsuccessful(&self, tx: &mut Tx, ended: &[(Arc<Claimed>, Unsuccessful)]) -> Result<usize> {
        let runs: Vec<Unsuccessful> = ended.iter().map(|(_, run)| run.clone()).collect();
        let settled = ledger::settle_unsuccessful(tx, &self.ledger.worker, &runs).await?;
        let held: Vec<(JobId, i32)> = runs.iter().map(|run| (run.id, run.fence)).collect();
        self.refused(tx, &held, &settled, "a failure").await?;
        let seen = ended.iter().filter(|(job, _)| settled.contains(&job.id)).map(|(job, run)| Seen {
            fingerprint: run.fingerprint.clone(),
            kind: job.kind.clone(),
            code: run.code.clone(),
            message: run.error.clone(),
            job: job.id,
        });
        for back in groups::record(tx, &seen.collect::<Vec<_>>()).await? {
            alarms::regressed(tx, &back.fingerprint, &back.kind, &back.message).await?;
        }
        Ok(settled.len())
    }

    /// Results of leases that were lost: not recorded, and visible where the lost attempts are.
    async fn refused(&self, db: &mut PgConnection, all: &[(JobId, i32)], settled: &[JobId], what: &str) -> Result<()> {
        if settled.len() == all.len() {
            return Ok(());
        }
        let late: Vec<(JobId, i32)> = all.iter().filter(|(id, _)| !settled.contains(id)).copied().collect();
        metrics::counter!("facteur_results_refused_total").increment(late.len() as u64);
        tracing::warn!(jobs = late.len(), what, "results came after their leases had ended and were refused");
        ledger::late(db, &late, what).await
    }

    /// Room that became free. What fails here the sweeper does within a second.
    async fn grant(&self, keys: Vec<String>) {
        match answered(permits::grant(&self.ledger.platform.db, &keys)).await {
            Ok(tickets) => self.ledger.platform.tickets.add(tickets),
            Err(error) => tracing::debug!(%error, "room under keys was not given on"),
        }
    }
}
