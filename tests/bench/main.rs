//! `./dev bench jobs`: what the queue does on this machine, with real stores and the real worker binary.
//!
//! Every figure is the median of the rounds (default 3), each on a fresh database, with the load average beside it.
//! Times of jobs are the database's: from the first claim to the last settlement, commits included.

mod measure;
mod stage;

use std::time::Duration;

use serde_json::json;
use stage::Stage;

const USAGE: &str = "bench jobs [--jobs N] [--rounds N] [--seconds N] [--json FILE]";

struct Options {
    jobs: usize,
    rounds: usize,
    seconds: u64,
    json: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = options()?;
    let mut rows: Vec<(&str, &str, Vec<f64>)> = Vec::new();
    let mut put = |name: &'static str, unit: &'static str, value: f64| match rows.iter_mut().find(|r| r.0 == name) {
        Some(row) => row.2.push(value),
        None => rows.push((name, unit, vec![value])),
    };
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}, load {}", options.rounds, measure::load());
        let stage = Stage::new().await?;
        put(
            "enqueue, one transaction each, 32 callers",
            "jobs/s",
            measure::enqueue_single(&stage, options.jobs / 4).await?,
        );
        stage.clear().await?;
        put("enqueue, 500 a transaction", "jobs/s", measure::enqueue_bulk(&stage, options.jobs).await?);
        for processes in [1, 2] {
            stage.clear().await?;
            measure::enqueue_bulk(&stage, options.jobs).await?;
            let drained = measure::drain(&stage, options.jobs, processes).await?;
            if processes == 1 {
                put("drain, one process", "jobs/s", drained.rate);
                put("CPU of the worker per 1,000 jobs", "ms", drained.worker_cpu_ms);
                put("peak memory of the worker", "MiB", drained.rss_mib);
            } else {
                put("drain, two processes", "jobs/s", drained.rate);
            }
        }
        stage.clear().await?;
        let mut late = measure::latency(&stage, Duration::from_secs(options.seconds)).await?;
        late.sort_by(f64::total_cmp);
        put("commit to settled at 100/s, p50", "ms", late[late.len() / 2]);
        put("commit to settled at 100/s, p99", "ms", late[late.len() * 99 / 100]);
        stage.close().await?;
    }
    report(&rows, &options)
}

fn report(rows: &[(&str, &str, Vec<f64>)], options: &Options) -> anyhow::Result<()> {
    let mut table = Vec::new();
    println!("{:<44} {:>12} {:>12} {:>12}", "", "median", "lowest", "highest");
    for (name, unit, values) in rows {
        let mut values = values.clone();
        values.sort_by(f64::total_cmp);
        let (low, median, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        println!("{name:<44} {median:>12.1} {low:>12.1} {high:>12.1} {unit}");
        table.push(json!({ "name": name, "unit": unit, "median": median, "values": values }));
    }
    println!("{} jobs of 200 B, {} rounds, load average {}", options.jobs, options.rounds, measure::load());
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&json!({ "load": measure::load(), "rows": table }))?)?;
    }
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { jobs: 20_000, rounds: 3, seconds: 10, json: None };
    let mut args = std::env::args().skip(1);
    anyhow::ensure!(args.next().as_deref() == Some("jobs"), "{USAGE}");
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| anyhow::anyhow!("{name} needs a value. {USAGE}"))?;
        match name.as_str() {
            "--jobs" => options.jobs = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            "--json" => options.json = Some(value),
            _ => anyhow::bail!("{name} is not known. {USAGE}"),
        }
    }
    Ok(options)
}
