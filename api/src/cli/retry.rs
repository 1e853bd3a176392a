//! `facteur jobs retry` and `probe`: what the command line does to the ledger, through the same doors as the API.

use clap::{Args, value_parser};
use serde_json::{Value, json};
use shared::kernel::config::Env;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::audit::{self, Severity};
use shared::platform::jobs::admin::{self, JobFilter, Preview};
use shared::platform::jobs::kinds::{self, ProbeMode};
use shared::platform::jobs::{Lane, NewJob, enqueue_all};
use shared::platform::tx::Tx;

use super::exit::{DENIED, Failure, USAGE};
use super::text::confirmed;
use super::which::Which;
use super::{begin, say};

/// States that can be brought back.
const RETRIED: [&str; 4] = ["dead", "cancelled", "retrying", "scheduled"];
/// Jobs written in one transaction.
const BATCH: u32 = 1000;

/// `jobs retry`.
#[derive(Args)]
pub struct Retry {
    /// This job
    #[arg(conflicts_with_all = Which::FLAGS)]
    id: Option<JobId>,
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// `jobs probe`.
#[derive(Args)]
pub struct Probe {
    /// What it does
    #[arg(value_parser = ["ok", "fail", "fail_n", "retry_after", "snooze", "cancel", "dead", "panic", "sleep", "hang", "abort"])]
    mode: String,
    /// sleep: milliseconds; fail_n: failures before it succeeds; retry_after, snooze: seconds
    #[arg(long)]
    n: Option<u64>,
    /// So many jobs
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// In this lane
    #[arg(long, default_value_t = Lane::Default)]
    lane: Lane,
}

/// Brings one job back, or all that match after a look at them.
pub async fn retry(platform: &Platform, args: Retry) -> Result<(), Failure> {
    if let Some(id) = args.id {
        let mut tx = begin(platform).await?;
        let state = admin::retry(&mut tx, id).await?;
        record(&mut tx, "JOB_RETRIED", Severity::Medium, id.to_string(), json!({})).await?;
        tx.commit().await?;
        say(format_args!("{id} is {state} again"));
        return Ok(());
    }
    let filter = args.which.filter().checked()?;
    if filter == JobFilter::default() {
        let flags = Which::FLAGS.map(|flag| format!("--{flag}")).join(", ");
        return Err(Failure::new(USAGE, format!("say which jobs: an id, or {flags}")));
    }
    let state = match &filter {
        JobFilter { state: None, error: Some(_), .. } => "retrying or dead",
        JobFilter { state: None, filter: Some(_), .. } => "matching",
        filter => filter.state.as_deref().unwrap_or("dead"),
    };
    if filter.state.is_some() && !RETRIED.contains(&state) {
        return Err(Failure::new(
            USAGE,
            format!("what is {state} cannot be retried, only what is {}", RETRIED.join(", ")),
        ));
    }
    let mut tx = begin(platform).await?;
    let preview = admin::preview(&mut tx, &filter).await?;
    tx.commit().await?;
    if preview.count == 0 {
        say(format_args!("no {state} job matches"));
        return Ok(());
    }
    describe(&preview, state);
    if !args.yes && !confirmed("Retry them?")? {
        say("nothing was changed");
        return Ok(());
    }
    let mut tx = begin(platform).await?;
    let applied = admin::apply(&mut tx, preview.selection).await?;
    let details = json!({ "filter": filter, "retried": applied.retried, "skipped": applied.skipped });
    record(&mut tx, "JOBS_RETRIED", Severity::Medium, preview.selection.to_string(), details).await?;
    tx.commit().await?;
    say(format_args!("{} queued again, {} skipped because they changed meanwhile", applied.retried, applied.skipped));
    Ok(())
}

fn describe(preview: &Preview, state: &str) {
    let fresh = if matches!(state, "dead" | "cancelled") { ", with fresh attempts" } else { " at once" };
    say(format_args!("{} {state} jobs would be queued again{fresh}:", preview.count));
    for kind in &preview.kinds {
        say(format_args!("  {:>6} {}", kind.count, kind.kind));
    }
    if preview.more {
        say("More match than one go takes: run it again for the rest.");
    }
}

/// Enqueues probes.
pub async fn probe(platform: &Platform, args: Probe) -> Result<(), Failure> {
    let mode: ProbeMode = serde_json::from_value(args.mode.clone().into())
        .map_err(|error| Failure::new(USAGE, format!("{}: {error}", args.mode)))?;
    if mode == ProbeMode::Abort && platform.config.env == Env::Production {
        return Err(Failure::new(DENIED, "abort takes workers down: it is refused in production"));
    }
    let probe = kinds::Probe { mode, n: args.n, note: None };
    let mut left = args.count;
    while left > 0 {
        let batch = left.min(BATCH);
        let mut tx = begin(platform).await?;
        let new = || NewJob::of(&probe).map(|job| job.lane(args.lane));
        let ids = enqueue_all(&mut tx, (0..batch).map(|_| new()).collect::<Result<_, _>>()?).await?;
        let details = json!({ "mode": mode, "lane": args.lane.name(), "count": batch });
        record(&mut tx, "JOBS_PROBED", Severity::Low, ids[0].to_string(), details).await?;
        tx.commit().await?;
        left -= batch;
        if args.count == 1 {
            say(ids[0]);
        }
    }
    if args.count > 1 {
        say(format_args!("{} jobs in lane {}: facteur jobs ls --kind debug.probe", args.count, args.lane));
    }
    Ok(())
}

async fn record(tx: &mut Tx, action: &str, severity: Severity, id: String, details: Value) -> Result<(), Failure> {
    let entry = audit::Entry { action, severity, target: "job", id, details };
    Ok(audit::record(tx, entry).await?)
}
