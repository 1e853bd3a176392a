//! `facteur-worker`: runs jobs until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use shared::kernel::config::Config;
use shared::kernel::telemetry;
use shared::platform::doctor::{Check, Verdict, examine};
use shared::platform::store::{self, Blame, Trouble};
use shared::platform::{Platform, schema, scrape};
use tokio::signal::unix::{SignalKind, signal};
use worker::lanes;
use worker::process::Process;
use worker::{jobs, papers, smtp::Smtp};

/// Runs the jobs of a Facteur installation. Start as many as you like, on as many machines as you like; kill any of
/// them at any time.
#[derive(Parser)]
#[command(
    name = "facteur-worker",
    version,
    after_help = "\
Examples:
  facteur-worker run                                  serve every lane
  LANES=email:8,default:4 facteur-worker run          two lanes, with their slots
  LANES='email:8,*' facteur-worker run                mails with 8 slots, every other lane with its default
  facteur-worker doctor                               test every connection

Signals:
  SIGTERM, SIGINT   stop taking work, finish what runs (25 s), exit 0; a second one: at once
  SIGUSR1           log what every slot is doing

Exit codes: 0 stopped as asked, 69 a store is away, 70 our own fault, 78 the configuration is wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Takes jobs and runs them until SIGTERM.
    Run,
    /// Tests every connection and says what to do.
    Doctor,
    /// Draws or judges an invoice as a file; needs no database.
    #[command(subcommand)]
    Invoice(papers::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(if error.use_stderr() { 64 } else { 0 })
    });
    if let Command::Invoice(command) = cli.command {
        return papers::run(command);
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => return complain(78, &problems),
    };
    match cli.command {
        Command::Run => run(config).await,
        Command::Doctor => doctor(config).await,
        Command::Invoice(command) => papers::run(command),
    }
}

async fn doctor(config: Config) -> ExitCode {
    let smtp = Smtp::new(&config.mail);
    let platform = match Platform::new(config) {
        Ok(platform) => platform,
        Err(error) => return complain(78, &error),
    };
    let mut checks = examine(&platform).await;
    checks.push(match smtp {
        Err(error) => Check::new("mail", Verdict::Wrong, error.to_string()),
        Ok(smtp) => match smtp.check().await {
            Ok(text) => Check::new("mail", Verdict::Ok, text),
            Err(text) => Check::new("mail", Verdict::Away, text),
        },
    });
    for check in &checks {
        eprintln!("{check}");
    }
    ExitCode::from(if checks.iter().any(Check::failed) { 69 } else { 0 })
}

async fn run(config: Config) -> ExitCode {
    telemetry::start(&config.telemetry);
    let lanes = match lanes::parse(&config.worker.lanes) {
        Ok(lanes) => lanes,
        Err(problem) => return complain(78, &problem),
    };
    let (mut terminate, mut interrupt, mut describe) = match signals() {
        Ok(signals) => signals,
        Err(error) => return complain(70, &error),
    };
    if let Err(trouble) = fits(&config).await {
        return complain(if trouble.blame == Blame::Away { 69 } else { 78 }, &trouble);
    }
    let process = match start(config, lanes).await {
        Ok(process) => process,
        Err(error) => return complain(69, &error),
    };
    loop {
        tokio::select! {
            () = process.pulse() => break,
            _ = describe.recv() => process.describe().iter().for_each(|line| tracing::info!(slot = line, "SIGUSR1")),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tokio::select! {
        () = process.shut_down() => ExitCode::SUCCESS,
        _ = terminate.recv() => complain(70, &"told twice to stop: stopped at once, leases will run out"),
        _ = interrupt.recv() => complain(70, &"told twice to stop: stopped at once, leases will run out"),
    }
}

/// Whether the database answers and is migrated for this version.
async fn fits(config: &Config) -> Result<(), Trouble> {
    let mut db = store::connect(config).await?;
    schema::check(&mut db).await
}

/// A job rather waits for a connection than fails.
const PATIENCE: Duration = Duration::from_secs(5);
/// And rather asks it whether it lives than hangs on it.
const TRUST: Duration = Duration::from_millis(50);

type Signals = (tokio::signal::unix::Signal, tokio::signal::unix::Signal, tokio::signal::unix::Signal);

fn signals() -> std::io::Result<Signals> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::user_defined1())?))
}

async fn start(mut config: Config, lanes: Vec<(shared::platform::jobs::Lane, usize)>) -> anyhow::Result<Process> {
    (config.database.patience, config.database.trust) = (PATIENCE, TRUST);
    let smtp = Smtp::new(&config.mail)?;
    let telemetry = config.telemetry.clone();
    let platform = Platform::new(config)?;
    if let Some(port) = telemetry.metrics_port {
        scrape::start(port, telemetry.metrics_token.clone()).await?;
    }
    Ok(Process::start(platform, jobs::registry(), smtp, lanes).await?)
}

fn complain(code: u8, what: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("facteur-worker: {what}");
    ExitCode::from(code)
}
