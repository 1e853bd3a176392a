//! `facteur batches`: jobs that belong together, and how far they have come.

use clap::Subcommand;
use shared::kernel::Error;
use shared::kernel::ids::BatchId;
use shared::kernel::page::{self, PageRequest};
use shared::platform::Platform;
use shared::platform::jobs::admin::batches::{self, BatchFilter, BatchView};

use super::exit::Failure;
use super::text::{json, moment, plain, relative, table};
use super::{open, say};

/// What can be asked about batches.
#[derive(Subcommand)]
pub enum Command {
    /// List batches, newest first
    Ls {
        /// Only those that are not finished
        #[arg(long)]
        open: bool,
        /// At most so many, up to 200
        #[arg(long, default_value_t = page::DEFAULT_LIMIT, value_parser = clap::value_parser!(i64).range(1..=page::MAX_LIMIT))]
        limit: i64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one batch; its jobs are `facteur jobs ls --batch ID`
    Show {
        /// Its id
        id: BatchId,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls { open, limit, json } => list(&platform, open, limit, json).await,
        Command::Show { id, json } => show(&platform, id, json).await,
    }
}

async fn list(platform: &Platform, open: bool, limit: i64, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let filter = BatchFilter { open: open.then_some(true) };
    let page = batches::list(&mut db, filter, PageRequest { limit, after: None }).await?;
    if as_json {
        say(json(&serde_json::json!({ "data": page.rows, "page": { "next": page.next } }))?);
        return Ok(());
    }
    if page.rows.is_empty() {
        say("no batch matches");
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |batch: &BatchView| {
        vec![
            batch.id.to_string(),
            state(batch).to_owned(),
            relative(now, batch.created_at),
            counts(batch),
            batch.name.clone(),
        ]
    };
    say(table(&["ID", "STATE", "OPENED", "JOBS", "NAME"], &page.rows.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}

async fn show(platform: &Platform, id: BatchId, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let batch = batches::get(&mut db, id).await?;
    if as_json {
        say(json(&batch)?);
        return Ok(());
    }
    let now = platform.clock.now();
    let facts = [
        ("id", Some(batch.id.to_string())),
        ("name", Some(batch.name.clone())),
        ("state", Some(state(&batch).to_owned())),
        ("jobs", Some(counts(&batch))),
        ("opened", Some(moment(now, batch.created_at))),
        ("sealed", batch.sealed_at.map(|time| moment(now, time))),
        ("finished", batch.finished_at.map(|time| moment(now, time))),
        ("callback", batch.callback_id.map(|id| id.to_string())),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            say(format_args!("{name:<10} {}", plain(&value)));
        }
    }
    Ok(())
}

const fn state(batch: &BatchView) -> &'static str {
    match (batch.sealed_at, batch.finished_at) {
        (_, Some(_)) => "finished",
        (Some(_), None) => "running",
        (None, None) => "open",
    }
}

/// `12 queued, 3 succeeded`
fn counts(batch: &BatchView) -> String {
    let parts: Vec<String> = batch.counts.iter().map(|(state, n)| format!("{n} {state}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}
