//! Lanes: which ones a process serves, and the apalis worker of each, under our supervision.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{ParallelizeExt, WorkerBuilder};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use shared::platform::jobs::Lane;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::backend::{Gate, LaneBackend, Work};
use crate::lease::Leases;
use crate::runner::{Outcome, Runner};
use crate::settle::Settler;

/// `LANES=email:8,default:4,*`: lanes with their slots; `*` is every other lane with its own default.
pub fn parse(text: &str) -> Result<Vec<(Lane, usize)>, String> {
    let mut lanes: Vec<(Lane, usize)> = Vec::new();
    let mut rest = false;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if part == "*" {
            rest = true;
            continue;
        }
        let (name, slots) = part.split_once(':').unwrap_or((part, ""));
        let lane: Lane = name.parse()?;
        let slots = if slots.is_empty() { Some(lane.slots()) } else { slots.parse().ok() };
        let slots =
            slots.filter(|n| (1..=1000).contains(n)).ok_or_else(|| format!("LANES: `{part}`: slots are 1 to 1000"))?;
        if lanes.iter().any(|(known, _)| *known == lane) {
            return Err(format!("LANES: `{name}` stands there twice"));
        }
        lanes.push((lane, slots));
    }
    if rest {
        let named: Vec<Lane> = lanes.iter().map(|(lane, _)| *lane).collect();
        lanes.extend(Lane::ALL.into_iter().filter(|lane| !named.contains(lane)).map(|lane| (lane, lane.slots())));
    }
    if lanes.is_empty() { Err("LANES names no lane".into()) } else { Ok(lanes) }
}

/// What an apalis worker of one lane needs.
pub struct LaneWorker {
    /// Its buffer and slots.
    pub gate: Arc<Gate>,
    /// Runs the jobs.
    pub runner: Runner,
    /// Knows whether a job may still begin.
    pub leases: Leases,
    /// Records the outcomes.
    pub settler: Settler,
}

impl LaneWorker {
    /// Runs apalis workers, one after the other: apalis ends one on the first surprise and would not start another.
    pub async fn supervise(self, stop: CancellationToken) {
        let mut starts = 0_u32;
        while !stop.is_cancelled() {
            let name = format!("{}-{}-{starts}", self.runner.worker, self.gate.lane);
            starts += 1;
            match self.work(&name, stop.clone()).await {
                Ok(()) if stop.is_cancelled() => return,
                Ok(()) => tracing::error!(worker = name, "an apalis worker ended by itself; starting another"),
                Err(error) => {
                    tracing::error!(worker = name, %error, "an apalis worker failed; starting another");
                }
            }
            let _ = stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "apalis' parallelize takes the executor; its join is the layer's")]
    async fn work(&self, name: &str, stop: CancellationToken) -> Result<(), BoxDynError> {
        let (runner, leases) = (Arc::new(self.runner.clone()), self.leases.clone());
        let backend = LaneBackend::new(self.gate.clone(), self.settler.clone());
        let worker =
            WorkerBuilder::new(name).backend(backend).parallelize(tokio::spawn).build(Handler { runner, leases });
        let signal = async move {
            stop.cancelled().await;
            Ok::<(), std::io::Error>(())
        };
        worker.run_until(signal).await.map_err(Into::into)
    }
}

/// What apalis calls for every job.
#[derive(Clone)]
struct Handler {
    runner: Arc<Runner>,
    leases: Leases,
}

impl Service<Task<Work>> for Handler {
    type Response = Outcome;
    type Error = BoxDynError;
    type Future = Running;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Work>) -> Self::Future {
        let Self { runner, leases } = self.clone();
        let job = task.args.job;
        Running(Box::pin(async move {
            let outcome = match leases.start(job.id, job.fence) {
                Some(grip) => runner.run(job, grip).await,
                None => Outcome::Lost,
            };
            Ok(outcome)
        }))
    }
}

/// A run. A type of its own: the compiler cannot prove `Send` for apalis' futures over a bare `dyn Future`.
struct Running(Pin<Box<dyn Future<Output = Result<Outcome, BoxDynError>> + Send>>);

impl Future for Running {
    type Output = Result<Outcome, BoxDynError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}
