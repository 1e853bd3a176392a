//! `facteur jobs`: look at jobs. What changes them is in `retry.rs`, which of them in `which.rs`.

use clap::{Args, Subcommand};
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::admin::{self, JobFilter, JobRow, Sort};

use super::exit::Failure;
use super::pages::Slice;
use super::text::{relative, short};
use super::which::Which;
use super::{open, retry, show};

/// What can be done with jobs.
#[derive(Subcommand)]
pub enum Command {
    /// List jobs, newest first or in another order
    #[command(after_help = "\
Examples:
  facteur jobs ls --state dead
  facteur jobs ls --kind email.send --q example.org --limit 200
  facteur jobs ls --filter 'state:failed kind:email.* args.order.id:42 attempt>2 age<2h'
  facteur jobs ls --state blocked --key example.org
  facteur jobs ls --kind invoice.render --sort=-duration
  facteur jobs ls --state retrying --json | jq -r '.data[].id'")]
    Ls(Ls),
    /// Show one job with every attempt
    #[command(after_help = "Example:\n  facteur jobs show 01890a5d-ac96-774b-bcce-b302099a8057")]
    Show {
        /// Its id
        id: JobId,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring jobs back: one, or all that match
    #[command(after_help = "\
Examples:
  facteur jobs retry 01890a5d-ac96-774b-bcce-b302099a8057
  facteur jobs retry --state dead --kind email.send        shows how many, then asks
  facteur jobs retry --error 5d41402abc4b2a76b9719d911017c592  all that one failure holds up
  facteur jobs retry --state dead --lane documents --yes   for scripts")]
    Retry(retry::Retry),
    /// Enqueue a harmless job that does what it is told, to watch retry, time-out and dead letter
    #[command(after_help = "\
Examples:
  facteur jobs probe ok --count 100
  facteur jobs probe fail_n --n 2            fails twice, then succeeds
  facteur jobs probe sleep --n 30000 --lane email
Beware: `abort` takes a worker process down, three times before its job is quarantined.")]
    Probe(retry::Probe),
}

/// `jobs ls`.
#[derive(Args)]
pub struct Ls {
    #[command(flatten)]
    which: Which,
    /// By what: age, duration, attempts; with - in front the greatest first
    #[arg(long, value_name = "ORDER", default_value = "age", allow_hyphen_values = true, value_parser = Sort::ALL.map(Sort::name))]
    sort: String,
    #[command(flatten)]
    slice: Slice,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls(args) => list(&platform, args).await?,
        Command::Show { id, json } => show::job(&platform, id, json).await?,
        Command::Retry(args) => retry::retry(&platform, args).await?,
        Command::Probe(args) => retry::probe(&platform, args).await?,
    }
    platform.tickets.flush(std::time::Duration::from_secs(2)).await;
    Ok(())
}

async fn list(platform: &Platform, args: Ls) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let sort = Sort::ALL.into_iter().find(|sort| sort.name() == args.sort);
    let filter = JobFilter { sort, ..args.which.filter() }.checked()?;
    let page = admin::list(&mut db, &filter, args.slice.request()?).await?;
    let now = platform.clock.now();
    let line = |row: &JobRow| {
        vec![
            row.id.to_string(),
            row.state.clone(),
            row.kind.clone(),
            row.lane.clone(),
            format!("{}/{}", row.attempt, row.max_attempts),
            relative(now, row.created_at),
            relative(now, row.finished_at.unwrap_or(row.run_at)),
            short(row.key_argument.as_deref(), 30),
            short(row.last_error.as_deref(), 80),
        ]
    };
    let head = ["ID", "STATE", "KIND", "LANE", "ATTEMPT", "ENQUEUED", "ENDED/DUE", "ABOUT", "LAST ERROR"];
    args.slice.print(&page, "no job matches", &head, line)
}
