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
    /// Events since then, that second included, newest first, 100 at a time, those behind the event `after`. Each is
    /// written in the version of its creation.
    pub async fn events(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<RawEvent>> {
        let bounds = RangeBoundsTs { gte: Some(since.timestamp()), ..RangeBoundsTs::default() };
        let mut list = ListEvent::new().limit(100).created(RangeQueryTs::Bounds(bounds));
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(LIST, list.build()).await
    }
}
