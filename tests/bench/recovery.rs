//! A worker is killed when half of its jobs are done, and started again at once: how long until the last one is done?

use std::time::Duration;

use shared::platform::jobs::kinds::{Probe, ProbeMode};

use crate::enqueue::bulk;
use crate::report::Report;
use crate::stage::{Stage, stop};

const JOBS: usize = 2000;
const SLOTS: usize = 24;

/// One kill.
pub async fn measure(stage: &Stage, report: &mut Report) -> anyhow::Result<()> {
    let job = Probe { mode: ProbeMode::Sleep, n: Some(10), note: Some("x".repeat(160)) };
    bulk(stage, &job, JOBS).await?;
    let mut worker = stage.worker(SLOTS)?;
    stage.until("select count(*) >= 1000 from jobs where state = 'succeeded'", Duration::from_secs(60)).await?;
    worker.kill().await?;
    let (killed, held): (chrono::DateTime<chrono::Utc>, i64) =
        sqlx::query_as("select clock_timestamp(), count(*) from jobs where state = 'running'")
            .fetch_one(&stage.platform.db)
            .await?;
    let worker = stage.worker(SLOTS)?;
    stage.until("select not exists (select from jobs where state <> 'succeeded')", Duration::from_secs(120)).await?;
    let seconds: f64 = sqlx::query_scalar("select extract(epoch from max(finished_at) - $1)::float8 from jobs")
        .bind(killed)
        .fetch_one(&stage.platform.db)
        .await?;
    report.put("kill -9 in mid-drain: held by the killed worker", "jobs", held as f64);
    report.put("kill -9 in mid-drain: until the last job is done", "s", seconds);
    stop(worker).await
}
