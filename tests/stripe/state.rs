//! What the fake knows: objects in the order of their making, events, the clock, what is due later.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deliveries::Deliveries;
use super::faults::Faults;
use super::idempotency::Keys;
use super::refusal::Refusal;
use super::shapes::{new_id, set, shape};
use super::usage::Usage;
use super::{API_VERSION, Settings};

/// Everything, behind one lock.
pub struct State {
    pub settings: Settings,
    /// By id.
    objects: HashMap<String, Value>,
    /// Ids in the order of their making.
    order: Vec<String>,
    /// Of checkout sessions.
    pub lines: HashMap<String, Vec<Value>>,
    /// What a session's payment intent will get.
    pub intents: HashMap<String, Value>,
    /// Seconds that the fake's clock is ahead.
    ahead: i64,
    pub due: Vec<(i64, Due)>,
    /// The request that is being answered, for the events it causes.
    pub cause: Value,
    pub deliveries: Deliveries,
    pub faults: Faults,
    pub keys: Keys,
    pub usage: Usage,
    /// Since it was last kept.
    pub changed: bool,
}

/// What happens by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Due {
    /// A checkout session ends.
    Expire(String),
    /// A direct debit is settled, or not.
    Settle(String, bool),
    /// A refund arrives.
    Refund(String),
}

impl State {
    /// Empty.
    pub fn new(settings: Settings) -> Self {
        let deliveries = Deliveries::new(&settings);
        Self {
            settings,
            objects: HashMap::new(),
            order: Vec::new(),
            lines: HashMap::new(),
            intents: HashMap::new(),
            ahead: 0,
            due: Vec::new(),
            cause: by_itself(),
            deliveries,
            faults: Faults::default(),
            keys: Keys::default(),
            usage: Usage::default(),
            changed: true,
        }
    }

    /// Unix seconds by the fake's clock.
    pub fn now(&self) -> i64 {
        unix() + self.ahead
    }

    /// A new object; the caller keeps it by [`State::put`].
    pub fn make(&self, kind: &str, fields: Value) -> Value {
        let mut object = shape(kind);
        object["id"] = json!(new_id(kind));
        if object.get("created").is_some() {
            object["created"] = json!(self.now());
        }
        set(&mut object, fields);
        object
    }

    /// Keeps an object, new or changed.
    pub fn put(&mut self, object: &Value) {
        let id = id(object);
        self.changed = true;
        if self.objects.insert(id.clone(), object.clone()).is_none() {
            self.order.push(id);
        }
    }

    /// Keeps an object and tells of it.
    pub fn put_and_tell(&mut self, object: &Value, event: &str) {
        self.put(object);
        self.tell(event, object);
    }

    /// Changes fields of an object.
    pub fn change(&mut self, id: &str, fields: Value) -> Value {
        let object = self.objects.get_mut(id).expect("an object that is changed exists");
        set(object, fields);
        self.changed = true;
        object.clone()
    }

    /// Changes fields of an object and tells of it, with what they were when the event says `updated`.
    pub fn change_and_tell(&mut self, id: &str, fields: Value, event: &str) -> Value {
        let before = self.objects.get(id).cloned().unwrap_or_default();
        let after = self.change(id, fields);
        let previous = event.ends_with(".updated").then(|| difference(&before, &after));
        self.tell_with(event, &after, previous);
        after
    }

    /// Forgets an object.
    pub fn remove(&mut self, id: &str) {
        self.objects.remove(id);
        self.changed = true;
        self.order.retain(|other| other != id);
    }

    /// An object of any kind.
    pub fn find(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// An object of this kind, or the 404 that names the parameter.
    pub fn get(&self, kind: &str, id: &str, param: &str) -> Result<Value, Refusal> {
        let found = self.objects.get(id).filter(|object| object["object"] == kind);
        found.cloned().ok_or_else(|| Refusal::no_such(kind.trim_start_matches("checkout."), id, param))
    }

    /// Objects of a kind, or of all, newest first.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let objects = self.order.iter().rev().filter_map(|id| self.objects.get(id));
        objects.filter(move |object| kind.is_empty() || object["object"] == kind)
    }

    /// An event about an object as it is now.
    pub fn tell(&mut self, kind: &str, object: &Value) -> Value {
        self.tell_with(kind, object, None)
    }

    fn tell_with(&mut self, kind: &str, object: &Value, previous: Option<Value>) -> Value {
        let mut data = json!({ "object": object });
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let pending = i64::from(self.deliveries.wants(kind));
        let fields = json!({
            "api_version": API_VERSION, "type": kind, "data": data, "pending_webhooks": pending, "request": self.cause,
        });
        let event = self.make("event", fields);
        self.put(&event);
        self.deliveries.plan(&event);
        event
    }

    /// Forgets everything but the settings and where events go.
    pub fn reset(&mut self) {
        let mut fresh = Self::new(self.settings.clone());
        std::mem::swap(&mut fresh.deliveries, &mut self.deliveries);
        fresh.deliveries.reset();
        fresh.usage.open = self.usage.open;
        *self = fresh;
    }

    /// Lets so many seconds pass, and everything happen that is due in them, at its own time.
    pub fn advance(&mut self, seconds: i64) {
        let until = self.now() + seconds;
        while let Some(at) = self.due.iter().map(|(at, _)| *at).filter(|at| *at <= until).min() {
            self.ahead += (at - self.now()).max(0);
            self.happen();
        }
        self.ahead += (until - self.now()).max(0);
    }

    /// The clock is right again. What was made while it was ahead stays, and what is due then stays due then.
    pub fn set_clock_right(&mut self) {
        self.ahead = 0;
    }

    /// What is due now happens, the oldest first.
    pub fn happen(&mut self) {
        let now = self.now();
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.due).into_iter().partition(|(at, _)| *at <= now);
        self.due = later;
        due.sort_by_key(|(at, _)| *at);
        for (_, due) in due {
            self.cause = by_itself();
            match due {
                Due::Expire(session) => super::checkout::expire(self, &session),
                Due::Settle(intent, paid) => super::payments::settle(self, &intent, paid),
                Due::Refund(refund) => super::refunds::arrive(self, &refund),
            }
        }
    }
}

/// The `request` of an event that no request caused.
pub fn by_itself() -> Value {
    json!({ "id": null, "idempotency_key": null })
}

/// Unix seconds of the machine.
pub fn unix() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// An object's id.
pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_default().to_owned()
}

/// A text field, empty when null.
pub fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}

/// An integer field, 0 when null.
pub fn integer(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}

fn difference(before: &Value, after: &Value) -> Value {
    let fields = before.as_object().into_iter().flatten();
    Value::Object(fields.filter(|(key, value)| after[*key] != **value).map(|(k, v)| (k.clone(), v.clone())).collect())
}
