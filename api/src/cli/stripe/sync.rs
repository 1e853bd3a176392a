//! `facteur stripe sync`: the catalogue beside Stripe's, as a table.

use std::time::Duration;

use shared::domain::billing::products::plan::{Counts, Entry, Plan, Step, Unknown};
use shared::flows::catalogue_sync;
use shared::kernel::Error;
use shared::platform::Platform;

use crate::cli::exit::Failure;
use crate::cli::text::{json, short, table};
use crate::cli::{begin, say, wait};

/// `stripe sync`.
#[derive(clap::Args)]
pub struct Args {
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// Tell of products without a difference too
    #[arg(long)]
    verbose: bool,
    /// The plan as JSON
    #[arg(long)]
    json: bool,
    /// Wait so many seconds for the comparison
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
}

/// Asks for the comparison, waits, prints the plan.
pub async fn run(platform: &Platform, args: Args) -> Result<(), Failure> {
    let mut tx = begin(platform).await?;
    let id = catalogue_sync::request(&mut tx, args.dry_run, args.verbose).await?;
    tx.commit().await?;
    let job = wait::until_done(platform, id, Duration::from_secs(args.wait)).await?;
    let plan: Plan = serde_json::from_value(job.result.unwrap_or_default())
        .map_err(|error| Error::internal(format_args!("the plan of the job {id} is not read: {error}")))?;
    if args.json {
        say(json(&plan)?);
        return Ok(());
    }
    let lines: Vec<_> = plan.products.iter().map(line).chain(plan.unknown.iter().map(stranger)).collect();
    if !lines.is_empty() {
        say(table(&["PRODUCT", "WHAT", "DETAILS"], &lines));
    }
    if plan.left_out > 0 {
        say(format_args!("and {} more", plan.left_out));
    }
    say(sum(&plan));
    Ok(())
}

fn line(entry: &Entry) -> Vec<String> {
    let steps: Vec<_> = entry.steps.iter().map(|step| word(*step)).collect();
    let what = if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") };
    vec![short(Some(&entry.slug), 40), what, entry.fields.join(", ")]
}

fn stranger(unknown: &Unknown) -> Vec<String> {
    let priced = if unknown.priced { "" } else { ", without a price" };
    vec![short(Some(&unknown.id), 40), "not ours".into(), format!("{}{priced}", short(Some(&unknown.name), 60))]
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Create => "create",
        Step::Update => "update",
        Step::NewPrice => "new price",
        Step::OldPrice => "old price off sale",
        Step::Archive => "archive",
        Step::Link => "note where it is",
    }
}

fn sum(plan: &Plan) -> String {
    let Counts { compared, nothing, unknown, .. } = plan.counts;
    let different = compared - nothing.min(compared);
    let strangers = if unknown == 0 { String::new() } else { format!("; {unknown} at Stripe are not ours") };
    let end = match (different, plan.dry_run) {
        (0, _) => "",
        (_, true) => ": a dry run, nothing was changed",
        (_, false) => ": facteur jobs ls --kind stripe.sync_product",
    };
    format!("{compared} products compared, {different} differ{strangers}{end}")
}
