//! Probes: jobs that do what they are told, so that operators see the queue at work without touching business data.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::config::Env;
use shared::kernel::ids::JobId;
use shared::kernel::{Error, Result};
use shared::platform::audit::Severity;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{Lane, NewJob, enqueue_all};
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
    /// `sleep`: milliseconds, at most a day; `fail_n`: how many times.
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
}

/// Probes enqueued.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Probes {
    /// How many.
    count: usize,
    /// The first hundred, in the order of arrival.
    jobs: Vec<JobId>,
}

/// Enqueues probes.
pub(super) async fn enqueue(State(app): State<App>, post: Post<ProbeOrder>) -> Answer {
    if post.body.mode == ProbeMode::Abort && app.platform.config.env == Env::Production {
        return Err(Error::field("mode", "choice", "abort is refused in production").into());
    }
    let (lane, new) = post.body.jobs()?;
    let mut tx = post.begin().await?;
    let mut jobs = enqueue_all(&mut tx, new).await?;
    let (count, first) = (jobs.len(), jobs[0]);
    let details = json!({ "mode": post.body.mode, "lane": lane.name(), "count": count });
    super::note(&mut tx, "JOBS_PROBED", Severity::Low, first, details).await?;
    jobs.truncate(100);
    let location = (count == 1).then(|| super::location(first));
    post.accepted(tx, location, &Probes { count, jobs }).await
}

impl ProbeOrder {
    fn jobs(&self) -> Result<(Lane, Vec<NewJob>)> {
        let name = self.lane.as_deref().unwrap_or(Lane::Default.name());
        let lane: Lane = name.parse().map_err(|e| Error::field("lane", "choice", e))?;
        let (mode, n, note) = (self.mode, self.n, self.note.clone());
        let probe = Probe { mode, n, note };
        let jobs = (0..self.count.unwrap_or(1)).map(|_| Ok(NewJob::of(&probe)?.lane(lane)));
        Ok((lane, jobs.collect::<Result<_>>()?))
    }
}
