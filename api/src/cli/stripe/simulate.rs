//! `facteur stripe simulate`: an event that never happened, for development.

use shared::flows::stripe_replayed;
use shared::kernel::config::Env;
use shared::platform::Platform;

use crate::cli::exit::{DENIED, Failure};
use crate::cli::{begin, say};

/// `stripe simulate`.
#[derive(clap::Args)]
pub struct Args {
    /// What happened, for example payment_intent.succeeded (facteur stripe events --types)
    #[arg(value_name = "TYPE")]
    kind: String,
    /// To which object at Stripe: cs_…, pi_…
    #[arg(value_name = "OBJECT_ID")]
    object: String,
}

/// Makes it up; prints its name.
pub async fn run(platform: &Platform, args: Args) -> Result<(), Failure> {
    if platform.config.env == Env::Production {
        let text = "made-up events have no place in production: `facteur stripe replay` handles real ones again";
        return Err(Failure::new(DENIED, text));
    }
    let mut tx = begin(platform).await?;
    let event = stripe_replayed::simulate(&mut tx, &args.kind, &args.object).await?;
    tx.commit().await?;
    say(format_args!("{} is {}", event.event_id, event.status.name()));
    Ok(())
}
