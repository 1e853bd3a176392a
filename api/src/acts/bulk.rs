//! What is done with bulk operations: by REST, from the dashboard and on the command line with the same entries in the audit
//! log, and with the same password where one is asked for.

use serde_json::{Value, json};
use shared::domain::identity::permissions::Permissions;
use shared::flows::reauthentication;
use shared::kernel::Result;
use shared::kernel::ids::{BulkId, SessionId, UserId};
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin::REVEAL;
use shared::platform::jobs::bulk::{self, BulkView, Pace, Rights};
use shared::platform::tx::{Origin, Tx};

use crate::app::App;

/// What takes work away needs somebody who has just signed in, or their password; see [`reauthentication::check`].
pub async fn confirm(
    app: &App,
    origin: &Origin,
    who: (UserId, SessionId),
    id: BulkId,
    password: Option<&str>,
) -> Result<()> {
    let view = bulk::get(&mut *app.platform.db.acquire().await?, id).await?;
    if view.action.is_destructive() {
        reauthentication::check(&app.platform, origin, who, password).await?;
    }
    Ok(())
}

/// What somebody with these permissions may do besides.
pub fn rights(permissions: &Permissions) -> Rights {
    Rights { large: permissions.can("bulk.large"), reveal: permissions.can(REVEAL) }
}

/// Starts it, with its entry in the audit log.
pub async fn start(tx: &mut Tx, id: BulkId, pace: &Pace, rights: Rights) -> Result<BulkView> {
    let view = bulk::start(tx, id, pace, rights).await?;
    let severity = if view.action.is_destructive() { Severity::High } else { Severity::Medium };
    let details = json!({
        "action": view.action, "filter": view.filter, "jobs": view.total, "per_second": view.per_second,
        "not_before": view.not_before, "reason": view.reason, "params": view.params,
    });
    record(tx, "BULK_STARTED", severity, id, details).await?;
    Ok(view)
}

/// Stops working it off for now.
pub async fn pause(tx: &mut Tx, id: BulkId) -> Result<()> {
    bulk::pause(tx, id).await?;
    record(tx, "BULK_PAUSED", Severity::Medium, id, json!({})).await
}

/// Goes on with it.
pub async fn resume(tx: &mut Tx, id: BulkId) -> Result<()> {
    bulk::resume(tx, id).await?;
    record(tx, "BULK_RESUMED", Severity::Medium, id, json!({})).await
}

/// Ends it.
pub async fn end(tx: &mut Tx, id: BulkId) -> Result<()> {
    bulk::end(tx, id).await?;
    record(tx, "BULK_CANCELLED", Severity::Medium, id, json!({})).await
}

/// Undoes it: how many jobs are back, and how many stay as they are.
pub async fn undo(tx: &mut Tx, id: BulkId) -> Result<(usize, usize)> {
    let (back, kept) = bulk::undo(tx, id).await?;
    record(tx, "BULK_UNDONE", Severity::Medium, id, json!({ "back": back, "kept": kept })).await?;
    Ok((back, kept))
}

async fn record(tx: &mut Tx, action: &str, severity: Severity, id: BulkId, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "bulk", id: id.to_string(), details }).await
}
