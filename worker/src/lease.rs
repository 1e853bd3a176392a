//! What this process holds: every claimed job until its settlement is written, renewed in one statement.
//!
//! A lease is 15 s by the database's clock and renewed every 5 s. What cannot be renewed any more is another
//! worker's: its token is cancelled and it may start no further effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shared::kernel::Result;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::ledger::{self, Claimed, Note};
use tokio_util::sync::CancellationToken;

use crate::notes::Notes;
use crate::patience::answered;

/// How often notes are written.
const NOTES: Duration = Duration::from_secs(1);
/// Every so many times, leases are renewed.
const RENEW: u32 = 5;

struct Held {
    job: Arc<Claimed>,
    started: bool,
    grip: Grip,
}

/// What a run shares with the process that holds it.
#[derive(Clone, Default)]
pub struct Grip {
    /// Told when the job is to stop.
    pub cancel: CancellationToken,
    /// What the run says.
    pub notes: Arc<Notes>,
}

/// The jobs in this process' hands. Cheap to clone.
#[derive(Clone, Default)]
pub struct Leases {
    held: Arc<Mutex<HashMap<JobId, Held>>>,
    /// One statement over many of our rows at a time: two could lock them in different orders.
    pub pen: Arc<tokio::sync::Mutex<()>>,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Held>> {
        self.held.lock().expect("no code panics while holding this lock")
    }

    /// Takes charge of claimed jobs.
    pub fn hold(&self, jobs: &[Arc<Claimed>]) {
        let mut held = self.lock();
        for job in jobs {
            held.insert(job.id, Held { job: job.clone(), started: false, grip: Grip::default() });
        }
    }

    /// The job begins. None: it was given back meanwhile and must not run.
    pub fn start(&self, id: JobId, fence: i32) -> Option<Grip> {
        let mut held = self.lock();
        let job = held.get_mut(&id).filter(|held| held.job.fence == fence)?;
        job.started = true;
        Some(job.grip.clone())
    }

    /// Notes of running jobs that are not in their rows yet.
    fn fresh_notes(&self) -> Vec<Note> {
        let held = self.lock();
        let running = held.iter().filter(|(_, held)| held.started);
        running.filter_map(|(id, held)| held.grip.notes.fresh(*id, held.job.fence)).collect()
    }

    /// All that these jobs said.
    pub fn last_notes(&self, of: &[(JobId, i32)]) -> Vec<Note> {
        let held = self.lock();
        of.iter().filter_map(|(id, fence)| held.get(id)?.grip.notes.last(*id, *fence)).collect()
    }

    /// These could not be written.
    fn again(&self, notes: &[Note]) {
        let held = self.lock();
        notes.iter().filter_map(|note| held.get(&note.id)).for_each(|job| job.grip.notes.again());
    }

    /// The job was settled, or is another's.
    pub fn drop_all<'a>(&self, ids: impl IntoIterator<Item = &'a (JobId, i32)>) {
        let mut held = self.lock();
        for (id, fence) in ids {
            if held.get(id).is_some_and(|held| held.job.fence == *fence) {
                held.remove(id);
            }
        }
    }

    /// Jobs running, jobs held at all.
    pub fn count(&self) -> (usize, usize) {
        let held = self.lock();
        (held.values().filter(|job| job.started).count(), held.len())
    }

    /// What every slot is doing, one line each.
    pub fn describe(&self) -> Vec<String> {
        let held = self.lock();
        held.iter()
            .map(|(id, job)| format!("{} {id} {}", job.job.kind, if job.started { "running" } else { "waiting" }))
            .collect()
    }

    fn all(&self, wanted: impl Fn(&Held) -> bool) -> Vec<(JobId, i32)> {
        self.lock().iter().filter(|(_, job)| wanted(job)).map(|(id, held)| (*id, held.job.fence)).collect()
    }

    /// Gives back what has not begun (or everything): no attempt is burned. Jobs given back do not start here, and
    /// those that run are told to stop once their rows are free: what they say after that is refused by the ledger.
    pub async fn give_back(&self, platform: &Platform, worker: &str, also_started: bool) -> Result<usize> {
        let held: Vec<(JobId, Held)> = self.lock().extract_if(|_, job| also_started || !job.started).collect();
        if held.is_empty() {
            return Ok(0);
        }
        let released = release(platform, worker, &held).await;
        for (_, job) in &held {
            job.grip.cancel.cancel();
        }
        released
    }

    /// Renews, and writes what the runs say, until told to stop.
    pub async fn renew(self, platform: Platform, worker: Arc<str>, stop: CancellationToken) {
        let mut ticks = 0_u32;
        while stop.run_until_cancelled(tokio::time::sleep(NOTES)).await.is_some() {
            ticks = ticks.wrapping_add(1);
            self.write_notes(&platform, &worker).await;
            let held = if ticks.is_multiple_of(RENEW) { self.all(|_| true) } else { Vec::new() };
            if held.is_empty() {
                continue;
            }
            let _pen = self.pen.lock().await;
            match answered(ledger::renew(&platform.db, &worker, &held)).await {
                Err(error) => tracing::warn!(%error, jobs = held.len(), "leases could not be renewed"),
                Ok(renewed) => self.apply(&held, &renewed),
            }
        }
    }

    async fn write_notes(&self, platform: &Platform, worker: &str) {
        let notes = self.fresh_notes();
        if notes.is_empty() {
            return;
        }
        let _pen = self.pen.lock().await;
        let written = async {
            let mut db = platform.db.acquire().await?;
            ledger::note(&mut db, worker, &notes).await
        };
        if let Err(error) = answered(written).await {
            tracing::warn!(%error, "notes of running jobs could not be written yet");
            self.again(&notes);
        }
    }

    fn apply(&self, asked: &[(JobId, i32)], renewed: &[(JobId, bool)]) {
        let renewed: HashMap<JobId, bool> = renewed.iter().copied().collect();
        let held = self.lock();
        for (id, fence) in asked {
            let Some(job) = held.get(id).filter(|held| held.job.fence == *fence) else {
                continue;
            };
            match renewed.get(id) {
                Some(false) => {}
                Some(true) => job.grip.cancel.cancel(),
                // Settled in this moment, or lost: in both cases nothing more may begin.
                None => {
                    job.grip.cancel.cancel();
                    tracing::debug!(job.id = %id, "lease not renewed");
                }
            }
        }
    }
}

async fn release(platform: &Platform, worker: &str, held: &[(JobId, Held)]) -> Result<usize> {
    let rows: Vec<(JobId, i32)> = held.iter().map(|(id, held)| (*id, held.job.fence)).collect();
    let mut db = platform.db.acquire().await?;
    let tickets = ledger::release(&mut db, worker, &rows).await?;
    let count = tickets.len();
    platform.tickets.add(tickets);
    Ok(count)
}
