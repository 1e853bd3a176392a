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
pub struct Tallies(Arc<Mutex<Counts>>);

type Counts = HashMap<(String, String), Tally>;

impl Tallies {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no code panics while holding this lock")
    }

    /// Adds up runs with the states in which they ended.
    pub fn count<'a>(&self, runs: impl Iterator<Item = (&'a Claimed, &'static str, Duration)>) {
        let mut batch: HashMap<(&str, &str), Tally> = HashMap::new();
        let mut states: HashMap<(&str, &'static str), u64> = HashMap::new();
        for (job, state, ran) in runs {
            let tally = batch.entry((&job.lane, &job.kind)).or_default();
            match state {
                "succeeded" => tally.succeeded += 1,
                "retrying" => tally.failed += 1,
                "dead" => tally.dead += 1,
                _ => {}
            }
            tally.run_ms += ran.as_millis() as i64;
            tally.wait_ms += job.waited_ms.max(0.0) as i64;
            *states.entry((&job.lane, state)).or_default() += 1;
        }
        for ((lane, state), runs) in states {
            metrics::counter!("facteur_jobs_total", "lane" => lane.to_owned(), "state" => state).increment(runs);
        }
        let mut tallies = self.lock();
        for ((lane, kind), tally) in batch {
            *tallies.entry((lane.to_owned(), kind.to_owned())).or_default() += tally;
        }
    }

    /// Writes them down and begins anew; what could not be written is counted on.
    pub async fn write(&self, db: &mut PgConnection) -> Result<()> {
        let taken = std::mem::take(&mut *self.lock());
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
