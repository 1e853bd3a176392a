//! What is wrong with the queue now, one row per rule and subject. Owns `alarms`.
//!
//! Every API process and the sweeping worker look every ten seconds ([`look`]); a lock lets one of them look at a time.
//! An alarm is raised when its rule held in two looks in a row, 8 to 30 seconds apart, whoever looked, and cleared when
//! it has not held for 30 seconds: one bad look changes nothing. Raising tells the administrators, once; an alarm that
//! comes back within an hour of that is shown again and not told again. Rows stay 30 days.

mod rows;
mod rules;
mod webhook;

pub use rows::{Alarm, forget, list, open, regressed};
pub use rules::{Rule, abandoned};
pub(crate) use webhook::post;
pub use webhook::try_webhook;

use std::time::Duration;

use crate::kernel::Result;
use crate::platform::Platform;
use crate::platform::tx::Tx;

/// How often each process looks.
pub const EVERY: Duration = Duration::from_secs(10);
/// The advisory lock of who evaluates: "falarms" in bytes, beside the sweeper's "facteur".
pub const LOCK: i64 = 0x0066_616c_6172_6d73;

/// Looks for as long as the process lives, and tells its metrics what is open.
pub async fn watch(platform: Platform) {
    let mut clock = tokio::time::interval(EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        look(&platform).await;
        if let Err(error) = publish(&platform).await {
            tracing::warn!(%error, "the metrics of alarms are not up to date");
        }
    }
}

/// Looks once. A failure is a log line.
pub async fn look(platform: &Platform) {
    if let Err(error) = evaluate(platform).await {
        tracing::warn!(%error, "the alarms could not be evaluated; the next look is in ten seconds");
    }
}

/// Every process that watches does this, whoever evaluated: a sweeper that leads no more would never take back a 1.
async fn publish(platform: &Platform) -> Result<()> {
    let mut db = platform.db.acquire().await?;
    for alarm in list(&mut db).await? {
        let open = if alarm.cleared_at.is_none() { 1.0 } else { 0.0 };
        metrics::gauge!("facteur_alarms", "rule" => alarm.rule.name(), "subject" => alarm.subject).set(open);
    }
    Ok(())
}

/// Evaluates the rules, unless another process does so now: raises and clears. Returns what was told just now.
pub async fn evaluate(platform: &Platform) -> Result<Vec<Alarm>> {
    let mut tx = Tx::begin(platform).await?;
    let won =
        sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "won!""#, LOCK).fetch_one(&mut *tx).await?;
    if !won {
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    let findings = rules::findings(&mut tx, &platform.config.alarms).await?;
    let raised = rows::raise(&mut tx, &findings).await?;
    rows::clear(&mut tx).await?;
    tx.commit().await?;
    Ok(raised)
}
