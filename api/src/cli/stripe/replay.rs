//! `facteur stripe replay`: events are handled again, through the same door as the API.

use chrono::{DateTime, Utc};
use shared::domain::billing::received::{self, EventFilter, EventStatus};
use shared::flows::stripe_replayed;
use shared::platform::Platform;

use super::events::status;
use crate::cli::exit::{Failure, USAGE};
use crate::cli::{begin, say};

/// `stripe replay`.
#[derive(clap::Args)]
pub struct Args {
    /// This event
    #[arg(value_name = "EVENT_ID", conflicts_with_all = ["kind", "status", "object", "since", "until", "dry_run"])]
    event: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of which this became: received, processed, ignored, unmatched or failed
    #[arg(long, value_parser = status)]
    status: Option<EventStatus>,
    /// About this object: pi_…
    #[arg(long, value_name = "OBJECT_ID")]
    object: Option<String>,
    /// That came since then, for example 2026-11-21T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// That came before then
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

/// Has them handled again.
pub async fn run(platform: &Platform, args: Args) -> Result<(), Failure> {
    let Args { event, kind, status, object, since, until, dry_run } = args;
    let filter = EventFilter { kind, status, object_id: object, since, until };
    let narrows = filter.kind.is_some()
        || filter.status.is_some()
        || filter.object_id.is_some()
        || filter.since.is_some()
        || filter.until.is_some();
    if event.is_none() && !narrows {
        let text = "say which events: an id, or --type, --status, --object, --since, --until";
        return Err(Failure::new(USAGE, text));
    }
    let mut tx = begin(platform).await?;
    if let Some(id) = event {
        let event = received::find(&mut tx, &id).await?;
        stripe_replayed::one(&mut tx, &event).await?;
        tx.commit().await?;
        say(format_args!("{id} is handled again"));
        return Ok(());
    }
    let count = stripe_replayed::all(&mut tx, &filter, !dry_run).await?;
    tx.commit().await?;
    let end = if dry_run { "match: a dry run, nothing was changed" } else { "are handled again" };
    say(format_args!("{count} events {end}"));
    Ok(())
}
