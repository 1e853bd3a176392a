//! `facteur jobs retry` and `probe`: what the command line does to the ledger, through the same doors as the API.

use clap::{Args, value_parser};
use serde_json::{Value, json};
use shared::kernel::config::Env;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::audit::{self, Severity};
use shared::platform::jobs::admin::{self, JobFilter};
use shared::platform::jobs::bulk::{Action, NewBulk, Pace, Params};
use shared::platform::jobs::kinds::{self, ProbeMode};
use shared::platform::jobs::{Lane, NewJob, enqueue_all};
use shared::platform::tx::Tx;

use super::exit::{DENIED, Failure, USAGE};
use super::which::Which;
use super::{begin, bulk, say};

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
    /// Jobs per second; all at once when not said
    #[arg(long)]
    per_second: Option<i32>,
    /// Why; needed beyond 100 jobs
    #[arg(long)]
    reason: Option<String>,
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

/// Brings one job back, or, as a bulk operation, all that match after a look at them.
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
    let chosen = NewBulk { action: Action::Retry, params: Params::default(), filter: filter.or_dead()?, ids: None };
    let pace = Pace { per_second: args.per_second, reason: args.reason, ..Pace::default() };
    bulk::offer(platform, &chosen, pace, args.yes).await
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
