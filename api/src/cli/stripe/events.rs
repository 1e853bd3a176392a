//! `facteur stripe events`: what Stripe told us, as a table.

use shared::domain::billing::received::{self, EventFilter, EventStatus, StripeEvent};
use shared::flows::stripe_event;
use shared::kernel::Error;
use shared::platform::Platform;

use crate::cli::exit::Failure;
use crate::cli::pages::Slice;
use crate::cli::say;
use crate::cli::text::{relative, short};

/// `stripe events`.
#[derive(clap::Args)]
pub struct Args {
    /// Of this type, for example charge.refunded
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of which this became: received, processed, ignored, unmatched, failed or quarantined
    #[arg(long, value_parser = status)]
    status: Option<EventStatus>,
    #[command(flatten)]
    slice: Slice,
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
    let filter = EventFilter { kind: args.kind, status: args.status, ..EventFilter::default() };
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let page = received::list(&mut db, &filter, args.slice.request()?).await?;
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
    args.slice.print(&page, "no event matches", &head, line)
}
