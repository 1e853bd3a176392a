//! An administrator asks whether Stripe and we have seen the same: Stripe's list of events since some moment, beside ours.
//! What is missing here is named, or taken in as the sweep would take it in.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::flows::stripe_received;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::Platform;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::tx::{Origin, Tx};

/// Stripe keeps events for so long.
pub const OLDEST: TimeDelta = TimeDelta::days(30);
/// Pages of 100 events that are asked for while somebody waits.
const PAGES: usize = 20;

/// Stripe's list beside ours.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Compared {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Events in Stripe's list that were looked at, newest first: 2,000 at most.
    pub listed: usize,
    /// Those that we do not have, newest first.
    pub missing: Vec<Missing>,
    /// Whether there are more, older than those that were looked at.
    pub more: bool,
    /// How many of the missing ones were taken in.
    pub taken: usize,
}

/// An event that we do not have.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Missing {
    /// `evt_…`
    pub event_id: String,
    /// `charge.refunded` …
    #[serde(rename = "type")]
    pub kind: String,
    /// `ch_…`
    pub object_id: Option<String>,
    /// When it happened.
    pub created_at: Option<DateTime<Utc>>,
}

/// Compares, and with `take` takes in what is missing, in a transaction per page. 422 for more than 30 days ago.
pub async fn compare(platform: &Platform, origin: &Origin, since: DateTime<Utc>, take: bool) -> Result<Compared> {
    let now = platform.clock.now();
    if since > now || since < now - OLDEST {
        return Err(Error::field("since", "range", "should be within the last 30 days: Stripe keeps no more"));
    }
    let stripe = platform.stripe()?;
    let mut compared = Compared { since, listed: 0, missing: Vec::new(), more: false, taken: 0 };
    let mut after = None::<String>;
    for _ in 0..PAGES {
        let page = stripe.events(since, after.as_deref()).await.map_err(Error::from)?;
        let mut tx = Tx::begin_for(platform, origin.clone()).await?;
        let missing = stripe_received::missing(&mut tx, &page.data).await?;
        compared.missing.extend(missing.iter().map(|(_, envelope)| Missing {
            event_id: envelope.id.to_string(),
            kind: envelope.kind.to_string(),
            object_id: envelope.object_id.as_deref().map(str::to_owned),
            created_at: envelope.created,
        }));
        if take {
            compared.taken += stripe_received::receive_missing(&mut tx, &page.data).await?;
        }
        tx.commit().await?;
        compared.listed += page.data.len();
        compared.more = page.has_more;
        after = page.data.last().and_then(|event| Some(event.envelope().ok()?.id.to_string()));
        if !page.has_more || after.is_none() {
            break;
        }
    }
    if compared.taken > 0 {
        let mut tx = Tx::begin_for(platform, origin.clone()).await?;
        let details = json!({ "since": since, "events": compared.taken });
        let (action, severity, target) = ("STRIPE_EVENTS_TAKEN_IN", Severity::Medium, "stripe_event");
        audit::record(&mut tx, Entry { action, severity, target, id: String::new(), details }).await?;
        tx.commit().await?;
    }
    Ok(compared)
}
