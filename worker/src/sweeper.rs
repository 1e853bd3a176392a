//! Repairs, every second, by one process at a time (an advisory lock): due jobs become queued, ended leases come
//! back, lost tickets are found, schedules tick. The fast path and this one are the same from the claim on.

use std::sync::Arc;
use std::time::Duration;

use shared::kernel::Result;
use shared::platform::Platform;
use shared::platform::jobs::groups::Seen;
use shared::platform::jobs::sweep::{Glance, Lost};
use shared::platform::jobs::tickets::Ticket;
use shared::platform::jobs::{Lane, alarms, batches, groups, health, permits, schedule, sweep};
use shared::platform::tx::{Signal, Tx};
use shared::platform::{audit, mail, notifications};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::patience::answered;
use crate::registry::Registry;

const TICK: Duration = Duration::from_secs(1);
/// Below so many tickets in Redis, waiting rows get theirs again.
const LOW_WATER: u64 = 1000;

/// The sweeper of one process.
pub struct Sweeper {
    /// The services.
    pub platform: Platform,
    /// For what a dead job leaves behind.
    pub registry: Arc<Registry>,
}

impl Sweeper {
    /// Sweeps while this process is the leader, and stands by otherwise.
    pub async fn run(self, stop: CancellationToken) {
        let mut leader: Option<PgConnection> = None;
        let mut ticks = 0_u64;
        let mut after = String::new();
        while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            if leader.is_none() && ticks.is_multiple_of(2) {
                leader = answered(async { Ok(self.lead().await) }).await.unwrap_or(None);
            }
            if let Some(lock) = &mut leader {
                let swept = answered(async {
                    let glance = sweep::glance(lock).await?;
                    self.sweep(&glance, ticks, &mut after).await
                });
                if let Err(error) = swept.await {
                    tracing::warn!(%error, "the sweep failed; it is tried again");
                    leader = None;
                }
            }
            ticks += 1;
        }
        if let Some(lock) = leader {
            let _ = lock.close().await;
        }
    }

    /// The lock lives as long as its connection; a connection that breaks frees it.
    async fn lead(&self) -> Option<PgConnection> {
        let mut connection = self.platform.db.acquire().await.ok()?.detach();
        sweep::lead(&mut connection).await.ok()?.then_some(connection)
    }

    async fn sweep(&self, glance: &Glance, tick: u64, after: &mut String) -> Result<()> {
        if glance.due {
            self.due().await?;
        }
        if glance.expired || glance.batches {
            self.ended().await?;
        }
        if glance.lost || glance.fused {
            self.lost().await?;
        }
        if glance.blocked {
            self.permits(after).await?;
        }
        if glance.unsealed {
            let mut tx = Tx::begin(&self.platform).await?;
            audit::seal(&mut tx).await?;
            tx.commit().await?;
        }
        if !glance.lanes.is_empty() && self.platform.tickets.in_redis() {
            self.tickets(&glance.lanes, tick).await?;
        }
        if tick.is_multiple_of(5) {
            let mut tx = Tx::begin(&self.platform).await?;
            schedule::tick(&mut tx).await?;
            tx.commit().await?;
            self.gauges().await?;
        }
        if tick.is_multiple_of(alarms::EVERY.as_secs()) {
            alarms::look(&self.platform).await;
        }
        if tick.is_multiple_of(60) {
            let mut tx = Tx::begin(&self.platform).await?;
            health::forget_workers(&mut tx).await?;
            if self.platform.config.mail.enabled {
                mail::release_held(&mut tx).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    async fn due(&self) -> Result<()> {
        // A herd whose hour has come is woken in pieces; one sweep does not take forever.
        for _ in 0..10 {
            let mut tx = Tx::begin(&self.platform).await?;
            let due = sweep::due(&mut tx).await?;
            let more = due.len() == sweep::BATCH;
            for ticket in due {
                tx.after_commit(Signal::Ticket(ticket));
            }
            tx.commit().await?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Jobs beyond their deadline, and batches whose last job has ended.
    async fn ended(&self) -> Result<()> {
        let mut db = self.platform.db.acquire().await?;
        sweep::expire(&mut db).await?;
        self.platform.tickets.add(batches::close(&mut db).await?);
        Ok(())
    }

    /// Ended leases, and kinds whose fuse leads to the dead letters.
    async fn lost(&self) -> Result<()> {
        let mut tx = Tx::begin(&self.platform).await?;
        let lost = sweep::lost(&mut tx).await?;
        if !lost.is_empty() {
            tracing::warn!(jobs = lost.len(), "leases ran out: a worker died or was cut off");
        }
        for job in lost {
            tracing::debug!(job.id = %job.id, job.kind, job.state, "a lease ran out");
            match job.state.as_str() {
                "queued" => tx.after_commit(Signal::Ticket(Ticket { job: job.id, lane: job.lane, rank: job.rank })),
                "dead" => {
                    groups::record(&mut tx, &[poison(&job)]).await?;
                    let error = self.mourn(&mut tx, &job).await?;
                    notifications::dead_jobs(&mut tx, job.id.0, &job.kind, &job.lane, job.attempt, &error).await?;
                }
                _ => {}
            }
        }
        for job in sweep::fused(&mut tx).await? {
            self.mourn(&mut tx, &job).await?;
        }
        tx.commit().await
    }

    /// What else a death changes. Returns the last error.
    async fn mourn(&self, tx: &mut Tx, job: &Lost) -> Result<String> {
        let error = job.last_error.clone().unwrap_or_default();
        if let Some(entry) = self.registry.find(&job.kind) {
            (entry.died)(job.payload.clone(), tx, error.clone()).await?;
        }
        Ok(error)
    }

    /// Room under concurrency keys that nobody gave on, some keys each second.
    async fn permits(&self, after: &mut String) -> Result<()> {
        let mut db = self.platform.db.acquire().await?;
        let keys = permits::waiting(&mut db, after).await?;
        drop(db);
        after.clone_from(keys.last().unwrap_or(&String::new()));
        self.platform.tickets.add(permits::grant(&self.platform.db, &keys).await?);
        Ok(())
    }

    /// Rows that wait without a ticket: a flushed Redis, a lost push, a worker that died between pop and claim.
    async fn tickets(&self, lanes: &[String], tick: u64) -> Result<()> {
        let names: Vec<&str> = lanes.iter().map(String::as_str).collect();
        let Ok(depths) = self.platform.tickets.depths(&names).await else {
            return Ok(());
        };
        let mut db = self.platform.db.acquire().await?;
        for (lane, depth) in names.into_iter().zip(depths) {
            if depth < LOW_WATER {
                self.platform.tickets.add(sweep::unticketed(&mut db, lane, 1.0, 5000).await?);
            } else if tick.is_multiple_of(10) {
                self.platform.tickets.add(sweep::unticketed(&mut db, lane, 30.0, 5000).await?);
            }
        }
        Ok(())
    }

    async fn gauges(&self) -> Result<()> {
        let mut db = self.platform.db.acquire().await?;
        for lane in health::lanes(&mut db).await? {
            let gauge = |name: &'static str, value: f64| {
                metrics::gauge!(name, "lane" => lane.name.clone()).set(value);
            };
            let open = lane.paused_at.is_none();
            gauge("facteur_lane_waiting", if open { lane.waiting as f64 } else { 0.0 });
            gauge("facteur_lane_oldest_seconds", if open { lane.oldest_seconds.unwrap_or(0.0) } else { 0.0 });
            gauge("facteur_lane_dead", lane.dead as f64);
        }
        metrics::gauge!("facteur_lanes").set(Lane::ALL.len() as f64);
        Ok(())
    }
}

fn poison(job: &Lost) -> Seen {
    let fingerprint = groups::fingerprint(&job.kind, "poison", sweep::QUARANTINED);
    let message = sweep::QUARANTINED.to_owned();
    Seen { fingerprint, kind: job.kind.clone(), code: "poison".into(), message, job: job.id }
}
