//! `facteur stripe compare`: Stripe's own list of events beside ours.

use chrono::{DateTime, TimeDelta, Utc};
use shared::flows::stripe_compared;
use shared::kernel::Error;
use shared::platform::Platform;

use crate::cli::exit::Failure;
use crate::cli::{origin, say};

/// `stripe compare`.
#[derive(clap::Args)]
pub struct Args {
    /// Since then, at most 30 days ago; a day ago when absent
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Take in what is missing and have it handled
    #[arg(long)]
    take: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Compares.
pub async fn run(platform: &Platform, args: Args) -> Result<(), Failure> {
    let since = args.since.unwrap_or_else(|| platform.clock.now() - TimeDelta::days(1));
    let compared = stripe_compared::compare(platform, &origin(), since, args.take).await?;
    if args.json {
        say(serde_json::to_string_pretty(&compared).map_err(Error::internal)?);
        return Ok(());
    }
    for missing in &compared.missing {
        let at = missing.created_at.map(|at| at.to_rfc3339()).unwrap_or_default();
        say(format_args!(
            "{}  {at}  {}  {}",
            missing.event_id,
            missing.kind,
            missing.object_id.as_deref().unwrap_or("-")
        ));
    }
    let older = if compared.more { "; older ones were not looked at" } else { "" };
    let taken = if args.take { format!(", {} taken in", compared.taken) } else { String::new() };
    say(format_args!("{} events at Stripe, {} missing here{taken}{older}", compared.listed, compared.missing.len()));
    Ok(())
}
