//! `facteur batches`: jobs that belong together, and how far they have come.

use clap::Subcommand;
use shared::kernel::Error;
use shared::kernel::ids::BatchId;
use shared::platform::Platform;
use shared::platform::jobs::admin::batches::{self, BatchFilter, BatchView};

use super::exit::Failure;
use super::pages::Slice;
use super::text::{json, moment, plain, relative};
use super::{open, say};

/// What can be asked about batches.
#[derive(Subcommand)]
pub enum Command {
    /// List batches, newest first
    Ls {
        /// Only those that are not finished
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        slice: Slice,
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
        Command::Ls { open, slice } => list(&platform, open, &slice).await,
        Command::Show { id, json } => show(&platform, id, json).await,
    }
}

async fn list(platform: &Platform, open: bool, slice: &Slice) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let filter = BatchFilter { open: open.then_some(true) };
    let page = batches::list(&mut db, filter, slice.request()?).await?;
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
    slice.print(&page, "no batch matches", &["ID", "STATE", "OPENED", "JOBS", "NAME"], line)
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
