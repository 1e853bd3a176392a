//! `facteur stripe events`: what Stripe told us, as a table.

use shared::domain::billing::received::{self, EventFilter, EventStatus, StripeEvent};
use shared::flows::stripe_event;
use shared::kernel::Error;
use shared::kernel::page::{self, PageRequest};
use shared::platform::Platform;

use crate::cli::exit::{Failure, USAGE};
use crate::cli::say;
use crate::cli::text::{json, relative, short, table};

/// `stripe events`.
#[derive(clap::Args)]
pub struct Args {
    /// Of this type, for example charge.refunded
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of which this became: received, processed, ignored, unmatched, failed or quarantined
    #[arg(long, value_parser = status)]
    status: Option<EventStatus>,
    /// At most so many, up to 200
    #[arg(long, default_value_t = page::DEFAULT_LIMIT, value_parser = clap::value_parser!(i64).range(1..=page::MAX_LIMIT))]
    limit: i64,
    /// Where the last list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Instead: the types that are handled here, one a line, for the endpoint at Stripe
    #[arg(long, conflicts_with_all = ["kind", "status", "limit", "after", "json"])]
    types: bool,
}

/// A status by its name.
pub fn status(name: &str) -> Result<EventStatus, String> {
    let known = "received, processed, ignored, unmatched, failed or quarantined";
    serde_json::from_value(name.into()).map_err(|_| format!("an event is {known}"))
}

/// Prints the list.
pub async fn run(platform: &Platform, args: Args) -> Result<(), Failure> {
    if args.types {
        for (name, _) in stripe_event::TYPES {
            say(name);
        }
        return Ok(());
    }
    let wrong = || Failure::new(USAGE, "--after is no cursor of ours: it is printed below a list that goes on");
    let after = args.after.map(|cursor| page::decode(&cursor).ok_or_else(wrong)).transpose()?;
    let filter = EventFilter { kind: args.kind, status: args.status, ..EventFilter::default() };
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let page = received::list(&mut db, &filter, PageRequest { limit: args.limit, after }).await?;
    if args.json {
        say(json(&serde_json::json!({ "data": page.rows, "page": { "next": page.next } }))?);
        return Ok(());
    }
    if page.rows.is_empty() {
        say("no event matches");
        return Ok(());
    }
    let now = platform.clock.now();
    let line = |event: &StripeEvent| {
        vec![
            event.event_id.clone(),
            event.status.name().to_owned(),
            event.kind.clone(),
            relative(now, event.received_at),
            event.deliveries.to_string(),
            event.replays.to_string(),
            short(event.object_id.as_deref(), 70),
            short(event.error_code.as_deref(), 60),
        ]
    };
    let head = ["EVENT", "STATUS", "TYPE", "CAME", "TIMES", "REPLAYS", "ABOUT", "ERROR"];
    say(table(&head, &page.rows.iter().map(line).collect::<Vec<_>>()));
    if let Some(next) = page.next {
        say(format_args!("there are more: --after {next}"));
    }
    Ok(())
}
