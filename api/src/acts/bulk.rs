//! Starting a bulk operation: by REST and from the dashboard the same password is asked for before the same entry is made.

use serde_json::json;
use shared::flows::reauthentication;
use shared::kernel::Result;
use shared::kernel::ids::{BulkId, SessionId, UserId};
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::bulk::{self, BulkView, Pace};
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

/// Starts it, with its entry in the audit log.
pub async fn start(tx: &mut Tx, id: BulkId, pace: &Pace, may_be_large: bool) -> Result<BulkView> {
    let view = bulk::start(tx, id, pace, may_be_large).await?;
    let severity = if view.action.is_destructive() { Severity::High } else { Severity::Medium };
    let details = json!({
        "action": view.action, "filter": view.filter, "jobs": view.total, "per_second": view.per_second,
        "not_before": view.not_before, "reason": view.reason, "params": view.params,
    });
    let entry = Entry { action: "BULK_STARTED", severity, target: "bulk", id: id.to_string(), details };
    audit::record(tx, entry).await?;
    Ok(view)
}
