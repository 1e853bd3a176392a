//! `stripe.reconcile`: every 15 minutes, finds what no webhook brought: events in Stripe's list that we do not have, and
//! payments, refunds and disputes whose end may have escaped us.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::domain::billing::{disputes, payments, received, refunds};
use shared::flows::{payment_returned, stripe_received};
use shared::kernel::Error;
use shared::platform::jobs::kinds::{ReconcileStripe, SyncPayment};
use shared::platform::jobs::{NewJob, enqueue_all};

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

/// The cursor's name.
const SWEEP: &str = "events";
/// Stripe may be late with an event, and writes them to the second.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// Stripe keeps events for 30 days.
const OLDEST: TimeDelta = TimeDelta::days(30);
/// So many of a kind at once; the next run goes on.
const MOST: i64 = 500;

impl Run for ReconcileStripe {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        if cx.platform.stripe().is_err() {
            cx.log("payments are switched off");
            return Ok(());
        }
        let found = sweep(&cx).await?;
        let synced = stale(&cx).await?;
        cx.log(format_args!("{found} events that no webhook brought, {synced} payments to be asked about"));
        cx.result(json!({ "events": found, "payments": synced }));
        Ok(())
    }
}

/// Reads Stripe's list from where the last run ended, newest first, and keeps what is missing. Returns how many.
async fn sweep(cx: &Cx) -> Result<usize, Failure> {
    let stripe = cx.platform.stripe()?;
    let mut db = cx.platform.db.acquire().await?;
    let now = cx.platform.clock.now();
    let since = received::read_until(&mut db, SWEEP).await?.map_or(now - OLDEST, |until| until - OVERLAP);
    drop(db);
    let (mut found, mut after, mut newest) = (0, None::<String>, None::<DateTime<Utc>>);
    loop {
        if cx.cancel.is_cancelled() {
            return Err(Failure::Snooze(std::time::Duration::from_secs(5)));
        }
        let page = stripe.events(since, after.as_deref()).await.map_err(Error::from)?;
        let envelopes: Vec<_> = page.data.iter().filter_map(|event| event.envelope().ok()).collect();
        newest = newest.or(envelopes.first().and_then(|event| event.created));
        after = envelopes.last().map(|event| event.id.to_string());
        let mut tx = cx.begin().await?;
        found += stripe_received::receive_missing(&mut tx, &page.data).await?;
        tx.commit().await?;
        if !page.has_more || after.is_none() {
            break;
        }
    }
    // Were their clock ahead of ours, the next run would begin in the future and miss what happens until then.
    if let Some(newest) = newest.map(|newest| newest.min(now)) {
        let mut tx = cx.begin().await?;
        received::has_read(&mut tx, SWEEP, newest).await?;
        tx.commit().await?;
    }
    Ok(found)
}

/// Has everything asked about that should have ended, and reminds of disputes. Returns how many payments.
async fn stale(cx: &Cx) -> Result<usize, Failure> {
    let mut tx = cx.begin().await?;
    let mut payments = payments::stale(&mut tx, MOST).await?;
    payments.extend(refunds::stale(&mut tx, MOST).await?);
    for dispute in disputes::open(&mut tx, MOST).await? {
        payment_returned::remind(&mut tx, &dispute).await?;
        payments.push(dispute.payment_id);
    }
    payments.sort_unstable();
    payments.dedup();
    let run = cx.job.id;
    let jobs = payments.iter().map(|&payment| NewJob::of(&SyncPayment { payment, round: run.to_string() }));
    enqueue_all(&mut tx, jobs.collect::<shared::kernel::Result<_>>()?).await?;
    tx.commit().await?;
    Ok(payments.len())
}
