//! One run of one job, as a list: note the beginning, decode, perform within its time, catch a panic, and say what
//! the ledger is to record. Never fails itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use rand::RngExt;
use shared::kernel::Result;
use shared::kernel::text;
use shared::platform::Platform;
use shared::platform::jobs::groups;
use shared::platform::jobs::ledger::{self, Claimed, Unsuccessful};
use tokio::sync::Semaphore;

use crate::cx::Cx;
use crate::failure::{Blame, Failure};
use crate::lease::Grip;
use crate::patience::answered;
use crate::registry::{Entry, Registry};
use crate::smtp::Smtp;

/// What the ledger is to record.
#[derive(Debug)]
pub enum Outcome {
    /// Succeeded.
    Done,
    /// Succeeded, and the handler has recorded it in its own transaction.
    Completed,
    /// Anything else.
    Unsuccessful(Unsuccessful),
    /// Another worker's by now: nothing.
    Lost,
}

impl Outcome {
    /// The job's state after it, or `lost`.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Done | Self::Completed => "succeeded",
            Self::Unsuccessful(run) => run.state,
            Self::Lost => "lost",
        }
    }
}

/// Runs jobs. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    /// The services.
    pub platform: Platform,
    /// The mail relay.
    pub smtp: Smtp,
    /// The kinds known.
    pub registry: Arc<Registry>,
    /// This worker's name.
    pub worker: Arc<str>,
    /// Jobs that lost a process before run one at a time: when the process dies again, the one that had begun did it,
    /// and those that happened to be beside it are not quarantined with it.
    suspects: Arc<Semaphore>,
}

impl Runner {
    /// A runner of this worker.
    pub fn new(platform: Platform, smtp: Smtp, registry: Arc<Registry>, worker: Arc<str>) -> Self {
        Self { platform, smtp, registry, worker, suspects: Arc::new(Semaphore::new(1)) }
    }

    /// Runs a claimed job to its outcome.
    pub async fn run(&self, job: Arc<Claimed>, grip: Grip) -> Outcome {
        let Some(entry) = self.registry.find(&job.kind) else {
            return Outcome::Lost;
        };
        let mut _alone = None;
        if job.deaths > 0 {
            _alone = self.suspects.acquire().await.ok();
            // Boxed: a rare thing must not make every run's future large.
            match Box::pin(answered(self.begin(&job))).await {
                Ok(true) => {}
                Ok(false) => return Outcome::Lost,
                Err(error) => return self.failed(&job, &entry, error.into(), String::new()),
            }
        }
        let notes = grip.notes.clone();
        let cx = Cx::new(self.platform.clone(), self.smtp.clone(), job.clone(), self.worker.clone(), grip);
        let limit = Duration::from_millis(job.timeout_ms as u64);
        let completed = cx.completed.clone();
        let run = AssertUnwindSafe((entry.run)(&job.payload, cx)).catch_unwind();
        let (outcome, result) = match tokio::time::timeout(limit, run).await {
            Ok(Ok(result)) => ("error", result),
            Ok(Err(panic)) => ("panic", Err(Failure::Retry(Blame::new("panic", panic_text(&*panic))))),
            Err(_) => {
                let blame = Blame::new("timeout", format!("stopped after {:.1} s", limit.as_secs_f64()));
                ("timeout", Err(Failure::Retry(blame)))
            }
        };
        match result {
            // The handler's own transaction holds the success; what it said afterwards cannot change that.
            _ if completed.load(Ordering::Acquire) => Outcome::Completed,
            Ok(()) => Outcome::Done,
            Err(failure) => {
                let mut ended = self.failed(&job, &entry, failure, notes.text());
                if let Outcome::Unsuccessful(run) = &mut ended
                    && run.outcome == "error"
                {
                    run.outcome = outcome;
                }
                ended
            }
        }
    }

    /// A job that lost a process before notes its beginning, so that the next death is surely its own.
    async fn begin(&self, job: &Claimed) -> Result<bool> {
        let mut db = self.platform.db.acquire().await?;
        ledger::begin(&mut db, &self.worker, job.id, job.fence).await
    }

    /// The verdict as a row: retried with jitter, or dead when attempts and patience are used up.
    fn failed(&self, job: &Claimed, entry: &Entry, failure: Failure, log: String) -> Outcome {
        let policy = entry.retry.configured(&self.platform.config);
        let attempt = job.attempt.max(1) as u32;
        let exhausted = policy.exhausted(attempt, job.max_attempts as u32, Duration::from_secs_f64(job.age.max(0.0)));
        let row = |state, outcome, blame: Blame, wait: Duration, counts| {
            let failed = matches!(state, "retrying" | "dead");
            Outcome::Unsuccessful(Unsuccessful {
                id: job.id,
                fence: job.fence,
                state,
                outcome,
                error: text::clean(&text::cut(&blame.message, 4000)).into_owned(),
                fingerprint: if failed {
                    groups::fingerprint(&job.kind, &blame.code, &blame.message)
                } else {
                    String::new()
                },
                code: blame.code,
                wait: wait.as_secs_f64(),
                counts,
                log,
            })
        };
        match failure {
            Failure::Lost => Outcome::Lost,
            Failure::Snooze(wait) => row("scheduled", "snoozed", Blame::new("snoozed", "not yet"), wait, false),
            Failure::Cancel(blame) => row("cancelled", "cancelled", blame, Duration::ZERO, true),
            Failure::Dead(blame) => row("dead", "error", blame, Duration::ZERO, true),
            Failure::Retry(blame) | Failure::RetryAfter(_, blame) if exhausted => {
                row("dead", "error", blame, Duration::ZERO, true)
            }
            Failure::RetryAfter(wait, blame) => row("retrying", "error", blame, wait, true),
            Failure::Retry(blame) => row("retrying", "error", blame, policy.wait(attempt, dice()), true),
        }
    }
}

/// Uniform in 0..1, for jitter.
#[expect(clippy::disallowed_methods, reason = "jitter needs no secret randomness")]
fn dice() -> f64 {
    rand::rng().random()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the job panicked".into())
}
