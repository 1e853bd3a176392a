//! What we need to know of an event to keep it: its name, its type, and which object it is about.
//!
//! Every shape is read that Stripe has ever sent: thin events (`v2.core.event`: no `data.object`, an ISO date), older
//! versions, types nobody knows. The object itself stays unread; the worker asks Stripe for the current one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// An event's outside, borrowed from its bytes.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// `evt_…`
    pub id: Cow<'a, str>,
    /// `checkout.session.completed`, `v2.core…`, or one we have never heard of.
    pub kind: Cow<'a, str>,
    /// Real money; none when the event does not say.
    pub livemode: Option<bool>,
    /// When it happened, to the second.
    pub created: Option<DateTime<Utc>>,
    /// The version the object is written in.
    pub api_version: Option<Cow<'a, str>>,
    /// The connected account it happened on.
    pub account: Option<Cow<'a, str>>,
    /// The object's id; `invoice.upcoming` has none.
    pub object_id: Option<Cow<'a, str>>,
    /// The object's type: `payment_intent`, `charge` …
    pub object_type: Option<Cow<'a, str>>,
}

/// It is no event: no JSON, or without an id or a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEvent;

impl<'a> Envelope<'a> {
    /// Reads the outside of an event.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NoEvent> {
        let event: Event = serde_json::from_slice(bytes).map_err(|_| NoEvent)?;
        let object = event.data.and_then(|data| data.object).or(event.related_object).unwrap_or_default();
        Ok(Self {
            id: name(event.id)?,
            kind: name(event.kind)?,
            livemode: event.livemode,
            created: event.created.and_then(Time::utc),
            api_version: event.api_version.map(|text| text.0),
            account: event.account.or(event.context).map(|text| text.0),
            object_id: object.id.map(|text| text.0),
            object_type: object.name.or(object.kind).map(|text| text.0),
        })
    }
}

/// What may be a key of a row: short, visible, one word.
fn name(text: Text<'_>) -> Result<Cow<'_, str>, NoEvent> {
    let fits = (1..=255).contains(&text.0.len()) && text.0.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(text.0) } else { Err(NoEvent) }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    livemode: Option<bool>,
    #[serde(borrow)]
    created: Option<Time<'a>>,
    #[serde(borrow)]
    api_version: Option<Text<'a>>,
    #[serde(borrow)]
    account: Option<Text<'a>>,
    #[serde(borrow)]
    context: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    #[serde(borrow)]
    related_object: Option<Object<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: Option<Object<'a>>,
}

#[derive(Default, Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "object")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "type", default, deserialize_with = "text_if_any")]
    kind: Option<Text<'a>>,
}

/// Text that stays where it is when it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Seconds since 1970, or ISO 8601.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time<'a> {
    Seconds(i64),
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(IgnoredAny),
}

impl Time<'_> {
    fn utc(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(seconds) => DateTime::from_timestamp(seconds, 0),
            Self::Text(text) => DateTime::parse_from_rfc3339(&text).ok().map(Into::into),
            Self::Other(_) => None,
        }
    }
}

/// Many objects have a `type` of their own, which may be anything.
fn text_if_any<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text<'a>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Any<'a> {
        #[serde(borrow)]
        Text(Text<'a>),
        Other(IgnoredAny),
    }
    Ok(match Any::deserialize(deserializer)? {
        Any::Text(text) => Some(text),
        Any::Other(_) => None,
    })
}
