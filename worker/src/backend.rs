//! Our apalis backend: a lane of the ledger.
//!
//! A feeder task takes tickets, claims their rows in batches and keeps a small buffer ahead of the slots; apalis polls
//! the buffer. The buffer is separate from the concurrency: it follows the lane's speed, so a fast lane never waits
//! for a round trip and a slow one hoards nothing. The backend never returns an error (apalis ends a worker on the
//! first one): a store that is away is the feeder's to wait for. Its middleware, outermost, reports every outcome.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use apalis_core::task::task_id::RandomId;
use apalis_core::worker::context::WorkerContext;
use futures_util::task::AtomicWaker;
use shared::platform::jobs::ledger::{Claimed, Unsuccessful};
use shared::platform::jobs::{Lane, groups};
use tokio::sync::Notify;
use tower::{Layer, Service};

use crate::runner::Outcome;
use crate::settle::{Settlement, Settler};

/// A lane's buffer and slots, shared by the feeder and by apalis workers that come and go.
pub struct Gate {
    /// The lane.
    pub lane: Lane,
    /// Jobs run at once.
    pub slots: usize,
    /// Told when a slot or a place in the buffer became free.
    pub freed: Notify,
    buffer: Mutex<VecDeque<Arc<Claimed>>>,
    running: AtomicUsize,
    taken: AtomicUsize,
    waker: AtomicWaker,
}

impl Gate {
    /// An empty lane.
    pub fn new(lane: Lane, slots: usize) -> Arc<Self> {
        Arc::new(Self {
            lane,
            slots,
            freed: Notify::new(),
            buffer: Mutex::default(),
            running: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
        })
    }

    /// Puts claimed jobs into the buffer.
    pub fn feed(&self, jobs: Vec<Arc<Claimed>>) {
        self.buffer.lock().expect("no code panics while holding this lock").extend(jobs);
        self.waker.wake();
    }

    /// Free slots, jobs buffered, jobs taken since the start.
    pub fn pressure(&self) -> (usize, usize, usize) {
        let buffered = self.buffer.lock().expect("no code panics while holding this lock").len();
        let free = self.slots.saturating_sub(self.running.load(Ordering::Acquire));
        (free, buffered, self.taken.load(Ordering::Acquire))
    }

    fn take(self: &Arc<Self>) -> Option<Work> {
        if self.running.load(Ordering::Acquire) >= self.slots {
            return None;
        }
        let job = self.buffer.lock().expect("no code panics while holding this lock").pop_front()?;
        // Only the lane's one apalis worker takes, so the count cannot pass the bound between check and step.
        self.running.fetch_add(1, Ordering::AcqRel);
        self.taken.fetch_add(1, Ordering::AcqRel);
        self.freed.notify_one();
        Some(Work { job, slot: Arc::new(Slot(self.clone())) })
    }
}

/// A taken slot; free again when dropped.
pub struct Slot(Arc<Gate>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.waker.wake();
        self.0.freed.notify_one();
    }
}

/// What apalis carries: a claimed job and its slot.
#[derive(Clone)]
pub struct Work {
    /// The job.
    pub job: Arc<Claimed>,
    /// Held while it runs.
    pub slot: Arc<Slot>,
}

/// The backend of one apalis worker.
pub struct LaneBackend {
    gate: Arc<Gate>,
    settler: Settler,
    ready: Option<Work>,
}

impl LaneBackend {
    /// A backend over a lane's gate.
    pub fn new(gate: Arc<Gate>, settler: Settler) -> Self {
        Self { gate, settler, ready: None }
    }
}

impl Backend for LaneBackend {
    type Task = Task<Work>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if self.ready.is_none() {
            self.gate.waker.register(cx.waker());
            self.ready = self.gate.take();
        }
        if self.ready.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_next(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        match self.ready.take() {
            Some(work) => Poll::Ready(Some(Ok(Task::new(work)))),
            None => Poll::Pending,
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        // What was taken and not begun is still held by a lease; the shutdown gives it back.
        self.ready = None;
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LaneBackend {
    type Args = Work;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Report;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Report {
        Report(self.settler.clone())
    }
}

/// The outermost layer: whatever a run ends with, the settler hears of it.
#[derive(Clone)]
pub struct Report(Settler);

impl<S> Layer<S> for Report {
    type Service = Reporting<S>;

    fn layer(&self, inner: S) -> Reporting<S> {
        Reporting { inner, settler: self.0.clone() }
    }
}

/// A service whose outcomes are reported.
#[derive(Clone)]
pub struct Reporting<S> {
    inner: S,
    settler: Settler,
}

impl<S> Service<Task<Work>> for Reporting<S>
where
    S: Service<Task<Work>, Response = Outcome, Error = BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxDynError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Work>) -> Self::Future {
        let (Work { job, slot }, settler) = (task.args.clone(), self.settler.clone());
        let run = self.inner.call(task);
        let began = Instant::now();
        Box::pin(async move {
            let outcome = run.await.unwrap_or_else(|error| stopped(&job, &error));
            settler.send(Settlement { job, outcome, ran: began.elapsed() }).await;
            // Free only now: a ledger that is slow to record slows the lane down instead of piling up outcomes.
            drop(slot);
            Ok(())
        })
    }
}

/// The run was aborted from outside, or its task panicked outside the job: a failed attempt like any other.
fn stopped(job: &Claimed, error: &BoxDynError) -> Outcome {
    Outcome::Unsuccessful(Unsuccessful {
        id: job.id,
        fence: job.fence,
        state: "retrying",
        outcome: "error",
        error: error.to_string(),
        code: "stopped".into(),
        fingerprint: groups::fingerprint(&job.kind, "stopped", &error.to_string()),
        wait: 1.0,
        counts: true,
        log: String::new(),
    })
}
