//! Keeps a lane's buffer filled: tickets from Redis while it answers, the head of the lane from PostgreSQL otherwise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::kernel::Result;
use shared::platform::jobs::ledger::{self, Claimed};
use shared::platform::jobs::tickets::{Taker, Tickets};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::backend::Gate;
use crate::lease::Leases;

/// How often PostgreSQL is asked while it is the ticket source and has nothing.
const POLL: Duration = Duration::from_millis(25);
/// How often a Redis that went away is tried again.
const RECONNECT: Duration = Duration::from_secs(1);
/// The most jobs one claim takes.
const BATCH: usize = 512;
/// The buffer covers this much of a lane's work, in seconds.
const AHEAD: f64 = 0.05;

/// One lane's feeder.
pub struct Feeder {
    /// Tickets, when there is a Redis.
    pub tickets: Tickets,
    /// Connections whose commits need not reach the disk: a claim that is lost is a job still queued.
    pub claims: PgPool,
    /// The lane.
    pub gate: Arc<Gate>,
    /// Kinds this process knows.
    pub kinds: Arc<[String]>,
    /// This worker's name.
    pub worker: Arc<str>,
    /// What is held.
    pub leases: Leases,
    /// Lanes paused now.
    pub paused: Arc<std::sync::RwLock<Vec<String>>>,
    /// Told at shutdown.
    pub stop: CancellationToken,
}

impl Feeder {
    /// Feeds until told to stop. A claim in flight is finished, so that its rows are known.
    pub async fn run(self) {
        let mut source = Source {
            tickets: self.tickets.clone(),
            taker: None,
            retry_at: None,
            behind: false,
            lane: self.gate.lane.name(),
        };
        let mut speed = Speed::new();
        while !self.stop.is_cancelled() {
            let want = self.room(&mut speed);
            if want == 0 || self.is_paused() {
                let pause = if want == 0 { Duration::from_millis(500) } else { Duration::from_millis(200) };
                let _ = self.stop.run_until_cancelled(tokio::time::timeout(pause, self.gate.freed.notified())).await;
                continue;
            }
            if let Err(error) = self.fill(&mut source, want.min(BATCH)).await {
                tracing::warn!(lane = self.gate.lane.name(), %error, "jobs could not be claimed");
                let _ = self.stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(500))).await;
            }
        }
    }

    /// How many jobs to claim now: a slow lane gets what its free slots can begin, a fast one some time ahead.
    fn room(&self, speed: &mut Speed) -> usize {
        let (free, buffered, taken) = self.gate.pressure();
        let ahead = (speed.measure(taken) * AHEAD) as usize;
        let target = free.max(ahead.min(2 * BATCH));
        // Half a buffer at a time: claiming one job for every job begun would undo the batching.
        if buffered * 2 > target || target == 0 { 0 } else { target - buffered }
    }

    fn is_paused(&self) -> bool {
        let paused = self.paused.read().expect("no code panics while holding this lock");
        paused.iter().any(|lane| lane == self.gate.lane.name())
    }

    async fn fill(&self, source: &mut Source, want: usize) -> Result<()> {
        let lane = self.gate.lane.name();
        let claimed = match self.stop.run_until_cancelled(source.take(want)).await {
            None => return Ok(()),
            Some(Some(ids)) if ids.is_empty() => return Ok(()),
            Some(Some(ids)) => ledger::claim(&self.claims, &self.worker, lane, &self.kinds, &ids).await?,
            Some(None) => {
                let claimed = ledger::claim_next(&self.claims, &self.worker, lane, &self.kinds, want as i64).await?;
                source.behind = source.tickets.bounded() && claimed.len() == want;
                claimed
            }
        };
        if claimed.is_empty() {
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(source.idle())).await;
            return Ok(());
        }
        self.hold(claimed);
        Ok(())
    }

    fn hold(&self, claimed: Vec<Claimed>) {
        let waits = metrics::histogram!("facteur_job_wait_seconds", "lane" => self.gate.lane.name());
        for job in &claimed {
            waits.record(job.waited_ms.max(0.0) / 1000.0);
        }
        self.leases.hold(&claimed);
        self.gate.feed(claimed);
    }
}

/// Redis, with PostgreSQL behind it.
struct Source {
    tickets: Tickets,
    taker: Option<Taker>,
    retry_at: Option<Instant>,
    /// More jobs wait than have tickets: the head of the lane comes from PostgreSQL.
    behind: bool,
    lane: &'static str,
}

impl Source {
    /// Ids from Redis (none after a second without work), or None: ask PostgreSQL.
    async fn take(&mut self, want: usize) -> Option<Vec<shared::kernel::ids::JobId>> {
        if self.taker.is_none() && self.retry_at.is_none_or(|at| at <= Instant::now()) {
            match self.tickets.taker(self.lane).await {
                Ok(taker) => {
                    if taker.is_some() && self.retry_at.is_some() {
                        tracing::info!(lane = self.lane, "Redis is back");
                    }
                    self.taker = taker;
                }
                Err(error) => self.away(&error),
            }
        }
        let taker = self.taker.as_mut().filter(|_| !self.behind)?;
        match taker.take(want).await {
            Ok(ids) if ids.is_empty() && self.tickets.bounded() => None,
            Ok(ids) => Some(ids),
            Err(error) => {
                self.away(&error);
                None
            }
        }
    }

    fn away(&mut self, error: &impl std::fmt::Display) {
        if self.retry_at.is_none() || self.taker.is_some() {
            tracing::warn!(lane = self.lane, %error, "Redis is away: taking jobs from PostgreSQL");
        }
        self.taker = None;
        self.retry_at = Some(Instant::now() + RECONNECT);
    }

    /// With Redis the wait is in the take; stale tickets only need a breath.
    fn idle(&self) -> Duration {
        if self.taker.is_some() { Duration::from_millis(1) } else { POLL }
    }
}

/// Jobs a second, smoothed.
struct Speed {
    at: Instant,
    taken: usize,
    rate: f64,
}

impl Speed {
    fn new() -> Self {
        Self { at: Instant::now(), taken: 0, rate: 0.0 }
    }

    fn measure(&mut self, taken: usize) -> f64 {
        let seconds = self.at.elapsed().as_secs_f64();
        if seconds >= 0.01 {
            let now = (taken - self.taken) as f64 / seconds;
            self.rate = 0.5 * self.rate + 0.5 * now;
            (self.at, self.taken) = (Instant::now(), taken);
        }
        self.rate
    }
}
