//! `facteur stripe`: what an operator does about Stripe. Jobs do the work, so a worker must run.

mod compare;
mod events;
mod replay;
mod simulate;
mod sync;

use clap::Subcommand;

use super::exit::Failure;
use super::open;

/// What can be done about Stripe.
#[derive(Subcommand)]
pub enum Command {
    /// Compare the catalogue of products with Stripe's, and mend what differs
    ///
    /// A job compares and this command waits for it, so a worker must run. Without --dry-run each difference gets a job
    /// of its own, which is not waited for. Products at Stripe that are none of ours are told, and left as they are.
    #[command(after_help = "\
Examples:
  facteur stripe sync --dry-run            what would be done
  facteur stripe sync                      do it
  facteur stripe sync --dry-run --json | jq -e '.counts.compared == .counts.nothing'
  facteur jobs ls --kind stripe.sync_product")]
    Sync(sync::Args),
    /// List what Stripe told us, newest first, and what became of it
    #[command(after_help = "\
Examples:
  facteur stripe events --status failed
  facteur stripe events --type charge.dispute.created --limit 200
  facteur stripe events --types            what the endpoint at Stripe subscribes to")]
    Events(events::Args),
    /// Compare Stripe's own list of events with ours, and take in what is missing
    ///
    /// A sweep does this every 15 minutes; here somebody wants to know now.
    #[command(after_help = "\
Examples:
  facteur stripe compare
  facteur stripe compare --since 2026-11-01T00:00:00Z --take")]
    Compare(compare::Args),
    /// Have events handled again: one, or all that match, oldest first
    ///
    /// Stripe is asked what the event's object is now, so nothing old comes back. At most 5,000 at once.
    #[command(after_help = "\
Examples:
  facteur stripe replay evt_1SAbcDEfghIJklMN
  facteur stripe replay --status failed --dry-run
  facteur stripe replay --type charge.refunded --since 2026-11-21T09:00:00Z")]
    Replay(replay::Args),
    /// In development: as if Stripe had told us of this object
    #[command(after_help = "Example:\n  facteur stripe simulate payment_intent.succeeded pi_3SAbcDEfghIJklMN")]
    Simulate(simulate::Args),
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Sync(args) => sync::run(&platform, args).await?,
        Command::Events(args) => events::run(&platform, args).await?,
        Command::Compare(args) => compare::run(&platform, args).await?,
        Command::Replay(args) => replay::run(&platform, args).await?,
        Command::Simulate(args) => simulate::run(&platform, args).await?,
    }
    platform.tickets.flush(std::time::Duration::from_secs(2)).await;
    Ok(())
}
