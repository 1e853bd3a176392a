//! `facteur queues`: look at lanes; pause, resume and limit them.

use chrono::Duration;
use clap::{Args, Subcommand, value_parser};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::jobs::Lane;
use shared::platform::jobs::admin::lanes::{Limits, NewLimits, Rate};
use shared::platform::jobs::health::{self, COUNT_CAP, LaneView};

use super::exit::{Failure, USAGE};
use super::text::{json, moment, short, table};
use super::{begin, open, say};
use crate::acts;

/// What can be done with queues.
#[derive(Subcommand)]
pub enum Command {
    /// List all queues, most urgent first, with what keeps jobs waiting
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop a queue on all workers; what runs finishes
    #[command(after_help = "Example:\n  facteur queues pause email --reason 'the relay is down' --minutes 30")]
    Pause {
        /// The queue
        queue: Lane,
        /// Shown on the dashboard
        #[arg(long)]
        reason: Option<String>,
        /// It resumes by itself after so long
        #[arg(long, value_parser = value_parser!(i64).range(1..=525_600))]
        minutes: Option<i64>,
    },
    /// Let a queue run again
    Resume {
        /// The queue
        queue: Lane,
    },
    /// Limit a queue over all processes
    #[command(after_help = "\
Examples:
  facteur queues limit documents --concurrency 4
  facteur queues limit email_bulk --rate 10/1          ten starts a second
  facteur queues limit email_bulk --rate none --concurrency none")]
    Limit(Limit),
}

/// `queues limit`.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Limit {
    /// The queue
    #[arg(group = "what")]
    queue: Lane,
    /// So many jobs at once, or none
    #[arg(long, value_name = "N|none")]
    concurrency: Option<String>,
    /// So many starts in so many seconds, or none
    #[arg(long, value_name = "COUNT/SECONDS|none")]
    rate: Option<String>,
}

impl Limit {
    fn limits(&self) -> Option<NewLimits> {
        let concurrency = match self.concurrency.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(n) => Some(Some(n.parse().ok()?)),
        };
        let rate = match self.rate.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(rate) => {
                let (count, seconds) = rate.split_once('/')?;
                Some(Some(Rate { count: count.parse().ok()?, seconds: seconds.parse().ok()? }))
            }
        };
        Some(NewLimits { concurrency, rate }).filter(|new| new.concurrency.is_some() || new.rate.is_some())
    }
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls { json } => return list(&platform, json).await,
        Command::Pause { queue, reason, minutes } => {
            let until = minutes.map(|minutes| platform.clock.now() + Duration::minutes(minutes));
            let mut tx = begin(&platform).await?;
            acts::pause(&mut tx, queue.name(), until, reason.as_deref()).await?;
            tx.commit().await?;
            say(format_args!("{queue} is paused"));
        }
        Command::Resume { queue } => {
            let mut tx = begin(&platform).await?;
            acts::resume(&mut tx, queue.name()).await?;
            tx.commit().await?;
            say(format_args!("{queue} runs"));
        }
        Command::Limit(args) => {
            let wrong = || Failure::new(USAGE, "say --concurrency 4 or none, --rate 10/1 (count/seconds) or none");
            let new = args.limits().ok_or_else(wrong)?;
            let mut tx = begin(&platform).await?;
            let limits = acts::limit(&mut tx, args.queue.name(), new).await?;
            tx.commit().await?;
            say(format_args!("{}: {limits}", args.queue));
        }
    }
    Ok(())
}

async fn list(platform: &Platform, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let lanes = health::lanes(&mut db).await?;
    if as_json {
        say(json(&lanes)?);
        return Ok(());
    }
    let now = platform.clock.now();
    let count = |n: i64| if n > COUNT_CAP { format!("{COUNT_CAP}+") } else { n.to_string() };
    let line = |lane: &LaneView| {
        let paused = lane.paused_at.map(|at| lane.paused_until.map_or(("since", at), |until| ("until", until)));
        let paused = paused.map(|(word, at)| format!("paused {word} {}", moment(now, at)));
        let limits = Limits { concurrency: lane.concurrency, rate: lane.rate.map(|rate| rate.0) };
        vec![
            lane.name.clone(),
            count(lane.waiting),
            lane.oldest_seconds.map_or("-".into(), |seconds| format!("{} s", seconds as i64)),
            count(lane.blocked),
            count(lane.running),
            count(lane.retrying),
            count(lane.scheduled),
            count(lane.dead),
            lane.workers.to_string(),
            short(lane.limited_by.as_deref(), 20),
            paused.unwrap_or_else(|| limits.to_string()),
        ]
    };
    let head = [
        "QUEUE",
        "WAITING",
        "OLDEST",
        "BLOCKED",
        "RUNNING",
        "RETRYING",
        "SCHEDULED",
        "DEAD",
        "WORKERS",
        "LIMITED BY",
        "LIMITS",
    ];
    say(table(&head, &lanes.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
