//! Keeps a lane's buffer filled: tickets from Redis while it answers, the head of the lane from PostgreSQL otherwise.
//! A lane with a limit over all processes takes its jobs from PostgreSQL alone; tickets only say that there are some.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use shared::kernel::Result;
use shared::kernel::ids::JobId;
use shared::platform::jobs::ledger::{self, Claimed};
use shared::platform::jobs::orders::Orders;
use shared::platform::jobs::permits;
use shared::platform::jobs::tickets::{Taker, Tickets};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio_util::sync::CancellationToken;

use crate::backend::Gate;
use crate::lease::Leases;
use crate::patience::answered;

/// How often PostgreSQL is asked while it is the ticket source and has nothing.
const POLL: Duration = Duration::from_millis(25);
/// How often a Redis that went away is tried again.
const RECONNECT: Duration = Duration::from_secs(1);
/// The most jobs one claim takes.
const BATCH: usize = 512;
/// The buffer of a brisk lane covers this much of its work, in seconds; that of another one the time of a claim. What
/// stands in the buffer has overtaken everybody, so a lane with long jobs keeps it short.
const AHEAD: f64 = 0.05;
const A_CLAIM: f64 = 0.005;
/// Jobs a second from which a lane is brisk.
const BRISK: f64 = 2000.0;

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
    /// What the administrators ask for.
    pub orders: Arc<RwLock<Orders>>,
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
            busy: false,
            db: None,
        };
        let mut speed = Speed::new();
        while !self.stop.is_cancelled() {
            let (paused, limited, kinds) = self.orders();
            let want = self.room(&mut speed, limited);
            if want == 0 || paused {
                let pause = if want == 0 { Duration::from_millis(500) } else { Duration::from_millis(200) };
                self.pause(pause, self.gate.freed.notified()).await;
                continue;
            }
            let filled = if limited {
                answered(self.fill_rationed(&mut source, &kinds, want)).await
            } else {
                answered(self.fill(&mut source, &kinds, want.min(BATCH))).await
            };
            if let Err(error) = filled {
                tracing::warn!(lane = self.gate.lane.name(), %error, "jobs could not be claimed");
                self.pause(Duration::from_millis(500), std::future::pending()).await;
            }
        }
    }

    /// Waits for `event`, at most so long, not beyond the stop.
    async fn pause(&self, most: Duration, event: impl Future<Output = ()>) {
        let _ = self.stop.run_until_cancelled(tokio::time::timeout(most, event)).await;
    }

    /// Paused, limited, and the kinds to be claimed: those we know whose fuse is whole.
    fn orders(&self) -> (bool, bool, Arc<[String]>) {
        let orders = self.orders.read().expect("no code panics while holding this lock");
        let named = |lanes: &[String]| lanes.iter().any(|lane| lane == self.gate.lane.name());
        let kinds = if orders.fused.is_empty() {
            self.kinds.clone()
        } else {
            self.kinds.iter().filter(|kind| !orders.fused.contains(kind)).cloned().collect()
        };
        (named(&orders.paused), named(&orders.limited), kinds)
    }

    /// How many jobs to claim now: a slow lane gets what its free slots can begin, a fast one some time ahead, a
    /// limited one nothing ahead: what one process hoards, the others may not run.
    fn room(&self, speed: &mut Speed, limited: bool) -> usize {
        let (free, buffered, taken) = self.gate.pressure();
        let speed = speed.measure(taken);
        let ahead = (speed * if speed < BRISK { A_CLAIM } else { AHEAD }).ceil() as usize;
        let target = if limited { free } else { free.max(ahead.min(2 * BATCH)) };
        // Half a buffer at a time: claiming one job for every job begun would undo the batching.
        if buffered * 2 > target || target == 0 { 0 } else { target - buffered }
    }

    async fn fill(&self, source: &mut Source, kinds: &[String], want: usize) -> Result<()> {
        let lane = self.gate.lane.name();
        let claimed = match self.stop.run_until_cancelled(source.take(want)).await {
            None => return Ok(()),
            Some(Taken::Ids(ids)) if ids.is_empty() => {
                source.db = None;
                return Ok(());
            }
            Some(Taken::Ids(ids)) => {
                let mut db = source.connection(&self.claims).await?;
                let claimed = ledger::claim(&mut *db, &self.worker, lane, kinds, &ids).await?;
                source.db = Some(db);
                if claimed.len() < ids.len() {
                    self.unblock(&ids, &claimed).await?;
                }
                claimed
            }
            Some(Taken::AskLedger) => {
                let claimed = ledger::claim_next(&self.claims, &self.worker, lane, kinds, want as i64).await?;
                source.behind = source.tickets.bounded() && claimed.len() == want;
                claimed
            }
        };
        source.told(claimed.len());
        if claimed.is_empty() {
            self.pause(source.idle(), std::future::pending()).await;
            return Ok(());
        }
        self.hold(claimed);
        Ok(())
    }

    /// Tickets that nobody could claim may be of blocked jobs: perhaps there is room under their keys.
    async fn unblock(&self, ids: &[JobId], claimed: &[Claimed]) -> Result<()> {
        let rest: Vec<JobId> = ids.iter().filter(|id| !claimed.iter().any(|job| job.id == **id)).copied().collect();
        let mut db = self.claims.acquire().await?;
        let keys = permits::keys_of(&mut db, &rest).await?;
        drop(db);
        self.tickets.add(permits::grant(&self.claims, &keys).await?);
        Ok(())
    }

    async fn fill_rationed(&self, source: &mut Source, kinds: &[String], want: usize) -> Result<()> {
        let lane = self.gate.lane.name();
        let ration = ledger::claim_rationed(&self.claims, &self.worker, lane, kinds, want as i64).await?;
        let none = ration.jobs.is_empty();
        self.hold(ration.jobs);
        if let Some(wait) = ration.wait {
            self.pause(wait, std::future::pending()).await;
        } else if none {
            match self.stop.run_until_cancelled(source.take(BATCH)).await {
                // Blocked jobs announce themselves by tickets here as well.
                Some(Taken::Ids(ids)) if !ids.is_empty() => self.unblock(&ids, &[]).await?,
                Some(Taken::AskLedger) => self.pause(POLL, std::future::pending()).await,
                _ => {}
            }
        }
        Ok(())
    }

    fn hold(&self, claimed: Vec<Claimed>) {
        let claimed: Vec<Arc<Claimed>> = claimed.into_iter().map(Arc::new).collect();
        let waits = metrics::histogram!("facteur_job_wait_seconds", "lane" => self.gate.lane.name());
        for job in &claimed {
            waits.record(job.waited_ms.max(0.0) / 1000.0);
        }
        self.leases.hold(&claimed);
        self.gate.feed(claimed);
    }
}

