//! The measurements.

use std::time::{Duration, Instant};

use shared::kernel::ids::JobId;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, enqueue, enqueue_all};
use shared::platform::tx::Tx;
use tokio::process::Child;

use crate::stage::Stage;

/// The three load averages.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn probe() -> Probe {
    Probe { mode: ProbeMode::Ok, n: None, note: Some("x".repeat(170)) }
}

/// Single transactions from 32 callers, jobs a second.
pub async fn enqueue_single(stage: &Stage, jobs: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let platform = stage.platform.clone();
        callers.spawn(async move {
            for _ in 0..jobs / 32 {
                let mut tx = Tx::begin(&platform).await?;
                enqueue(&mut tx, &probe()).await?;
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok((jobs / 32 * 32) as f64 / started.elapsed().as_secs_f64())
}

/// 500 jobs a transaction, jobs a second.
pub async fn enqueue_bulk(stage: &Stage, jobs: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    for _ in 0..jobs / 500 {
        let mut tx = Tx::begin(&stage.platform).await?;
        let new = (0..500).map(|_| NewJob::of(&probe())).collect::<Result<Vec<_>, _>>()?;
        enqueue_all(&mut tx, new).await?;
        tx.commit().await?;
    }
    let rate = (jobs / 500 * 500) as f64 / started.elapsed().as_secs_f64();
    stage.platform.tickets.flush(Duration::from_secs(10)).await;
    Ok(rate)
}

/// What a drain came to.
pub struct Drained {
    /// From the first claim to the last settlement.
    pub rate: f64,
    /// User and system time of the workers, per 1,000 jobs.
    pub worker_cpu_ms: f64,
    /// The largest worker.
    pub rss_mib: f64,
}

/// Starts workers on a full lane and waits until it is empty.
pub async fn drain(stage: &Stage, jobs: usize, processes: usize) -> anyhow::Result<Drained> {
    let mut workers = (0..processes).map(|_| stage.worker()).collect::<anyhow::Result<Vec<_>>>()?;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let open: bool = sqlx::query_scalar("select exists (select from jobs where state in ('queued', 'running'))")
            .fetch_one(&stage.platform.db)
            .await?;
        if !open {
            break;
        }
        anyhow::ensure!(Instant::now() < deadline, "the lane did not drain within 120 s");
    }
    let (done, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), extract(epoch from max(finished_at) - min(started_at))::float8 from jobs where state = 'succeeded'",
    )
    .fetch_one(&stage.platform.db)
    .await?;
    anyhow::ensure!(done as usize == jobs / 500 * 500, "{done} of {jobs} jobs succeeded");
    let cpu: f64 = workers.iter().filter_map(|w| w.id()).map(cpu_ms).sum();
    let rss = workers.iter().filter_map(|w| w.id()).map(peak_rss_mib).fold(0.0, f64::max);
    for worker in &mut workers {
        stop(worker).await?;
    }
    Ok(Drained { rate: done as f64 / seconds, worker_cpu_ms: cpu * 1000.0 / done as f64, rss_mib: rss })
}

/// From the return of COMMIT to the beginning of the statement that settles the no-op job: an upper bound of the
/// time to its start. In ms.
pub async fn latency(stage: &Stage, time: Duration) -> anyhow::Result<Vec<f64>> {
    let mut worker = stage.worker()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut committed: Vec<(JobId, chrono::DateTime<chrono::Utc>)> = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let until = Instant::now() + time;
    while Instant::now() < until {
        ticks.tick().await;
        let mut tx = Tx::begin(&stage.platform).await?;
        let id = enqueue(&mut tx, &probe()).await?;
        tx.commit().await?;
        committed.push((id, stage.platform.clock.now()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut late = Vec::new();
    for (id, at) in committed {
        let finished: Option<chrono::DateTime<chrono::Utc>> =
            sqlx::query_scalar("select finished_at from jobs where id = $1")
                .bind(id.0)
                .fetch_one(&stage.platform.db)
                .await?;
        let finished = finished.ok_or_else(|| anyhow::anyhow!("job {id} did not finish"))?;
        late.push((finished - at).num_microseconds().unwrap_or(i64::MAX) as f64 / 1000.0);
    }
    stop(&mut worker).await?;
    Ok(late)
}

async fn stop(worker: &mut Child) -> anyhow::Result<()> {
    harness::process::terminate(worker)?;
    let status = tokio::time::timeout(Duration::from_secs(30), worker.wait()).await??;
    anyhow::ensure!(status.success(), "the worker ended with {status}");
    Ok(())
}

fn cpu_ms(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().filter_map(|&i| fields.get(i)?.parse::<f64>().ok()).sum();
    ticks * 10.0 // a tick is 10 ms on every Linux we run on
}

fn peak_rss_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
