//! `facteur kinds`: look at the kinds of jobs, and hold one back.

use chrono::Duration;
use clap::{Subcommand, value_parser};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::jobs::admin::kinds::{self, Fuse, KindView};

use super::exit::Failure;
use super::text::{json, moment, table};
use super::{begin, open, say};
use crate::acts;

/// What can be done with kinds.
#[derive(Subcommand)]
pub enum Command {
    /// List every kind: policy, fuse, and what became of it in the last hour
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Blow the fuse of a kind: nobody claims its jobs until it is cleared
    #[command(after_help = "\
Examples:
  facteur kinds hold email.send --reason 'the relay is down' --minutes 30
  facteur kinds hold debug.probe --reason 'enqueued by mistake' --dead   waiting ones go to the dead letters")]
    Hold {
        /// The kind, for example email.send
        kind: String,
        /// Shown on the dashboard
        #[arg(long)]
        reason: String,
        /// It clears by itself after so long
        #[arg(long, value_parser = value_parser!(i64).range(1..=525_600))]
        minutes: Option<i64>,
        /// Do not only hold them: waiting ones go to the dead letters
        #[arg(long)]
        dead: bool,
    },
    /// Let the jobs of a kind run again
    Clear {
        /// The kind
        kind: String,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls { json } => return list(&platform, json).await,
        Command::Hold { kind, reason, minutes, dead } => {
            let until = minutes.map(|minutes| platform.clock.now() + Duration::minutes(minutes));
            let (fuse, what) = if dead {
                (Fuse::Dead, "waiting jobs go to the dead letters")
            } else {
                (Fuse::Hold, "nobody claims its jobs")
            };
            let mut tx = begin(&platform).await?;
            acts::fuse(&mut tx, &kind, fuse, until, &reason).await?;
            tx.commit().await?;
            say(format_args!(
                "{kind}: {what} until `facteur kinds clear {kind}`{}",
                if minutes.is_some() { ", or its time" } else { "" }
            ));
        }
        Command::Clear { kind } => {
            let mut tx = begin(&platform).await?;
            acts::clear_fuse(&mut tx, &kind).await?;
            tx.commit().await?;
            say(format_args!("{kind} runs"));
        }
    }
    Ok(())
}

async fn list(platform: &Platform, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let all = kinds::list(&mut db).await?;
    if as_json {
        say(json(&all)?);
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |kind: &KindView| {
        let until = kind.fuse_until.map(|at| format!(" until {}", moment(now, at))).unwrap_or_default();
        let reason = kind.fuse_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        vec![
            kind.kind.to_owned(),
            kind.lane.to_owned(),
            format!("{}{until}{reason}", kind.fuse),
            format!("{} / {} / {}", kind.succeeded, kind.failed, kind.dead),
            format!("{} s", kind.timeout_seconds),
            kind.policy.clone(),
        ]
    };
    let head = ["KIND", "QUEUE", "FUSE", "LAST HOUR: DONE / FAILED / DEAD", "TIME LIMIT", "POLICY"];
    say(table(&head, &all.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
