//! `peer`: Facteur as one contestant of a side-by-side benchmark of job queues (`./dev bench peers FOLDER`), and the
//! worker of `./dev bench jobs` that notes when a job begins.
//!
//! What to do stands in `BENCH_…` variables. `peer setup` migrates the database, `peer enqueue` puts jobs in,
//! `peer work` is the product's worker process with one kind of its own, until SIGTERM.

mod enqueue;
mod job;
mod params;

use params::Params;
use shared::kernel::config::Config;
use shared::kernel::telemetry;
use shared::platform::{Platform, schema};
use tokio::signal::unix::{SignalKind, signal};
use worker::process::Process;
use worker::registry::Registry;
use worker::{lanes, smtp::Smtp};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let params = Params::from_env()?;
    match std::env::args().nth(1).as_deref() {
        Some("setup") => setup(params.config(2)?).await,
        Some("enqueue") => enqueue::run(&Platform::new(params.config(params.callers)?)?, &params).await,
        Some("work") => work(&params).await,
        Some("version") => {
            println!("facteur {}", shared::platform::jobs::VERSION);
            Ok(())
        }
        _ => anyhow::bail!("peer setup|enqueue|work|version, with its parameters in BENCH_… variables"),
    }
}

async fn setup(config: Config) -> anyhow::Result<()> {
    let platform = Platform::new(config)?;
    schema::migrate(&platform, |step| eprintln!("{}", step.name)).await.map_err(|e| anyhow::anyhow!("{e}"))?;
    platform.db.close().await;
    Ok(())
}

async fn work(params: &Params) -> anyhow::Result<()> {
    let config = params.config(10)?;
    telemetry::start(&config.telemetry);
    job::note_in(&params.records, params.work)?;
    let lanes = lanes::parse(&config.worker.lanes).map_err(anyhow::Error::msg)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let smtp = Smtp::new(&config.mail)?;
    let registry = Registry::default().with::<job::BenchJob>();
    let process = Process::start(Platform::new(config)?, registry, smtp, lanes).await?;
    tokio::select! {
        () = process.pulse() => {}
        _ = terminate.recv() => {}
    }
    process.shut_down().await;
    Ok(())
}
