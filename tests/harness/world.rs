//! A world to break: API and worker processes, a relay, and people who write. `judge.rs` ends a scenario.

use std::time::{Duration, Instant};

use shared::kernel::ids::JobId;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{Job, NewJob, enqueue_all};
use tokio::process::Child;

use crate::crowd::Crowd;
use crate::process::eventually;
use crate::stage::Stage;

/// What differs in every world: people write a lot, and a refused mail is tried again soon.
const USUAL: &[(&str, &str)] = &[("RATE_LIMIT_FORMS", "1000000/1h"), ("MAIL_RETRY_BASE_SECONDS", "1")];

/// Everything a scenario needs.
pub struct World {
    /// API processes.
    pub apis: Vec<Child>,
    /// Their addresses.
    pub doors: Vec<String>,
    /// Worker processes.
    pub workers: Vec<Child>,
    /// People who write through the doors.
    pub crowd: Crowd,
    /// Stores, relay, environment.
    pub stage: Stage,
    /// Mails queued without the API.
    pub(crate) mails: usize,
    /// Jobs that must succeed.
    pub owed: Vec<JobId>,
    pub(crate) fault: (&'static str, &'static str),
    pub(crate) recovery: Option<Duration>,
    pub(crate) told: bool,
}

impl World {
    /// A world for one fault, nothing started yet, with some variables changed.
    pub async fn new(id: &'static str, fault: &'static str, changes: &[(&str, &str)]) -> Self {
        Self::on(Stage::new(&[USUAL, changes].concat()).await, id, fault)
    }

    /// The same on a database elsewhere.
    pub async fn at(url: &str, id: &'static str, fault: &'static str, changes: &[(&str, &str)]) -> Self {
        Self::on(Stage::at(url, &[USUAL, changes].concat()).await, id, fault)
    }

    fn on(stage: Stage, id: &'static str, fault: &'static str) -> Self {
        let (apis, doors, workers, owed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (crowd, fault) = (Crowd::default(), (id, fault));
        Self { apis, doors, workers, crowd, stage, mails: 0, owed, fault, recovery: None, told: false }
    }

    /// Starts an API and so many workers, and people begin to write: work is in progress when mails arrive.
    pub async fn open(&mut self, workers: usize, people_per_second: u32) {
        self.add_api().await;
        for _ in 0..workers {
            self.workers.push(self.stage.worker());
        }
        self.crowd.start(people_per_second);
        self.progress(Duration::from_secs(60), 5).await;
    }

    /// One more API, at whose door people knock too.
    pub async fn add_api(&mut self) {
        let (api, door) = self.stage.api().await;
        self.apis.push(api);
        self.doors.push(door);
        self.crowd.knock_at(&self.doors);
    }

    /// Mails committed without the API.
    pub async fn queue_mails(&mut self, count: usize) {
        self.stage.queue_more_mails(self.mails, count).await;
        self.mails += count;
    }

    /// Probes committed without the API. Those that can succeed must.
    pub async fn probes(&mut self, count: usize, mode: ProbeMode, n: u64) -> Vec<JobId> {
        let ids = self.jobs(count, &Probe { mode, n: Some(n), note: None }).await;
        if matches!(mode, ProbeMode::Ok | ProbeMode::Sleep) {
            self.owed.extend(&ids);
        }
        ids
    }

    /// The same job so many times.
    pub async fn jobs<J: Job>(&self, count: usize, job: &J) -> Vec<JobId> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let mut tx = self.stage.begin().await;
            let jobs = (0..(count - ids.len()).min(5000)).map(|_| NewJob::of(job).expect("a job")).collect();
            ids.extend(enqueue_all(&mut tx, jobs).await.expect("jobs"));
            tx.commit().await.expect("a commit");
        }
        ids
    }

    /// Waits until so many more mails have arrived. Gives the time that took.
    pub async fn progress(&self, within: Duration, mails: usize) -> Duration {
        let (from, before) = (Instant::now(), self.stage.relay.count());
        let question = format!("{mails} more mails arrive; log: {}", self.stage.log.display());
        eventually(within, &question, || async { self.stage.relay.count() >= before + mails }).await;
        from.elapsed()
    }

    /// The fault is over: work must go on within this time. Notes how long it took.
    pub async fn recovers(&mut self, within: Duration) {
        let took = self.progress(within, 1).await;
        self.recovered(took);
    }

    /// How long the recovery took, measured by the scenario itself.
    pub fn recovered(&mut self, took: Duration) {
        self.recovery = Some(took);
    }

    /// Jobs in the hands of workers, with their fences.
    pub async fn held(&self) -> Vec<(uuid::Uuid, i32)> {
        let held = "select id, fence from jobs where state = 'running'";
        sqlx::query_as(held).fetch_all(&self.stage.platform.db).await.expect("the running jobs")
    }

    /// Waits until none of these is where it was. Notes how long it took.
    pub async fn moved_on(&mut self, held: &[(uuid::Uuid, i32)], within: Duration) {
        let (ids, fences): (Vec<_>, Vec<_>) = held.iter().copied().unzip();
        let from = Instant::now();
        let question = format!("{} jobs run elsewhere; log: {}", held.len(), self.stage.log.display());
        eventually(within, &question, || async {
            let there =
                "select count(*) from jobs join unnest($1::uuid[], $2::int[]) as h (id, fence) using (id, fence)
                         where state in ('running', 'queued')";
            let there: sqlx::Result<i64> =
                sqlx::query_scalar(there).bind(&ids).bind(&fences).fetch_one(&self.stage.platform.db).await;
            there.is_ok_and(|there| there == 0)
        })
        .await;
        self.recovered(from.elapsed());
    }

    /// What waits on purpose at the end is no longer wanted.
    pub async fn cancel_the_rest(&self) {
        let cancel = "update jobs set state = 'cancelled', finished_at = now() where state in ('queued', 'scheduled', 'retrying')";
        sqlx::query(cancel).execute(&self.stage.platform.db).await.expect("cancelled");
    }
}
