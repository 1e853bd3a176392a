//! Enqueue from Rust: one job a transaction from many callers, and 500 a transaction.

use std::time::{Duration, Instant};

use shared::kernel::ids::JobId;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, enqueue, enqueue_all};
use shared::platform::tx::Tx;

use crate::Options;
use crate::meter::Stores;
use crate::report::Report;
use crate::stage::Stage;

/// Callers at once.
pub const CALLERS: usize = 32;
/// Jobs of one transaction in bulk.
const BULK: usize = 500;

/// Both ways, and what a waiting job costs Redis.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut stores = Stores::new(&stage.platform.db).await?;
    report.put("enqueue, one a transaction, 32 callers", "jobs/s", singly(stage, options.jobs / 4).await?);
    stage.clear().await?;
    let before = stores.read().await?;
    let began = Instant::now();
    let ids = bulk(stage, &ok(), options.jobs).await?;
    report.put("enqueue, 500 a transaction", "jobs/s", ids.len() as f64 / began.elapsed().as_secs_f64());
    let after = stores.read().await?;
    report.put("Redis memory per waiting job", "B", (after.held - before.held) / ids.len() as f64);
    Ok(())
}

/// A no-op whose payload is 200 bytes.
pub fn ok() -> Probe {
    Probe { mode: ProbeMode::Ok, n: None, note: Some("x".repeat(176)) }
}

/// Enqueues in bulk; every ticket is in Redis when it returns.
pub async fn bulk(stage: &Stage, job: &Probe, jobs: usize) -> anyhow::Result<Vec<JobId>> {
    let mut ids = Vec::with_capacity(jobs);
    while ids.len() < jobs {
        let mut tx = Tx::begin(&stage.platform).await?;
        let new = (ids.len()..jobs).take(BULK).map(|_| NewJob::of(job)).collect::<Result<Vec<_>, _>>()?;
        ids.extend(enqueue_all(&mut tx, new).await?);
        tx.commit().await?;
    }
    stage.platform.tickets.flush(Duration::from_secs(30)).await;
    Ok(ids)
}

async fn singly(stage: &Stage, jobs: usize) -> anyhow::Result<f64> {
    let mut connections = Vec::new(); // opened before the clock starts
    for _ in 0..CALLERS {
        connections.push(stage.platform.db.acquire().await?);
    }
    drop(connections);
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let platform = stage.platform.clone();
        callers.spawn(async move {
            for _ in 0..jobs / CALLERS {
                let mut tx = Tx::begin(&platform).await?;
                enqueue(&mut tx, &ok()).await?;
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok((jobs / CALLERS * CALLERS) as f64 / began.elapsed().as_secs_f64())
}
