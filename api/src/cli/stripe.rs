//! `facteur stripe`: what an operator does about Stripe. Jobs do it; the command asks for one and waits.

use clap::Subcommand;

use super::exit::Failure;
use super::{open, sync};

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
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Sync(args) => sync::run(&platform, args).await?,
    }
    Ok(())
}
