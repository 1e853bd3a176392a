//! `facteur bulk`: one action on many jobs, previewed, paced, paused, undone; by the same doors as the API.

use clap::{Args, Subcommand};
use shared::kernel::Error;
use shared::kernel::ids::BulkId;
use shared::platform::Platform;
use shared::platform::jobs::bulk::{self, Action, BulkView, NewBulk, Pace, Params, Rights};

use super::exit::{Failure, USAGE};
use super::pages::Slice;
use super::text::{confirmed, json as as_json, relative};
use super::which::Which;
use super::{begin, open, say};
use crate::acts;

/// What can be done with bulk operations.
#[derive(Subcommand)]
pub enum Command {
    /// Choose jobs, look at them, and start
    #[command(after_help = "\
Examples:
  facteur bulk new retry --filter 'state:failed kind:email.send error:535*' --per-second 40 --reason 'the relay is back'
  facteur bulk new queue --queue media --filter 'state:queued kind:invoice.render'
  facteur bulk new edit --patch '[{\"op\":\"replace\",\"path\":\"/n\",\"value\":3}]' --filter 'state:dead kind:debug.probe'")]
    New(Box<New>),
    /// List those that were started, newest first
    Ls(Slice),
    /// Show one
    Show {
        /// Its id
        id: BulkId,
    },
    /// Stop working one off for now
    Pause {
        /// Its id
        id: BulkId,
    },
    /// Go on with it
    Resume {
        /// Its id
        id: BulkId,
    },
    /// End it: what is done stays done
    End {
        /// Its id
        id: BulkId,
    },
    /// Put jobs that have not moved on since back where they were; possible for half an hour
    Undo {
        /// Its id
        id: BulkId,
    },
}

/// `bulk new`.
#[derive(Args)]
pub struct New {
    /// What is done with each job
    #[arg(value_parser = ["retry", "run", "cancel", "kill", "priority", "queue", "edit", "discard"])]
    action: String,
    #[command(flatten)]
    which: Which,
    /// priority: the new one, -100 to 100; lower runs sooner
    #[arg(long, allow_hyphen_values = true)]
    priority: Option<i16>,
    /// queue: the new one
    #[arg(long)]
    queue: Option<String>,
    /// edit: a JSON patch (RFC 6902)
    #[arg(long)]
    patch: Option<String>,
    /// Jobs per second; all at once when not said
    #[arg(long)]
    per_second: Option<i32>,
    /// Why; needed beyond 100 jobs
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::New(new) => create(&platform, *new).await?,
        Command::Ls(slice) => list(&platform, &slice).await?,
        Command::Show { id } => {
            let mut db = platform.db.acquire().await.map_err(Error::from)?;
            say(as_json(&bulk::get(&mut db, id).await?)?);
        }
        Command::Pause { id } => {
            let mut tx = begin(&platform).await?;
            acts::bulk::pause(&mut tx, id).await?;
            tx.commit().await?;
        }
        Command::Resume { id } => {
            let mut tx = begin(&platform).await?;
            acts::bulk::resume(&mut tx, id).await?;
            tx.commit().await?;
        }
        Command::End { id } => {
            let mut tx = begin(&platform).await?;
            acts::bulk::end(&mut tx, id).await?;
            tx.commit().await?;
        }
        Command::Undo { id } => {
            let mut tx = begin(&platform).await?;
            let (back, kept) = acts::bulk::undo(&mut tx, id).await?;
            tx.commit().await?;
            say(format_args!("{back} back where they were, {kept} had moved on"));
        }
    }
    platform.tickets.flush(std::time::Duration::from_secs(2)).await;
    Ok(())
}

async fn create(platform: &Platform, new: New) -> Result<(), Failure> {
    let bad = |error: serde_json::Error| Failure::new(USAGE, error.to_string());
    let action: Action = serde_json::from_value(new.action.as_str().into()).map_err(bad)?;
    let patch = new.patch.as_deref().map(serde_json::from_str).transpose().map_err(bad)?;
    let params = Params { priority: new.priority, queue: new.queue, patch };
    let chosen = NewBulk { action, params, filter: new.which.filter(), ids: None };
    let pace = Pace { per_second: new.per_second, reason: new.reason, ..Pace::default() };
    offer(platform, &chosen, pace, new.yes).await
}

/// Shows what would become of the jobs, and starts it when that is wanted.
pub async fn offer(platform: &Platform, chosen: &NewBulk, pace: Pace, yes: bool) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let (id, action) = (bulk::freeze(&mut tx, chosen).await?, chosen.action);
    let (view, tallies) = (bulk::get(&mut tx, id).await?, bulk::tallies(&mut tx, id).await?);
    tx.commit().await?;
    say(format_args!(
        "{} {} jobs, {} refused by their state, {} with effects:",
        action.name(),
        view.total,
        view.refused,
        view.with_effects
    ));
    for tally in &tallies {
        say(format_args!("  {:>7} {} {} ({})", tally.count, tally.kind, tally.state, tally.outcome));
    }
    let unbounded = view.filter.is_empty() && action.is_destructive();
    if unbounded && yes {
        return Err(Failure::new(USAGE, "there is no filter, every job is meant: --yes is not enough, answer by hand"));
    }
    if view.total == 0 || (!yes && !confirmed("Start it?")?) {
        say("nothing was changed");
        return Ok(());
    }
    let word = unbounded.then(|| action.name().to_owned());
    let pace = Pace { word, ..pace };
    let mut tx = begin(platform).await?;
    acts::bulk::start(&mut tx, id, &pace, Rights { large: true, reveal: true }).await?;
    tx.commit().await?;
    say(format_args!("started: facteur bulk show {id}"));
    Ok(())
}

async fn list(platform: &Platform, slice: &Slice) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let page = bulk::list(&mut db, slice.request()?).await?;
    let now = platform.clock.now();
    let line = |view: &BulkView| {
        vec![
            view.id.to_string(),
            view.state.clone(),
            view.action.name().to_owned(),
            format!("{}/{}", view.total - view.pending, view.total),
            relative(now, view.created_at),
            view.filter.clone(),
        ]
    };
    slice.print(&page, "no bulk operation was started", &["ID", "STATE", "ACTION", "HANDLED", "CHOSEN", "FILTER"], line)
}
