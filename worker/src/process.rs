//! The process: its lanes and the tasks they share. SIGTERM stops taking at once, gives back what has not begun, lets
//! the rest finish within the grace, and exits 0.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use shared::kernel::Result;
use shared::kernel::task;
use shared::platform::Platform;
use shared::platform::jobs::orders::{self, Orders};
use shared::platform::jobs::{Lane, health, schedule};
use shared::platform::tx::Tx;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::backend::Gate;
use crate::feeder::Feeder;
use crate::lanes::LaneWorker;
use crate::lease::Leases;
use crate::patience::answered;
use crate::registry::Registry;
use crate::runner::Runner;
use crate::settle::{self, Settler};
use crate::smtp::Smtp;
use crate::sweeper::Sweeper;
use crate::tally::Tallies;

/// Claims and settlements name their rows: the index, always, whatever the statistics of a table that changes wholly
/// every second say, and no planning for each batch.
const BY_ID: &[(&str, &str)] = &[
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// The last part of the grace is kept for giving back what did not finish: a busy machine needs it.
const HAND_BACK: Duration = Duration::from_secs(3);

/// A running worker process.
pub struct Process {
    platform: Platform,
    host: String,
    worker: Arc<str>,
    lanes: Vec<(Lane, usize)>,
    leases: Leases,
    /// Cancelled: take nothing new.
    stop: CancellationToken,
    /// Cancelled: nothing runs any more, the helpers may end.
    end: CancellationToken,
    feeders: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    settler: JoinHandle<()>,
    renewal: JoinHandle<()>,
    orders: Arc<RwLock<Orders>>,
    tallies: Tallies,
}

impl Process {
    /// Starts everything. A name is fresh at every start: host, pid and a random part.
    pub async fn start(platform: Platform, registry: Registry, smtp: Smtp, lanes: Vec<(Lane, usize)>) -> Result<Self> {
        let host = hostname();
        let worker: Arc<str> = fresh_name(&host).into();
        install_duties(&platform).await?;
        let unsynced = [&[("synchronous_commit", "off")], BY_ID].concat();
        let claims = shared::platform::pool(&platform.config, lanes.len() as u32 + 1, &unsynced)?;
        let settlements = shared::platform::pool(&platform.config, 2, BY_ID)?;
        let (leases, registry) = (Leases::default(), Arc::new(registry));
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let (orders, tallies) = (Arc::<RwLock<Orders>>::default(), Tallies::default());
        let kinds: Arc<[String]> = registry.kinds().into();
        let (settler, settling) = Settler::start(
            settle::Ledger {
                settlements,
                platform: platform.clone(),
                registry: registry.clone(),
                worker: worker.clone(),
                tallies: tallies.clone(),
            },
            leases.clone(),
        );
        let runner = Runner::new(platform.clone(), smtp, registry.clone(), worker.clone());
        let (mut feeders, mut workers) = (Vec::new(), Vec::new());
        for (lane, slots) in &lanes {
            let gate = Gate::new(*lane, *slots);
            let feeder = Feeder {
                tickets: platform.tickets.clone(),
                claims: claims.clone(),
                gate: gate.clone(),
                kinds: kinds.clone(),
                worker: worker.clone(),
                leases: leases.clone(),
                orders: orders.clone(),
                stop: stop.clone(),
            };
            feeders.push(task::spawn("feeder", feeder.run()));
            let lane = LaneWorker { gate, runner: runner.clone(), leases: leases.clone(), settler: settler.clone() };
            workers.push(task::spawn("lane", lane.supervise(stop.clone())));
        }
        task::spawn("sweeper", Sweeper { platform: platform.clone(), registry }.run(stop.clone()));
        let renewal = task::spawn("leases", leases.clone().renew(platform.clone(), worker.clone(), end.clone()));
        let process = Self {
            platform,
            host,
            worker,
            lanes,
            leases,
            stop,
            end,
            feeders,
            workers,
            settler: settling,
            renewal,
            orders,
            tallies,
        };
        process.beat("running").await?;
        tracing::info!(worker = %process.worker, lanes = ?process.lane_names(), "the worker is running");
        Ok(process)
    }

    /// This worker's name.
    pub fn name(&self) -> &str {
        &self.worker
    }

    /// What every slot is doing, one line each.
    pub fn describe(&self) -> Vec<String> {
        self.leases.describe()
    }

    fn lane_names(&self) -> Vec<String> {
        self.lanes.iter().map(|(lane, _)| lane.name().to_owned()).collect()
    }

    async fn beat(&self, state: &str) -> Result<bool> {
        let mut db = self.platform.db.acquire().await?;
        let (running, _) = self.leases.count();
        let beat = health::Beat {
            id: &self.worker,
            host: &self.host,
            lanes: &self.lane_names(),
            slots: self.lanes.iter().map(|(_, slots)| *slots as i32).sum(),
            running: running as i32,
            rss_bytes: rss(),
            state,
        };
        let asked = health::beat(&mut db, &beat).await?;
        self.tallies.write(&mut db).await?;
        let orders = orders::read(&mut db).await?;
        *self.orders.write().expect("no code panics while holding this lock") = orders;
        Ok(asked)
    }

    /// Heartbeats, and hears of pauses, until somebody asks this worker to stop.
    pub async fn pulse(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if self.tell("running").await {
                tracing::info!(worker = %self.worker, "asked to stop by an administrator");
                return;
            }
        }
    }

    /// A heartbeat that may fail: nothing depends on it but what people see, and whether somebody asked it to stop.
    async fn tell(&self, state: &str) -> bool {
        answered(self.beat(state)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no heartbeat");
            false
        })
    }

    /// Drains within the grace; what is left then is stopped and given back. Nothing of it burns an attempt.
    pub async fn shut_down(mut self) {
        let deadline = Instant::now() + self.platform.config.worker.grace.saturating_sub(HAND_BACK);
        tracing::info!(worker = %self.worker, "stopping: no new work, finishing what runs");
        self.stop.cancel();
        self.tell("draining").await;
        for feeder in std::mem::take(&mut self.feeders) {
            let _ = feeder.await;
        }
        let (worker, platform, leases) = (self.worker.clone(), self.platform.clone(), self.leases.clone());
        let returned = leases.give_back(&platform, &worker, false).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "waiting jobs could not be given back; their leases will run out");
            0
        });
        while leases.count().1 > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (unfinished, _) = leases.count();
        if unfinished > 0 {
            tracing::warn!(jobs = unfinished, "the grace is over: unfinished jobs are stopped and given back");
            let _ = leases.give_back(&platform, &worker, true).await;
            self.workers.iter().for_each(JoinHandle::abort);
        }
        self.end.cancel();
        self.renewal.abort();
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.settler).await;
        self.tell("stopped").await;
        platform.tickets.flush(Duration::from_secs(1)).await;
        tracing::info!(%worker, returned, unfinished, "stopped");
    }
}

async fn install_duties(platform: &Platform) -> Result<()> {
    let mut tx = Tx::begin(platform).await?;
    schedule::install(&mut tx).await?;
    tx.commit().await
}

/// Two starts never share a name: a lease is its holder's alone.
fn fresh_name(host: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{host}-{}-{}", std::process::id(), &random[..8])
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "worker".into() } else { name.to_owned() }
}

/// Memory of this process, where the system tells it.
fn rss() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<i64>().ok().map(|kb| kb * 1024)
}
