//! The command line: `facteur`. A file or folder here is one command; every one of them can be run by a script (exit codes of
//! sysexits.h, answers on standard output, complaints on standard error).

mod batches;
mod doctor;
mod errors;
pub mod exit;
mod exports;
mod invoice;
mod jobs;
mod kinds;
mod migrate;
mod openapi;
mod pages;
mod queues;
mod retry;
mod schedules;
mod seed;
mod serve;
mod show;
mod stripe;
mod text;
mod users;
mod wait;
mod which;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::kernel::config::Config;
use shared::platform::tx::{Origin, Tx};
use shared::platform::{Platform, schema, store};

use self::exit::Failure;

/// Facteur: a platform whose every slow duty is a job.
///
/// One program serves the REST API and the dashboard, and does what an operator does by hand. Jobs are run by its
/// sister, `facteur-worker`. Everything is configured by the environment; `facteur doctor` tells what is missing.
#[derive(Parser)]
#[command(
    name = "facteur",
    version,
    arg_required_else_help = true,
    after_long_help = "\
From nothing to a running installation:
  export DATABASE_URL=postgres://facteur:secret@127.0.0.1/facteur REDIS_URL=redis://127.0.0.1
  facteur migrate                                        make the tables
  facteur doctor                                         test every connection
  facteur user add --email ada@example.org --role admin  the first administrator
  facteur serve                                          API on HOST:PORT, dashboard under /admin
  facteur-worker run                                     somebody who does the work

When jobs fail:
  facteur jobs ls --state dead                           what died, and of what
  facteur jobs show 01890a5d-ac96-774b-bcce-b302099a8057 every attempt of one
  facteur errors ls                                      what fails, in groups
  facteur jobs retry --state dead --kind email.send      all of them again, after a look
  facteur kinds hold email.send --reason 'relay is down' nobody claims this kind any more

Exit codes: 0 done, 64 wrong usage, 65 the data does not allow it, 69 a store or port is not to be had,
70 our own fault, 77 not allowed, 78 the configuration is wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the dashboard until SIGTERM
    ///
    /// Refuses to start when the database is older than this program. On SIGTERM or SIGINT it stops accepting,
    /// finishes what was begun (10 s at most) and exits with 0; a second signal ends it at once.
    #[command(after_help = "Example:\n  PORT=8080 METRICS_PORT=9100 facteur serve")]
    Serve,
    /// Bring the database to this version
    ///
    /// Applies the migrations it lacks and writes the recurring duties. Any number of processes may run it at once.
    #[command(after_help = "Example:\n  facteur migrate && facteur serve")]
    Migrate,
    /// Put in sample users for development, one of each role
    #[command(after_help = "Example:\n  SEED_PASSWORD=correct-horse facteur seed")]
    Seed(seed::Args),
    /// Test every connection and setting, and say what to do
    #[command(after_help = "Example:\n  facteur doctor || echo \"not ready ($?)\"")]
    Doctor,
    /// Manage accounts
    #[command(subcommand)]
    User(users::Command),
    /// Look at jobs and bring them back
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Look at recurring duties, stop them, run one now
    #[command(subcommand)]
    Schedules(schedules::Command),
    /// Look at failures in groups: what fails, how often, since when
    #[command(subcommand)]
    Errors(errors::Command),
    /// Look at queues; pause, resume and limit them
    #[command(subcommand)]
    Queues(queues::Command),
    /// Look at the kinds of jobs, and hold one back
    #[command(subcommand)]
    Kinds(kinds::Command),
    /// Look at batches of jobs
    #[command(subcommand)]
    Batches(batches::Command),
    /// Keep Stripe in step with what is here, and read what it told us
    #[command(subcommand)]
    Stripe(stripe::Command),
    /// Ask for lists and figures as files, and look at how they come along
    #[command(subcommand)]
    Exports(exports::Command),
    /// Draw or judge an invoice as a file; needs no database
    ///
    /// `facteur-worker`, which stands beside this program, does it: the painters are there.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  facteur invoice render invoice.json -o invoice.pdf
  facteur invoice validate invoice.pdf"
    )]
    Invoice {
        /// What to do, as `facteur-worker invoice --help` says
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Print the OpenAPI document
    #[command(after_help = "Example:\n  facteur openapi > openapi.json")]
    Openapi,
}

/// Runs what the command line says.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let done = match cli.command {
        Command::Serve => serve::run().await,
        Command::Migrate => migrate::run().await,
        Command::Seed(args) => seed::run(args).await,
        Command::Doctor => doctor::run().await,
        Command::User(command) => users::run(command).await,
        Command::Jobs(command) => jobs::run(command).await,
        Command::Schedules(command) => schedules::run(command).await,
        Command::Errors(command) => errors::run(command).await,
        Command::Queues(command) => queues::run(command).await,
        Command::Kinds(command) => kinds::run(command).await,
        Command::Batches(command) => batches::run(command).await,
        Command::Stripe(command) => stripe::run(command).await,
        Command::Exports(command) => exports::run(command).await,
        Command::Invoice { args } => invoice::run(args),
        Command::Openapi => openapi::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format_args!("facteur: {}", failure.text));
            ExitCode::from(failure.code)
        }
    }
}

/// The services of a command that works on a database of this version.
async fn open() -> Result<Platform, Failure> {
    let config = Config::from_env()?;
    schema::check(&mut store::connect(&config).await?).await?;
    Ok(Platform::new(config)?)
}

/// A transaction of whoever sits at this terminal; the audit log knows them by the program alone.
async fn begin(platform: &Platform) -> Result<Tx, Failure> {
    let origin = Origin { user_agent: Some("facteur command line".into()), ..Origin::default() };
    Ok(Tx::begin_for(platform, origin).await?)
}

/// Prints a line of the answer. A reader that has gone away (`| head`) is no error.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints a line that is not the answer: a complaint, a question.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