/// What a source has.
enum Taken {
    /// Jobs that may be claimed; none after a second without work.
    Ids(Vec<JobId>),
    /// The ledger is to be asked for the head of the lane.
    AskLedger,
}

/// Redis, with PostgreSQL behind it.
struct Source {
    tickets: Tickets,
    taker: Option<Taker>,
    retry_at: Option<Instant>,
    /// More jobs wait than have tickets: the head of the lane comes from PostgreSQL.
    behind: bool,
    lane: &'static str,
    /// The last claim found much.
    busy: bool,
    /// Kept while there is work: giving it back and taking it again costs round trips between a ticket and its start.
    db: Option<PoolConnection<Postgres>>,
}

impl Source {
    async fn take(&mut self, want: usize) -> Taken {
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
        let Some(taker) = self.taker.as_mut().filter(|_| !self.behind) else { return Taken::AskLedger };
        match taker.take(want, !self.busy).await {
            // A busy lane without tickets: was Redis wiped? The ledger knows, at once and at full speed.
            Ok(ids) if ids.is_empty() && (self.busy || self.tickets.bounded()) => Taken::AskLedger,
            Ok(ids) => Taken::Ids(ids),
            Err(error) => {
                self.away(&error);
                Taken::AskLedger
            }
        }
    }

    async fn connection(&mut self, claims: &PgPool) -> Result<PoolConnection<Postgres>> {
        match self.db.take() {
            Some(db) => Ok(db),
            None => Ok(claims.acquire().await?),
        }
    }

    /// A lane is busy when claims are large; a slow one can wait for the sweeper's tickets. Where only the head of the
    /// lane has tickets, every claim may have been the last of them.
    fn told(&mut self, claimed: usize) {
        self.busy = claimed >= if self.tickets.bounded() { 1 } else { BATCH / 8 };
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
