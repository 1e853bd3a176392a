//! From just before the transaction that enqueues to the handler's first step, by one clock: that of `peer`, whose two
//! sides are a process that enqueues at a rate and the product's worker with a handler that notes when it began.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::env;

use crate::Options;
use crate::report::Report;
use crate::stage::{Stage, stop};

/// Jobs of a run that warm both sides up and are not counted.
const WARM: u64 = 50;

/// With Redis at two rates, and without it.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let redis = env::needed("TEST_REDIS_URL");
    for (rate, redis, name) in [
        (50, redis.as_str(), "to the start at 50/s"),
        (500, redis.as_str(), "to the start at 500/s"),
        (50, "", "to the start at 50/s, without Redis"),
    ] {
        stage.clear().await?;
        let (starts, calls) = run(stage, rate, redis, options.seconds * rate).await?;
        report.put_percentiles(name, "ms", starts);
        if rate == 50 && !redis.is_empty() {
            report.put_percentiles("of which the call that enqueues", "ms", calls);
        }
    }
    Ok(())
}

/// Milliseconds from the call to the start, and of the call itself.
async fn run(stage: &Stage, rate: u64, redis: &str, jobs: u64) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let folder = Folder::new()?;
    let (sent, records) = (folder.0.join("sent"), folder.0.join("records"));
    let (total, rate) = ((WARM + jobs).to_string(), rate.to_string());
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (sent_path, records_path) = (path(&sent), path(&records));
    let variables = [
        ("BENCH_PG_URL", stage.database.as_str()),
        ("BENCH_REDIS_URL", redis),
        ("BENCH_SENT", &sent_path),
        ("BENCH_RECORDS", &records_path),
        ("BENCH_N", &total),
        ("BENCH_RATE", &rate),
    ];
    let worker = stage.start("peer", "work", &variables)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = stage.start("peer", "enqueue", &variables)?.wait().await?;
    anyhow::ensure!(status.success(), "peer enqueue ended with {status}");
    stage.until("select not exists (select from jobs where state <> 'succeeded')", Duration::from_secs(30)).await?;
    stop(worker).await?;
    let starts: HashMap<u64, u64> = read(&records)?.into_iter().map(|[id, at, _]| (id, at)).collect();
    let (mut late, mut calls) = (Vec::new(), Vec::new());
    for [id, before, after] in read(&sent)?.into_iter().filter(|[id, ..]| *id >= WARM) {
        let start = starts.get(&id).ok_or_else(|| anyhow::anyhow!("job {id} left no record"))?;
        late.push(start.saturating_sub(before) as f64 / 1e6);
        calls.push((after - before) as f64 / 1e6);
    }
    anyhow::ensure!(late.len() as u64 == jobs, "{} of {jobs} jobs were sent", late.len());
    Ok((late, calls))
}

fn read(file: &Path) -> anyhow::Result<Vec<[u64; 3]>> {
    let bytes = std::fs::read(file)?;
    let number =
        |record: &[u8], at: usize| u64::from_le_bytes(record[at * 8..at * 8 + 8].try_into().expect("eight bytes"));
    Ok(bytes.chunks_exact(24).map(|record| [number(record, 0), number(record, 1), number(record, 2)]).collect())
}

/// A folder in memory, removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("facteur-bench-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
