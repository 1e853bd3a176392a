//! Drain: workers started on a full lane. Times are the database's, from the first claim to the last settlement.

use std::time::Duration;

use shared::kernel::ids::JobId;

use crate::Options;
use crate::enqueue::{bulk, ok};
use crate::meter::{Reading, Stores, cpu_ms, peak_mib};
use crate::report::Report;
use crate::stage::{Stage, stop};

/// Slots of a worker that drains.
pub const SLOTS: usize = 100;

/// What a drain came to.
pub struct Drained {
    /// Jobs a second.
    pub rate: f64,
    /// CPU of PostgreSQL per 1,000 jobs, in ms.
    pub postgres_ms: f64,
    redis_ms: f64,
    worker_ms: f64,
    commands: f64,
    bytes: f64,
    peak_mib: f64,
}

/// One process, then two.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut stores = Stores::new(&stage.platform.db).await?;
    let ids = bulk(stage, &ok(), options.jobs).await?;
    let one = drain(stage, &mut stores, &ids, 1).await?;
    report.put("drain, one process", "jobs/s", one.rate);
    report.put("CPU per 1,000 jobs: worker, its start included", "ms", one.worker_ms);
    report.put("CPU per 1,000 jobs: PostgreSQL", "ms", one.postgres_ms);
    report.put("CPU per 1,000 jobs: Redis", "ms", one.redis_ms);
    report.put("CPU per 1,000 jobs: all three", "ms", one.worker_ms + one.postgres_ms + one.redis_ms);
    report.put("Redis commands per 1,000 drained jobs", "", one.commands);
    report.put("Redis bytes per drained job", "B", one.bytes / 1000.0);
    report.put("peak memory of a worker that drains", "MiB", one.peak_mib);
    report.put("keys in Redis after the drain", "", stores.keys(stage.namespace()).await? as f64);
    stage.clear().await?;
    let ids = bulk(stage, &ok(), options.jobs).await?;
    report.put("drain, two processes", "jobs/s", drain(stage, &mut stores, &ids, 2).await?.rate);
    Ok(())
}

/// Drains what waits. Nothing that is asked meanwhile reads more than a few rows, however long the history is.
pub async fn drain(stage: &Stage, stores: &mut Stores, ids: &[JobId], processes: usize) -> anyhow::Result<Drained> {
    let before = stores.read().await?;
    let workers = (0..processes).map(|_| stage.worker(SLOTS)).collect::<anyhow::Result<Vec<_>>>()?;
    let over = "select not exists (select from jobs where state = 'queued')
                   and not exists (select from jobs where state = 'running')";
    stage.until(over, Duration::from_secs(120)).await?;
    let after = stores.read().await?;
    let pids: Vec<u32> = workers.iter().filter_map(tokio::process::Child::id).collect();
    let worker_ms: f64 = pids.iter().map(|pid| cpu_ms(*pid)).sum();
    let peak_mib = pids.iter().map(|pid| peak_mib(*pid)).fold(0.0, f64::max);
    for worker in workers {
        stop(worker).await?;
    }
    let (done, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), extract(epoch from max(finished_at) - min(started_at))::float8 from jobs
         where id = any($1) and state = 'succeeded'",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_one(&stage.platform.db)
    .await?;
    anyhow::ensure!(done as usize == ids.len(), "{done} of {} jobs succeeded", ids.len());
    let per_1000 = |read: fn(&Reading) -> f64| (read(&after) - read(&before)) * 1000.0 / ids.len() as f64;
    Ok(Drained {
        rate: done as f64 / seconds,
        postgres_ms: per_1000(|reading| reading.postgres_ms),
        redis_ms: per_1000(|reading| reading.redis_ms),
        worker_ms: worker_ms * 1000.0 / ids.len() as f64,
        commands: per_1000(|reading| reading.commands),
        bytes: per_1000(|reading| reading.bytes),
        peak_mib,
    })
}
