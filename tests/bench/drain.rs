//! Drain: workers started on a full lane. Times are the database's, from the first claim to the last settlement.

use std::time::Duration;

use crate::Options;
use crate::enqueue::{bulk, ok};
use crate::meter::{Reading, Stores, cpu_ms, peak_mib};
use crate::report::Report;
use crate::stage::{Stage, stop};

/// Slots of a worker that drains.
pub const SLOTS: usize = 100;

/// One process, then two.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut stores = Stores::new(&stage.platform.db).await?;
    for (processes, name) in [(1, "one process"), (2, "two processes")] {
        stage.clear().await?;
        bulk(stage, &ok(), options.jobs).await?;
        let before = stores.read().await?;
        let (rate, worker_ms, peak) = drain(stage, options.jobs, processes).await?;
        let after = stores.read().await?;
        report.put(format!("drain, {name}"), "jobs/s", rate);
        if processes == 1 {
            consumed(report, &before, &after, worker_ms, options.jobs as f64);
            report.put("peak memory of a worker that drains", "MiB", peak);
            report.put("keys in Redis after the drain", "", stores.keys(stage.namespace()).await? as f64);
        }
    }
    Ok(())
}

fn consumed(report: &mut Report, before: &Reading, after: &Reading, worker_ms: f64, jobs: f64) {
    let (postgres_ms, redis_ms) = (after.postgres_ms - before.postgres_ms, after.redis_ms - before.redis_ms);
    report.put("CPU per 1,000 jobs: worker, its start included", "ms", worker_ms * 1000.0 / jobs);
    report.put("CPU per 1,000 jobs: PostgreSQL", "ms", postgres_ms * 1000.0 / jobs);
    report.put("CPU per 1,000 jobs: Redis", "ms", redis_ms * 1000.0 / jobs);
    report.put("CPU per 1,000 jobs: all three", "ms", (worker_ms + postgres_ms + redis_ms) * 1000.0 / jobs);
    report.put("Redis commands per 1,000 drained jobs", "", (after.commands - before.commands) * 1000.0 / jobs);
    report.put("Redis bytes per drained job", "B", (after.bytes - before.bytes) / jobs);
}

/// Drains what waits. Jobs a second, CPU of the workers in ms, memory of the largest in MiB.
pub async fn drain(stage: &Stage, jobs: usize, processes: usize) -> anyhow::Result<(f64, f64, f64)> {
    let workers = (0..processes).map(|_| stage.worker(SLOTS)).collect::<anyhow::Result<Vec<_>>>()?;
    let over = "select not exists (select from jobs where state in ('queued', 'running'))";
    stage.until(over, Duration::from_secs(120)).await?;
    let (done, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), extract(epoch from max(finished_at) - min(started_at))::float8 from jobs
         where state = 'succeeded' and worker_id <> 'long ago'",
    )
    .fetch_one(&stage.platform.db)
    .await?;
    anyhow::ensure!(done as usize == jobs, "{done} of {jobs} jobs succeeded");
    let cpu = workers.iter().filter_map(|worker| worker.id()).map(cpu_ms).sum();
    let peak = workers.iter().filter_map(|worker| worker.id()).map(peak_mib).fold(0.0, f64::max);
    for worker in workers {
        stop(worker).await?;
    }
    Ok((done as f64 / seconds, cpu, peak))
}
