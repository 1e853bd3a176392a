//! `./dev bench jobs`: what the queue does on this machine, with real stores and the real binaries. (`./dev bench
//! invoices`, `exports` and `dashboard` are benches of their own, in files of their names.)
//!
//! Every figure is the median of the rounds, each on a fresh database, with the load average of its time beside it. One
//! file per family: `enqueue`, `rest` and `ingest` (Stripe's events) put jobs in, `drain` and `backlog` take them out,
//! `idle`, `latency`, `recovery` say what a user notices. `meter` reads what processes and stores consumed, `stage` holds
//! a round's stores and workers.

mod backlog;
mod dashboard;
mod drain;
mod enqueue;
mod exports;
mod idle;
mod ingest;
mod invoices;
mod latency;
mod meter;
mod recovery;
mod report;
mod rest;
mod stage;

use report::Report;
use stage::Stage;

const USAGE: &str = "bench jobs [--jobs N] [--rounds N] [--seconds N] [--only WHAT,…] [--full] [--json FILE]
  --jobs N      jobs of a drain and of a bulk enqueue (20000)
  --rounds N    each figure is the median of so many rounds (3)
  --seconds N   of each latency run (10)
  --only WHAT   enqueue, rest, ingest, drain, idle, latency, recovery, backlog, finished
  --full        also 1,000,000 waiting (backlog) and 5,000,000 finished rows in the ledger (finished); minutes a round
  --json FILE   the figures with all their values";

/// What is measured, in this order.
const FAMILIES: [&str; 9] =
    ["enqueue", "rest", "ingest", "drain", "idle", "latency", "recovery", "backlog", "finished"];

/// What was asked for.
pub struct Options {
    /// Jobs of a drain.
    pub jobs: usize,
    /// Times each figure is taken.
    pub rounds: usize,
    /// Length of a latency run.
    pub seconds: u64,
    /// The long ones too.
    pub full: bool,
    only: Vec<String>,
    json: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("invoices") {
        return invoices::run(std::env::args().skip(2).peekable());
    }
    if std::env::args().nth(1).as_deref() == Some("exports") {
        return exports::run(std::env::args().skip(2)).await;
    }
    if std::env::args().nth(1).as_deref() == Some("dashboard") {
        return dashboard::run(std::env::args().skip(2)).await;
    }
    let options = options()?;
    let mut report = Report::default();
    for round in 1..=options.rounds {
        for family in FAMILIES.iter().filter(|family| options.wants(family)) {
            eprintln!("round {round} of {}: {family}, load average {}", options.rounds, report::load());
            let stage = Stage::new().await?;
            match *family {
                "enqueue" => enqueue::measure(&stage, &options, &mut report).await?,
                "rest" => rest::measure(&stage, &options, &mut report).await?,
                "ingest" => ingest::measure(&stage, &options, &mut report).await?,
                "drain" => drain::measure(&stage, &options, &mut report).await?,
                "idle" => idle::measure(&stage, &mut report).await?,
                "latency" => latency::measure(&stage, &options, &mut report).await?,
                "recovery" => recovery::measure(&stage, &mut report).await?,
                "backlog" => backlog::waiting(&stage, &options, &mut report).await?,
                _ => backlog::finished(&stage, &options, &mut report).await?,
            }
            stage.close().await?;
        }
    }
    report.print(&options);
    match &options.json {
        Some(file) => report.write(file, &options),
        None => Ok(()),
    }
}

impl Options {
    fn wants(&self, family: &str) -> bool {
        if self.only.is_empty() { family != "finished" || self.full } else { self.only.iter().any(|o| o == family) }
    }
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { jobs: 20_000, rounds: 3, seconds: 10, full: false, only: Vec::new(), json: None };
    let mut args = std::env::args().skip(1);
    anyhow::ensure!(args.next().as_deref() == Some("jobs"), "{USAGE}");
    while let Some(name) = args.next() {
        let mut value = || args.next().ok_or_else(|| anyhow::anyhow!("{name} needs a value\n{USAGE}"));
        match name.as_str() {
            "--help" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            "--full" => options.full = true,
            "--jobs" => options.jobs = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--json" => options.json = Some(value()?),
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            _ => anyhow::bail!("{name} is not known\n{USAGE}"),
        }
    }
    let unknown = options.only.iter().find(|only| !FAMILIES.contains(&only.as_str()));
    anyhow::ensure!(unknown.is_none(), "--only {}: there is no such measurement\n{USAGE}", unknown.expect("some"));
    anyhow::ensure!(
        options.jobs >= 1000 && options.rounds > 0 && options.seconds > 0,
        "too little to measure\n{USAGE}"
    );
    Ok(options)
}
