//! Events that Stripe keeps for 30 days: how a sweep finds what no webhook brought.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use stripe_client_core::StripeRequest;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::{Envelope, NoEvent, Page, Result, Stripe};

const LIST: &str = "GET /events";

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter<'a> {
    /// Of these types, at most 20; empty: of all.
    pub types: &'a [&'a str],
    /// Since then, that second included.
    pub since: Option<DateTime<Utc>>,
    /// Only those which a webhook has, or has not, taken.
    pub delivered: Option<bool>,
    /// Older than this event.
    pub after: Option<&'a str>,
    /// Newer than this event.
    pub before: Option<&'a str>,
}

/// An event, byte for byte as it came.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct RawEvent(Box<RawValue>);

impl RawEvent {
    /// The bytes to keep.
    pub fn bytes(&self) -> &[u8] {
        self.0.get().as_bytes()
    }

    /// Its outside.
    pub fn envelope(&self) -> Result<Envelope<'_>, NoEvent> {
        Envelope::read(self.bytes())
    }
}

impl fmt::Debug for RawEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawEvent({} bytes)", self.bytes().len())
    }
}

impl Stripe {
    /// Events, newest first, 100 at a time. Each is written in the version of its creation.
    pub async fn events(&self, filter: &EventFilter<'_>) -> Result<Page<RawEvent>> {
        let mut list = ListEvent::new().limit(100);
        if !filter.types.is_empty() {
            list = list.types(filter.types.iter().map(|&kind| kind.to_owned()).collect::<Vec<_>>());
        }
        if let Some(since) = filter.since {
            let bounds = RangeBoundsTs { gte: Some(since.timestamp()), ..RangeBoundsTs::default() };
            list = list.created(RangeQueryTs::Bounds(bounds));
        }
        if let Some(delivered) = filter.delivered {
            list = list.delivery_success(delivered);
        }
        if let Some(after) = filter.after {
            list = list.starting_after(after);
        }
        if let Some(before) = filter.before {
            list = list.ending_before(before);
        }
        self.get(LIST, list.build()).await
    }
}
