//! `facteur schedules`: when duties recur; stop one, let it go on, run it now.

use clap::Subcommand;
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::audit::{self, Severity};
use shared::platform::jobs::schedule::{self, Change, ScheduleView};
use shared::platform::tx::{Origin, Tx};

use super::exit::Failure;
use super::text::{json as pretty, relative, short, table};
use super::{open, say};

/// What can be done with schedules.
#[derive(Subcommand)]
pub enum Command {
    /// List schedules by name
    #[command(after_help = "\
Examples:
  facteur schedules ls
  facteur schedules ls --json | jq -r '.data[] | select(.problem) | .name'")]
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Enqueue a schedule's job now, beside its ticks; prints the job's id
    #[command(after_help = "Example:\n  facteur jobs show \"$(facteur schedules run purge)\"")]
    Run {
        /// Its name
        name: String,
    },
    /// Stop a schedule: it does not tick until it is resumed
    #[command(after_help = "Example:\n  facteur schedules pause purge")]
    Pause {
        /// Its name
        name: String,
    },
    /// Let a schedule tick again; what passed meanwhile is not made up for
    #[command(after_help = "Example:\n  facteur schedules resume purge")]
    Resume {
        /// Its name
        name: String,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls { json } => list(&platform, json).await?,
        Command::Run { name } => run_now(&platform, &name).await?,
        Command::Pause { name } => switch(&platform, &name, false).await?,
        Command::Resume { name } => switch(&platform, &name, true).await?,
    }
    platform.tickets.flush(std::time::Duration::from_secs(2)).await;
    Ok(())
}

async fn list(platform: &Platform, json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let schedules = schedule::list(&mut db).await?;
    if json {
        say(pretty(&json!({ "data": schedules }))?);
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |row: &ScheduleView| {
        let next = match (row.enabled, row.next.first()) {
            (false, _) => "paused".to_owned(),
            (true, Some(next)) => relative(now, *next),
            (true, None) => "never".to_owned(),
        };
        let state = row.last_job.as_ref().map(|job| job.state.as_deref().unwrap_or("deleted"));
        vec![
            row.name.clone(),
            row.cron.clone(),
            row.zone.clone(),
            row.kind.clone(),
            next,
            row.last_run_at.map_or_else(|| "-".into(), |at| relative(now, at)),
            state.unwrap_or("-").to_owned(),
            short(row.problem.as_deref().or(row.words.as_ref().map(|words| &*words.en)), 80),
        ]
    };
    let head = ["NAME", "CRON", "ZONE", "KIND", "NEXT", "LAST", "STATE", "IN WORDS"];
    say(table(&head, &schedules.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}

async fn run_now(platform: &Platform, name: &str) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let job = schedule::run_now(&mut tx, name).await?;
    record(&mut tx, "SCHEDULE_RUN", name, json!({ "job": job })).await?;
    tx.commit().await?;
    say(job);
    Ok(())
}

async fn switch(platform: &Platform, name: &str, enabled: bool) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let changed = schedule::change(&mut tx, name, &Change { enabled: Some(enabled), ..Change::default() }).await?;
    let words = if enabled { "ticks" } else { "is paused" };
    if changed.after.is_empty() {
        say(format_args!("{name} {words} already"));
        return Ok(());
    }
    record(&mut tx, "SCHEDULE_CHANGED", name, json!(changed)).await?;
    tx.commit().await?;
    say(format_args!("{name} {words}"));
    Ok(())
}

async fn begin(platform: &Platform) -> Result<Tx, Failure> {
    let origin = Origin { user_agent: Some("facteur schedules".into()), ..Origin::default() };
    Ok(Tx::begin_for(platform, origin).await?)
}

async fn record(tx: &mut Tx, action: &str, name: &str, details: Value) -> Result<(), Failure> {
    let entry = audit::Entry { action, severity: Severity::Medium, target: "schedule", id: name.to_owned(), details };
    Ok(audit::record(tx, entry).await?)
}
