//! Probes: jobs that do what they are told, so that operators see the queue at work without touching business data.

use std::time::Duration;

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::config::Env;
use shared::kernel::ids::{BatchId, JobId};
use shared::kernel::{Error, Result};
use shared::platform::audit::Severity;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{Lane, NewJob, batches, enqueue_all};
use validator::Validate;

use crate::app::App;
use crate::error::Answer;
use crate::extract::Post;

/// Probes to enqueue.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeOrder {
    /// What each does. `abort` takes its worker down and is refused in production.
    mode: ProbeMode,
    /// `sleep`: milliseconds, at most a day; `fail_n`: how many times; `retry_after` and `snooze`: seconds.
    #[validate(range(max = 86_400_000))]
    n: Option<u64>,
    /// How many, 1 when absent.
    #[validate(range(min = 1, max = 10_000))]
    count: Option<u32>,
    /// Filler for the payload.
    #[validate(length(max = 2000))]
    note: Option<String>,
    /// Where they wait, `default` when absent.
    lane: Option<String>,
    /// Lower runs sooner; a step weighs a minute of waiting.
    #[validate(range(min = -1000, max = 1000))]
    priority: Option<i16>,
    /// Not before so many seconds from now.
    #[validate(range(max = MONTH))]
    delay_seconds: Option<u64>,
    /// Cancelled as expired when it still waits after so many seconds.
    #[validate(range(min = 1, max = MONTH))]
    expires_seconds: Option<u64>,
    /// Whose work it is: tenants take turns.
    #[validate(length(min = 1, max = 200))]
    tenant: Option<String>,
    /// Probes of one key run at most `key_limit` at once.
    #[validate(length(min = 1, max = 200))]
    key: Option<String>,
    /// 1 when absent.
    #[validate(range(min = 1, max = 10_000))]
    key_limit: Option<u32>,
    /// A second probe with this key is the first one.
    #[validate(length(min = 1, max = 200))]
    unique_key: Option<String>,
    /// They become one batch of this name, with one more probe that runs when all are final.
    #[validate(length(min = 1, max = 200))]
    batch: Option<String>,
}

/// Thirty days, in seconds.
const MONTH: u64 = 2_592_000;

/// Probes enqueued.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Probes {
    /// How many.
    count: usize,
    /// The first hundred, in the order of arrival.
    jobs: Vec<JobId>,
    /// The batch they are.
    batch: Option<BatchId>,
    /// The probe that runs when all of the batch are final.
    callback: Option<JobId>,
}

/// Enqueues probes.
pub(super) async fn enqueue(State(app): State<App>, post: Post<ProbeOrder>) -> Answer {
    if post.body.mode == ProbeMode::Abort && app.platform.config.env == Env::Production {
        return Err(Error::field("mode", "choice", "abort is refused in production").into());
    }
    let (lane, new) = post.body.jobs()?;
    let mut tx = post.begin().await?;
    let (mut jobs, batch, callback) = match &post.body.batch {
        Some(name) => {
            let batch = batches::enqueue(&mut tx, name, new, Some(callback(name)?.lane(lane))).await?;
            (batch.jobs, Some(batch.id), batch.callback)
        }
        None => (enqueue_all(&mut tx, new).await?, None, None),
    };
    jobs.dedup(); // of one unique key
    let (count, first) = (jobs.len(), jobs[0]);
    let details = json!({ "mode": post.body.mode, "lane": lane.name(), "count": count, "batch": post.body.batch });
    super::note(&mut tx, "JOBS_PROBED", Severity::Low, first, details).await?;
    jobs.truncate(100);
    let location = (count == 1).then(|| super::location(first));
    post.accepted(tx, location, &Probes { count, jobs, batch, callback }).await
}

fn callback(batch: &str) -> Result<NewJob> {
    let probe = Probe { mode: ProbeMode::Ok, n: None, note: None };
    Ok(NewJob::of(&probe)?.named(&format!("after batch {batch}")))
}

impl ProbeOrder {
    fn jobs(&self) -> Result<(Lane, Vec<NewJob>)> {
        let name = self.lane.as_deref().unwrap_or(Lane::Default.name());
        let lane: Lane = name.parse().map_err(|e| Error::field("lane", "choice", e))?;
        let (mode, n, note) = (self.mode, self.n, self.note.clone());
        let probe = Probe { mode, n, note };
        if self.key.is_none() && self.key_limit.is_some() {
            return Err(Error::field("key", "required", "is missing: it is what the limit is for"));
        }
        let jobs = (0..self.count.unwrap_or(1)).map(|_| Ok(self.dressed(NewJob::of(&probe)?.lane(lane))));
        Ok((lane, jobs.collect::<Result<_>>()?))
    }

    /// With what the order says beyond mode and lane.
    fn dressed(&self, job: NewJob) -> NewJob {
        let mut job = job.priority(self.priority.unwrap_or_default()).tenant(self.tenant.clone());
        if let Some(seconds) = self.delay_seconds {
            job = job.after(Duration::from_secs(seconds));
        }
        if let Some(seconds) = self.expires_seconds {
            job = job.expires_after(Duration::from_secs(seconds));
        }
        if let Some(key) = &self.key {
            job = job.keyed(key, self.key_limit.unwrap_or(1));
        }
        if let Some(key) = &self.unique_key {
            job = job.unique(key);
        }
        job
    }
}
