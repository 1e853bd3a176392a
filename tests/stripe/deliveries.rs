//! Events on their way to the webhook: planned, held, doubled, shuffled, dropped, and retried until they are taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Settings, Webhook, state};

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(60);

/// How events are delivered from now on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Nothing is sent until it is released.
    pub hold: bool,
    /// Each event comes so many times more.
    pub duplicates: usize,
    /// Each event comes this late.
    pub delay_ms: u64,
    /// Each event comes later by chance, this much at most.
    pub shuffle_ms: u64,
    /// Where chance begins.
    pub seed: u64,
    /// Events of these types never come (`*`: none does).
    pub drop: Vec<String>,
    /// The first pause before another attempt; it doubles. 0 is a second.
    pub retry_ms: u64,
}

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Held,
    Waiting,
    Sending,
    Delivered,
    /// It was sent once by order, and not taken.
    Refused,
    Dropped,
}

/// One event on its way; a duplicate is another one.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub number: u64,
    pub event: String,
    pub kind: String,
    pub status: Status,
    pub due: Instant,
    /// What was answered, the oldest first.
    pub attempts: Vec<Value>,
    /// It is sent again until it is taken.
    pub again: bool,
}

/// All of them.
pub struct Deliveries {
    pub webhook: Option<Webhook>,
    pub plan: Plan,
    pub list: Vec<Delivery>,
    next: u64,
    chance: u64,
    /// Tells the courier to look again.
    pub wake: Arc<Notify>,
}

impl Deliveries {
    /// None.
    pub fn new(settings: &Settings) -> Self {
        let (webhook, wake) = (settings.webhook.clone(), Arc::new(Notify::new()));
        Self { webhook, plan: Plan::default(), list: Vec::new(), next: 0, chance: 0, wake }
    }

    /// From now on.
    pub fn set(&mut self, plan: Plan) {
        self.chance = plan.seed;
        self.plan = plan;
    }

    /// Does the webhook listen to events of this type?
    pub fn wants(&self, kind: &str) -> bool {
        let listed = |webhook: &Webhook| named(&webhook.events, kind);
        self.webhook.as_ref().is_some_and(listed)
    }

    /// An event happened.
    pub fn plan(&mut self, event: &Value) {
        let kind = state::text(event, "type");
        if !self.wants(&kind) {
            return;
        }
        let dropped = named(&self.plan.drop, &kind);
        let status = match (dropped, self.plan.hold) {
            (true, _) => Status::Dropped,
            (_, true) => Status::Held,
            _ => Status::Waiting,
        };
        for _ in 0..=if dropped { 0 } else { self.plan.duplicates } {
            let by_chance = if self.plan.shuffle_ms == 0 { 0 } else { self.random() % self.plan.shuffle_ms };
            let due = Instant::now() + Duration::from_millis(self.plan.delay_ms + by_chance);
            self.add(&state::id(event), &kind, status, due, true);
        }
        self.wake.notify_one();
    }

    /// One more; its number.
    fn add(&mut self, event: &str, kind: &str, status: Status, due: Instant, again: bool) -> u64 {
        self.next += 1;
        let (number, event, kind) = (self.next, event.to_owned(), kind.to_owned());
        self.list.push(Delivery { number, event, kind, status, due, attempts: Vec::new(), again });
        number
    }

    /// Once, and at once; the caller sends it.
    pub fn add_now(&mut self, event: &str, kind: &str) -> u64 {
        self.add(event, kind, Status::Sending, Instant::now(), false)
    }

    /// Forgets all, and the plan; numbers go on, for some may be under way.
    pub fn reset(&mut self) {
        self.list.clear();
        self.set(Plan::default());
    }

    /// By its number.
    pub fn get(&mut self, number: u64) -> Option<&mut Delivery> {
        self.list.iter_mut().find(|delivery| delivery.number == number)
    }

    /// Those that are to be sent now, and when to look again.
    pub fn take_due(&mut self) -> (Vec<u64>, Instant) {
        let now = Instant::now();
        let mut taken = Vec::new();
        let mut next = now + LONGEST;
        for delivery in self.list.iter_mut().filter(|delivery| delivery.status == Status::Waiting) {
            if delivery.due <= now {
                delivery.status = Status::Sending;
                taken.push(delivery.number);
            } else {
                next = next.min(delivery.due);
            }
        }
        (taken, next)
    }

    /// Takes everything that is held, each so many times more, in its order or shuffled from a seed.
    pub fn take_held(&mut self, duplicates: usize, seed: Option<u64>) -> Vec<u64> {
        let held: Vec<Delivery> = self.list.iter().filter(|d| d.status == Status::Held).cloned().collect();
        let mut numbers: Vec<u64> = held.iter().map(|delivery| delivery.number).collect();
        for delivery in &held {
            for _ in 0..duplicates {
                numbers.push(self.add(&delivery.event, &delivery.kind, Status::Held, delivery.due, true));
            }
        }
        for delivery in self.list.iter_mut().filter(|delivery| delivery.status == Status::Held) {
            delivery.status = Status::Sending;
        }
        if let Some(seed) = seed {
            self.chance = seed;
            for last in (1..numbers.len()).rev() {
                let other = (self.random() % (last as u64 + 1)) as usize;
                numbers.swap(last, other);
            }
        }
        numbers
    }

    /// An attempt ended.
    pub fn record(&mut self, number: u64, attempt: Value, taken: bool) {
        let first = Duration::from_millis(if self.plan.retry_ms == 0 { 1000 } else { self.plan.retry_ms });
        let Some(delivery) = self.get(number) else { return };
        delivery.attempts.push(attempt);
        let pause = first.saturating_mul(1 << (delivery.attempts.len() - 1).min(16)).min(LONGEST);
        delivery.due = Instant::now() + pause;
        delivery.status = match (taken, delivery.again) {
            (true, _) => Status::Delivered,
            (_, true) => Status::Waiting,
            _ => Status::Refused,
        };
        self.wake.notify_one();
    }

    /// The log.
    pub fn report(&self) -> Value {
        let line = |d: &Delivery| json!({ "number": d.number, "event": d.event, "type": d.kind, "status": d.status, "attempts": d.attempts });
        let open = |d: &&Delivery| matches!(d.status, Status::Waiting | Status::Sending);
        json!({ "data": self.list.iter().map(line).collect::<Vec<_>>(), "pending": self.list.iter().filter(open).count() })
    }

    /// Splitmix64: the same seed, the same order.
    fn random(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn named(types: &[String], kind: &str) -> bool {
    types.iter().any(|name| name == "*" || name == kind)
}
