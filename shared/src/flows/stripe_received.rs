//! Stripe tells us something: it is kept, and a job handles it. Called by the webhook, the sweep and the simulation.
//!
//! One transaction, no question to anybody: the answer is 200 as soon as the row and its job are committed, whatever
//! becomes of Redis, of the workers or of Stripe itself.

use serde_json::json;
use sqlx::PgConnection;

use crate::domain::billing::received::{self, EventStatus, Source};
use crate::flows::stripe_event::about;
use crate::kernel::Result;
use crate::kernel::ids::StripeEventId;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs::kinds::ProcessStripeEvent;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::stripe::{Envelope, RawEvent};
use crate::platform::tx::Tx;

/// Somebody may be waiting at a page: what has just come goes before what is handled again.
pub const HIGH: i16 = -5;

/// Keeps an event; the first time it comes, a job will handle it. Whether it is new.
pub async fn receive(tx: &mut Tx, envelope: &Envelope<'_>, payload: &[u8], source: Source) -> Result<bool> {
    let ours = tx.platform().config.stripe.is_live();
    let foreign = envelope.livemode.is_some_and(|live| Some(live) != ours.or(Some(live)));
    let (status, payload) = match (foreign, about(&envelope.kind)) {
        (true, _) => (EventStatus::Quarantined, Some(payload)),
        // Nobody handles this type: that it came is all we keep.
        (_, None) => (EventStatus::Ignored, None),
        (_, Some(_)) => (EventStatus::Received, Some(payload)),
    };
    let (id, fresh) = received::keep(tx, envelope, payload, source, status).await?;
    if !fresh {
        return Ok(false);
    }
    if source == Source::Webhook {
        let details = json!({ "type": envelope.kind, "object": envelope.object_id });
        let entry = Entry {
            action: "PAYMENT_WEBHOOK_RECEIVED",
            severity: Severity::Low,
            target: "stripe_event",
            id: envelope.id.to_string(),
            details,
        };
        audit::record(tx, entry).await?;
    }
    match status {
        EventStatus::Received => handle(tx, id, &envelope.id, &format!("stripe:{}", envelope.id), HIGH).await?,
        EventStatus::Quarantined => quarantined(tx, envelope).await?,
        _ => {}
    }
    Ok(true)
}

/// Keeps those of a page of Stripe's list that we do not have. Returns how many.
pub async fn receive_missing(tx: &mut Tx, events: &[RawEvent]) -> Result<usize> {
    let mut found = 0;
    // Oldest first, as a webhook would have brought them.
    for (event, envelope) in missing(tx, events).await?.iter().rev() {
        found += usize::from(receive(tx, envelope, event.bytes(), Source::Reconcile).await?);
    }
    Ok(found)
}

/// Those of a page of Stripe's list that we do not have, in its order.
pub async fn missing<'a>(db: &mut PgConnection, events: &'a [RawEvent]) -> Result<Vec<(&'a RawEvent, Envelope<'a>)>> {
    let mut read: Vec<_> = events.iter().filter_map(|event| Some((event, event.envelope().ok()?))).collect();
    let names: Vec<String> = read.iter().map(|(_, envelope)| envelope.id.to_string()).collect();
    let known = received::known(db, &names).await?;
    read.retain(|(_, envelope)| !known.iter().any(|id| *id == envelope.id));
    Ok(read)
}

/// Has an event, Stripe's name of it said, handled by a job of this key and this priority.
pub async fn handle(tx: &mut Tx, event: StripeEventId, name: &str, key: &str, priority: i16) -> Result<()> {
    enqueue_new(tx, NewJob::of(&ProcessStripeEvent { event })?.named(name).unique(key).priority(priority)).await?;
    Ok(())
}

async fn quarantined(tx: &mut Tx, envelope: &Envelope<'_>) -> Result<()> {
    let hour = tx.platform().clock.now().format("%Y-%m-%dT%H");
    let text = "an event of Stripe's other mode came (test events to a live shop, or the reverse): the endpoint or the key \
                is of the wrong mode. It was kept and not handled";
    let notification = NewNotification {
        kind: "error",
        title: "Stripe: an event of the other mode",
        message: text,
        priority: "high",
        vars: serde_json::json!({ "error_code": envelope.kind }),
        dedupe_key: Some(format!("stripe-mode:{hour}")),
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}
