//! Puts jobs in: one by one from many callers, many a transaction, or at a rate. Timed without start-up, tickets included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::platform::Platform;
use shared::platform::jobs::{NewJob, enqueue_all, enqueue_now};
use shared::platform::tx::Tx;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::job::{BenchJob, append_to, note, unix_ns};
use crate::params::Params;

/// One caller keeps up with so many jobs a second; a higher rate has more of them.
const PACE: f64 = 50.0;

/// Enqueues what was asked for and prints how long it took.
pub async fn run(platform: &Platform, params: &Params) -> anyhow::Result<()> {
    let mut connections = Vec::new();
    for _ in 0..at_once(params) {
        connections.push(platform.db.acquire().await?);
    }
    drop(connections);
    let started = Instant::now();
    if params.rate > 0.0 {
        paced(platform, params).await?;
    } else if params.bulk {
        bulk(platform, params).await?;
    } else {
        singly(platform, params).await?;
    }
    platform.tickets.flush(Duration::from_secs(30)).await;
    println!(r#"{{"n":{},"seconds":{}}}"#, params.jobs, started.elapsed().as_secs_f64());
    Ok(())
}

/// As many as call at the same time.
fn at_once(params: &Params) -> u64 {
    match params {
        Params { rate, .. } if *rate > 0.0 => (rate / PACE).ceil() as u64,
        Params { bulk: true, .. } => 1,
        Params { callers, .. } => u64::from(*callers),
    }
}

async fn put(platform: &Platform, id: u64, payload: usize) -> anyhow::Result<()> {
    enqueue_now(platform, &BenchJob::new(id, payload)).await?;
    Ok(())
}

async fn singly(platform: &Platform, params: &Params) -> anyhow::Result<()> {
    let (next, end, payload) =
        (Arc::new(AtomicU64::new(params.first_id)), params.first_id + params.jobs, params.payload);
    let mut callers = JoinSet::new();
    for _ in 0..at_once(params) {
        let (platform, next) = (platform.clone(), next.clone());
        callers.spawn(async move {
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id >= end {
                    return anyhow::Ok(());
                }
                put(&platform, id, payload).await?;
            }
        });
    }
    all(callers).await
}

async fn bulk(platform: &Platform, params: &Params) -> anyhow::Result<()> {
    let ids: Vec<u64> = (params.first_id..params.first_id + params.jobs).collect();
    for chunk in ids.chunks(params.bulk_size) {
        let mut tx = Tx::begin(platform).await?;
        let jobs = chunk.iter().map(|id| NewJob::of(&BenchJob::new(*id, params.payload)));
        enqueue_all(&mut tx, jobs.collect::<Result<_, _>>()?).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Each job at its time, noting when the call began and when it returned.
async fn paced(platform: &Platform, params: &Params) -> anyhow::Result<()> {
    let sent = Arc::new(append_to(&params.sent)?);
    let (started, rate, callers) = (Instant::now(), params.rate, at_once(params));
    let mut running = JoinSet::new();
    for caller in 0..callers {
        let (platform, sent) = (platform.clone(), sent.clone());
        let (jobs, first_id, payload) = (params.jobs, params.first_id, params.payload);
        running.spawn(async move {
            for n in (caller..jobs).step_by(callers as usize) {
                tokio::time::sleep_until(started + Duration::from_secs_f64(n as f64 / rate)).await;
                let before = unix_ns();
                put(&platform, first_id + n, payload).await?;
                note(&sent, [first_id + n, before, unix_ns()]);
            }
            anyhow::Ok(())
        });
    }
    all(running).await
}

async fn all(mut tasks: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
