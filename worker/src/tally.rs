//! What happened in this process since its last heartbeat, per lane and kind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shared::kernel::Result;
use shared::platform::jobs::ledger::Claimed;
use shared::platform::jobs::stats::{self, Tally};
use sqlx::PgConnection;

/// The counters. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tallies(Arc<Mutex<HashMap<(String, String), Tally>>>);

impl Tallies {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Tally>> {
        self.0.lock().expect("no code panics while holding this lock")
    }

    /// Counts a run that ended in `state`.
    pub fn count(&self, job: &Claimed, state: &str, ran: Duration) {
        let mut tallies = self.lock();
        let tally = tallies.entry((job.lane.clone(), job.kind.clone())).or_default();
        match state {
            "succeeded" => tally.succeeded += 1,
            "retrying" => tally.failed += 1,
            "dead" => tally.dead += 1,
            _ => {}
        }
        tally.run_ms += ran.as_millis() as i64;
        tally.wait_ms += job.waited_ms.max(0.0) as i64;
    }

    /// Writes them down and begins anew; what could not be written is counted on.
    pub async fn write(&self, db: &mut PgConnection) -> Result<()> {
        let taken: HashMap<_, _> = std::mem::take(&mut *self.lock());
        if taken.is_empty() {
            return Ok(());
        }
        let rows = taken.iter().map(|((lane, kind), tally)| (lane.as_str(), kind.as_str(), *tally)).collect();
        let written = stats::add(db, rows).await;
        if written.is_err() {
            let mut tallies = self.lock();
            for (key, tally) in taken {
                *tallies.entry(key).or_default() += tally;
            }
        }
        written
    }
}
