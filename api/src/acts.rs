//! What administrators order about queues, kinds, failures and settings: the change and its audit entry in one transaction.
//! REST, command line and dashboard come through here, so none of them can forget the entry.

pub mod bulk;
pub mod mails;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::kernel::{Error, Result};
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin::groups;
use shared::platform::jobs::admin::kinds::{self, Fuse};
use shared::platform::jobs::admin::lanes::{self, Limits, NewLimits};
use shared::platform::settings::{self, Known};
use shared::platform::tx::Tx;

/// Stops a queue on all workers; what runs finishes.
pub async fn pause(tx: &mut Tx, lane: &str, until: Option<DateTime<Utc>>, reason: Option<&str>) -> Result<()> {
    in_future(tx, until)?;
    lanes::pause(tx, lane, until, reason).await?;
    record(tx, "QUEUE_PAUSED", ("lane", lane), json!({ "until": until, "reason": reason })).await
}

/// Lets a queue run again.
pub async fn resume(tx: &mut Tx, lane: &str) -> Result<()> {
    lanes::resume(tx, lane).await?;
    record(tx, "QUEUE_RESUMED", ("lane", lane), json!({})).await
}

/// Limits a queue over all processes.
pub async fn limit(tx: &mut Tx, lane: &str, new: NewLimits) -> Result<Limits> {
    let (before, after) = lanes::limit(tx, lane, new).await?;
    if before != after {
        record(tx, "QUEUE_LIMITED", ("lane", lane), json!({ "before": before, "after": after })).await?;
    }
    Ok(after)
}

/// Blows the fuse of a kind.
pub async fn fuse(tx: &mut Tx, kind: &str, fuse: Fuse, until: Option<DateTime<Utc>>, reason: &str) -> Result<()> {
    in_future(tx, until)?;
    kinds::fuse(tx, kind, fuse, until, reason).await?;
    record(tx, "FUSE_SET", ("kind", kind), json!({ "fuse": fuse, "until": until, "reason": reason })).await
}

/// Closes it.
pub async fn clear_fuse(tx: &mut Tx, kind: &str) -> Result<()> {
    kinds::clear(tx, kind).await?;
    record(tx, "FUSE_CLEARED", ("kind", kind), json!({})).await
}

/// Says that the cause of a failure is mended.
pub async fn resolve(tx: &mut Tx, fingerprint: &str, reason: Option<&str>) -> Result<()> {
    groups::resolve(tx, fingerprint).await?;
    record(tx, "ERROR_GROUP_RESOLVED", ("error", fingerprint), json!({ "reason": reason })).await
}

/// Says that nobody need hear of a failure.
pub async fn mute(tx: &mut Tx, fingerprint: &str, until: Option<DateTime<Utc>>, reason: Option<&str>) -> Result<()> {
    in_future(tx, until)?;
    groups::mute(tx, fingerprint, until).await?;
    record(tx, "ERROR_GROUP_MUTED", ("error", fingerprint), json!({ "until": until, "reason": reason })).await
}

/// Says that a failure is known and matters.
pub async fn unmute(tx: &mut Tx, fingerprint: &str, reason: Option<&str>) -> Result<()> {
    groups::unmute(tx, fingerprint).await?;
    record(tx, "ERROR_GROUP_UNMUTED", ("error", fingerprint), json!({ "reason": reason })).await
}

/// Writes what somebody knows about a failure.
pub async fn note(tx: &mut Tx, fingerprint: &str, note: Option<&str>) -> Result<()> {
    groups::note(tx, fingerprint, note).await?;
    record(tx, "ERROR_GROUP_NOTED", ("error", fingerprint), json!({ "note": note })).await
}

/// Changes a setting, or puts its default back.
pub async fn set(
    tx: &mut Tx,
    key: &str,
    value: Option<&Value>,
    seen: Option<i32>,
    reason: Option<&str>,
) -> Result<Known> {
    let (before, after) = settings::set(tx, key, value, seen).await?;
    if before.value != after.value {
        let details = json!({ "before": before.value, "after": after.value, "reason": reason });
        record(tx, "SETTINGS_CHANGED", ("setting", key), details).await?;
    }
    Ok(after)
}

fn in_future(tx: &Tx, until: Option<DateTime<Utc>>) -> Result<()> {
    match until {
        Some(until) if until <= tx.platform().clock.now() => {
            Err(Error::field("until", "past", "should be in the future"))
        }
        _ => Ok(()),
    }
}

async fn record(tx: &mut Tx, action: &str, (target, id): (&str, &str), details: Value) -> Result<()> {
    let severity = Severity::Low; // or graver, as the catalogue says
    audit::record(tx, Entry { action, severity, target, id: id.to_owned(), details }).await
}
