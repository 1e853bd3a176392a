//! `facteur errors`: failures in groups.

use chrono::Duration;
use clap::{Args, Subcommand, value_parser};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::jobs::admin;
use shared::platform::jobs::admin::groups::{self, GroupFilter, GroupRow, STATES};

use super::exit::Failure;
use super::text::{json, moment, plain, relative, short, table};
use super::{begin, open, say};
use crate::acts;

/// What can be done with groups of failures.
#[derive(Subcommand)]
pub enum Command {
    /// List groups, the latest failure first
    #[command(
        after_help = "Examples:\n  facteur errors ls --state regressed\n  facteur errors ls --kind email.send --json"
    )]
    Ls(Ls),
    /// Show one group with its latest jobs
    Show {
        /// Its fingerprint
        fingerprint: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say that the cause is mended; when the failure comes back, the group has regressed
    Resolve {
        /// Its fingerprint
        fingerprint: String,
        /// Kept in the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Say that nobody need hear of it, for a time or until told
    Mute {
        /// Its fingerprint
        fingerprint: String,
        /// Kept in the audit log
        #[arg(long)]
        reason: Option<String>,
        /// It counts as known again after so long
        #[arg(long, value_parser = value_parser!(i64).range(1..=8_760))]
        hours: Option<i64>,
    },
    /// Say that it is known and matters: ends a mute, takes a resolution back
    Unmute {
        /// Its fingerprint
        fingerprint: String,
    },
}

/// `errors ls`.
#[derive(Args)]
pub struct Ls {
    /// In this state
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Of jobs of this kind
    #[arg(long)]
    kind: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    let (fingerprint, done) = match command {
        Command::Ls(args) => return list(&platform, args).await,
        Command::Show { fingerprint, json } => return show(&platform, &fingerprint, json).await,
        Command::Resolve { fingerprint, reason } => {
            let mut tx = begin(&platform).await?;
            acts::resolve(&mut tx, &fingerprint, reason.as_deref()).await?;
            tx.commit().await?;
            (fingerprint, "resolved")
        }
        Command::Mute { fingerprint, reason, hours } => {
            let until = hours.map(|hours| platform.clock.now() + Duration::hours(hours));
            let mut tx = begin(&platform).await?;
            acts::mute(&mut tx, &fingerprint, until, reason.as_deref()).await?;
            tx.commit().await?;
            (fingerprint, "muted")
        }
        Command::Unmute { fingerprint } => {
            let mut tx = begin(&platform).await?;
            acts::unmute(&mut tx, &fingerprint, None).await?;
            tx.commit().await?;
            (fingerprint, "known")
        }
    };
    say(format_args!("{fingerprint} is {done}"));
    Ok(())
}

async fn list(platform: &Platform, args: Ls) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let groups = groups::list(&mut db, &GroupFilter { state: args.state, kind: args.kind }).await?;
    if args.json {
        say(json(&groups)?);
        return Ok(());
    }
    if groups.is_empty() {
        say("no failure matches");
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |group: &GroupRow| {
        vec![
            group.fingerprint.clone(),
            group.state.clone(),
            group.kind.clone(),
            group.count.to_string(),
            group.open.to_string(),
            relative(now, group.last_seen),
            group.first_version.clone(),
            short(Some(&group.message), 120),
        ]
    };
    let head = ["FINGERPRINT", "STATE", "KIND", "TIMES", "JOBS OPEN", "LAST", "SINCE VERSION", "WHAT"];
    say(table(&head, &groups.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}

async fn show(platform: &Platform, fingerprint: &str, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let group = groups::get(&mut db, fingerprint).await?;
    if as_json {
        say(json(&group)?);
        return Ok(());
    }
    let (now, row) = (platform.clock.now(), &group.row);
    let until = row.muted_until.map(|time| format!(" until {}", moment(now, time))).unwrap_or_default();
    for (name, value) in [
        ("state", format!("{}{until}", row.state)),
        ("kind", row.kind.clone()),
        ("code", row.code.clone()),
        ("what", row.message.clone()),
        ("times", format!("{}, {} jobs open", row.count, row.open)),
        ("first", format!("{}, version {}", moment(now, row.first_seen), row.first_version)),
        ("last", format!("{}, version {}", moment(now, row.last_seen), row.last_version)),
        ("note", row.note.clone().unwrap_or_else(|| "-".into())),
    ] {
        say(format_args!("{name:<10} {}", plain(&value)));
    }
    say("");
    let line = |job: &admin::JobRow| {
        vec![
            job.id.to_string(),
            job.state.clone(),
            relative(now, job.created_at),
            short(job.last_error.as_deref(), 120),
        ]
    };
    say(table(&["JOB", "STATE", "ENQUEUED", "LAST ERROR"], &group.jobs.iter().map(line).collect::<Vec<_>>()));
    if row.open > 0 {
        say(format_args!("all of them again: facteur jobs retry --error {fingerprint}"));
    }
    Ok(())
}
