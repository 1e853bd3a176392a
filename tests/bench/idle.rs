//! What a worker costs that serves all lanes and has nothing to do.

use std::time::Duration;

use crate::meter::{Stores, cpu_ms, peak_mib};
use crate::report::Report;
use crate::stage::{Stage, stop};

/// Long enough for the recurring checks to show.
const SECONDS: u64 = 6;

/// Memory, CPU and commands.
pub async fn measure(stage: &Stage, report: &mut Report) -> anyhow::Result<()> {
    let mut stores = Stores::new(&stage.platform.db).await?;
    let worker = stage.start("facteur-worker", "run", &[])?;
    let pid = worker.id().unwrap_or_default();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, worker_before) = (stores.read().await?, cpu_ms(pid));
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    let (after, worker_after) = (stores.read().await?, cpu_ms(pid));
    let per_second = |difference: f64| difference / SECONDS as f64;
    report.put("idle, all lanes: peak memory of the worker", "MiB", peak_mib(pid));
    report.put("idle, all lanes: CPU of the worker", "ms/s", per_second(worker_after - worker_before));
    report.put("idle, all lanes: CPU of PostgreSQL", "ms/s", per_second(after.postgres_ms - before.postgres_ms));
    report.put("idle, all lanes: Redis commands", "/s", per_second(after.commands - before.commands));
    stop(worker).await
}
