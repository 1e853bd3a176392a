//! Nobody waits in vain to be forgotten: an erasure whose job was lost is taken up again, administrators hear of a legal
//! deadline that comes near, and what Stripe tells of the forgotten afterwards is emptied too. Run hourly by
//! `account.watch_erasures`.

use uuid::Uuid;

use crate::domain::billing::received;
use crate::domain::identity::erasures::{self, Erasure};
use crate::flows::erasure_requested;
use crate::kernel::Result;
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Days before the deadline on which administrators are told, and the day it has passed.
const TOLD: [i32; 4] = [0, 1, 3, 7];

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Lost and taken up again.
    pub again: usize,
    /// Near their deadline, or past it.
    pub pressing: usize,
}

/// Takes up what was lost, and tells of what presses.
pub async fn watch(tx: &mut Tx) -> Result<Found> {
    let lost = erasures::forgotten(tx).await?;
    for erasure in &lost {
        erasure_requested::again(tx, erasure).await?;
    }
    let pressing = erasures::pressing(tx, TOLD[TOLD.len() - 1]).await?;
    for erasure in &pressing {
        tell(tx, erasure).await?;
    }
    Ok(Found { again: lost.len(), pressing: pressing.len() })
}

/// Once for each of the days.
async fn tell(tx: &mut Tx, erasure: &Erasure) -> Result<()> {
    let Some(days) = TOLD.into_iter().find(|days| erasure.days_left <= *days) else { return Ok(()) };
    let title = match erasure.days_left {
        ..0 => "An erasure is past its legal deadline".to_owned(),
        left => format!("An erasure is due in {left} d"),
    };
    let message =
        format!("Asked for on {}, due by {}.", erasure.requested_at.date_naive(), erasure.due_by.date_naive());
    let told = NewNotification {
        kind: "warning",
        title: &title,
        message: &message,
        action_url: Some(format!("{}/admin/erasures", tx.platform().config.http.public_url)),
        priority: "high",
        template: Some("admin-error"),
        subject: Some(("erasure", erasure.id.0)),
        vars: serde_json::json!({ "error_code": "erasure_due" }),
        dedupe_key: Some(format!("erasure-due:{}:{days}", erasure.id)),
        ..NewNotification::default()
    };
    notifications::notify(tx, told).await?;
    Ok(())
}

/// Empties what Stripe has told of the forgotten since then, a page at a time. Where the next begins; none: all was read.
pub async fn late_news(tx: &mut Tx, after: Option<Uuid>) -> Result<Option<Uuid>> {
    let traces = erasures::traces(tx).await?;
    if traces.is_empty() { Ok(None) } else { received::forget(tx, &traces, after).await }
}
