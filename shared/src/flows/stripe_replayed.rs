//! An administrator has events handled again, or makes one up in development. An event is a signal: to repeat one asks
//! Stripe for its object as it is now, so it can never bring an old state back.

use serde_json::json;
use uuid::Uuid;

use crate::domain::billing::received::{self, EventFilter, EventStatus, Source, StripeEvent};
use crate::flows::stripe_received::{self, HIGH};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::stripe::{Envelope, VERSION};
use crate::platform::tx::Tx;

/// So many at once.
const MOST: i64 = 5000;

/// One event. 409 for one of the other mode: nothing here could handle it.
pub async fn one(tx: &mut Tx, event: &StripeEvent) -> Result<()> {
    if event.status == EventStatus::Quarantined {
        return Err(Error::conflict("quarantined", "this event is of Stripe's other mode"));
    }
    let replay = received::again_one(tx, event.id).await?;
    stripe_received::handle(tx, event.id, &event.event_id, &key(&event.event_id, replay), HIGH).await?;
    record(tx, "STRIPE_EVENT_REPLAYED", &event.event_id, json!({ "type": event.kind })).await
}

/// Those that match, oldest first. Without `change` they are only counted.
pub async fn all(tx: &mut Tx, filter: &EventFilter, change: bool) -> Result<usize> {
    let chosen = received::again(tx, filter, MOST, change).await?;
    if change {
        for (id, event, replay) in &chosen {
            stripe_received::handle(tx, *id, event, &key(event, *replay), 0).await?;
        }
        let details = json!({ "filter": filter, "events": chosen.len() });
        record(tx, "STRIPE_EVENT_REPLAYED", "", details).await?;
    }
    Ok(chosen.len())
}

fn key(event: &str, replay: i32) -> String {
    format!("stripe:{event}:replay:{replay}")
}

/// As if Stripe had told us of this object.
pub async fn simulate(tx: &mut Tx, kind: &str, object: &str) -> Result<StripeEvent> {
    let id = format!("evt_simulated_{}", Uuid::now_v7().simple());
    let now = tx.platform().clock.now().timestamp();
    let payload = json!({
        "id": id, "object": "event", "type": kind, "created": now, "api_version": VERSION,
        "data": { "object": { "id": object } },
    });
    let payload = payload.to_string();
    let envelope =
        Envelope::read(payload.as_bytes()).map_err(|_| Error::field("type", "type", "is no type of event"))?;
    stripe_received::receive(tx, &envelope, payload.as_bytes(), Source::Simulate).await?;
    record(tx, "STRIPE_EVENT_SIMULATED", &id, json!({ "type": kind, "object": object })).await?;
    received::find(tx, &id).await
}

async fn record(tx: &mut Tx, action: &str, id: &str, details: serde_json::Value) -> Result<()> {
    let (severity, id) = (Severity::Medium, id.to_owned());
    audit::record(tx, Entry { action, severity, target: "stripe_event", id, details }).await
}
