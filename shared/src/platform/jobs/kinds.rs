//! The catalogue: every kind of job of the platform, with its policy. What a kind does stands in
//! `worker/src/jobs/<kind>.rs`; a test compares this page, those files and the registry.

mod documents;
mod exports;
mod stripe;

pub use documents::{DrawSummary, RemindInvoices, RenderInvoice};
pub use exports::BuildExport;
pub use stripe::{
    CreateRefund, ExpireSession, ProcessStripeEvent, ReconcileStripe, SyncCatalogue, SyncPayment, SyncProduct,
};

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, NotificationId, OrderId, PaymentId, UserId};
use crate::platform::jobs::{Job, Lane, NewJob, Retry};

/// Every kind with its policy.
pub static ALL: [Kind; 18] = [
    Kind::of::<SendEmail>(),
    Kind::of::<Welcome>(),
    Kind::of::<DispatchNotification>(),
    Kind::of::<ExpireOrder>(),
    Kind::of::<ProcessStripeEvent>(),
    Kind::of::<SyncPayment>(),
    Kind::of::<CreateRefund>(),
    Kind::of::<ExpireSession>(),
    Kind::of::<ReconcileStripe>(),
    Kind::of::<SyncProduct>(),
    Kind::of::<SyncCatalogue>(),
    Kind::of::<RenderInvoice>(),
    Kind::of::<DrawSummary>(),
    Kind::of::<RemindInvoices>(),
    Kind::of::<BuildExport>(),
    Kind::of::<PurgeExpired>(),
    Kind::of::<SweepFiles>(),
    Kind::of::<Probe>(),
];

/// A kind without its type: for jobs that are made from a name and JSON (schedules, an edited payload).
#[derive(Debug)]
pub struct Kind {
    /// `noun.verb`.
    pub name: &'static str,
    /// Names it had before.
    pub aliases: &'static [&'static str],
    /// Where it waits.
    pub lane: Lane,
    /// How often and how soon again.
    pub retry: Retry,
    /// After this long a run is stopped.
    pub timeout: Duration,
    /// A job of this payload. 422, with the field `payload`, when it does not decode.
    pub job: fn(&Value) -> Result<NewJob>,
}

impl Kind {
    const fn of<J: Job>() -> Self {
        let (name, aliases, lane, retry, timeout) = (J::KIND, J::ALIASES, J::LANE, J::RETRY, J::TIMEOUT);
        Self { name, aliases, lane, retry, timeout, job: decoded::<J> }
    }
}

fn decoded<J: Job>(payload: &Value) -> Result<NewJob> {
    let job = J::deserialize(payload).map_err(|error| Error::field("payload", "type", error.to_string()))?;
    NewJob::of(&job)
}

/// The kind of this name, present or former.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name || kind.aliases.contains(&name))
}

impl NewJob {
    /// A job from its kind's name and its payload. 422 names what does not fit: `kind` or `payload`.
    pub fn named_kind(kind: &str, payload: &Value) -> Result<Self> {
        let found = find(kind).ok_or_else(|| Error::field("kind", "choice", format!("there is no kind `{kind}`")))?;
        (found.job)(payload)
    }
}

/// Renders a mail and hands it to the relay. The lane comes from the template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendEmail {
    /// The row in `emails`.
    pub email: EmailId,
}

impl Job for SendEmail {
    const KIND: &'static str = "email.send";
    const LANE: Lane = Lane::Email;
    const RETRY: Retry = Retry::MAIL;
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("email", self.email.0))
    }
}

/// Greets a freshly activated account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// The account.
    pub user: UserId,
}

impl Job for Welcome {
    const KIND: &'static str = "account.welcome";
    const TIMEOUT: Duration = Duration::from_secs(30);
    fn unique_key(&self) -> Option<String> {
        Some(format!("welcome:{}", self.user))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("user", self.user.0))
    }
    fn owner(&self) -> Option<UserId> {
        Some(self.user)
    }
}

/// Turns a notification into mails, as its audience and their preferences say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DispatchNotification {
    /// The row in `notifications`.
    pub notification: NotificationId,
}

impl Job for DispatchNotification {
    const KIND: &'static str = "notification.dispatch";
    const TIMEOUT: Duration = Duration::from_secs(30);
    fn unique_key(&self) -> Option<String> {
        Some(format!("notification:{}", self.notification))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("notification", self.notification.0))
    }
}

/// Ends the waiting for an order's payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExpireOrder {
    /// The order.
    pub order: OrderId,
    /// The payment that gave it more time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
}

impl Job for ExpireOrder {
    const KIND: &'static str = "order.expire";
    const TIMEOUT: Duration = Duration::from_secs(30);
    fn unique_key(&self) -> Option<String> {
        let payment = self.payment.map(|payment| format!(":{payment}")).unwrap_or_default();
        Some(format!("order-expire:{}{payment}", self.order))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("order", self.order.0))
    }
}

/// Deletes what has passed its term: tokens, sessions, finished jobs, bodies of mails, read notifications.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PurgeExpired {}

impl Job for PurgeExpired {
    const KIND: &'static str = "maintenance.purge_expired";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(30);
}

/// Deletes the bytes of files that no row names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SweepFiles {}

impl Job for SweepFiles {
    const KIND: &'static str = "maintenance.sweep_files";
    const LANE: Lane = Lane::Maintenance;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(30);
}

/// Does what it is told, so that operators can see retry, time-out and dead letter without touching business data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// What to do.
    pub mode: ProbeMode,
    /// `sleep`: milliseconds; `fail_n`: how many times; `retry_after`, `snooze`: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Filler, so that a bench can give a payload its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a probe does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMode {
    /// Succeeds.
    Ok,
    /// Fails every time.
    Fail,
    /// Fails `n` times, then succeeds.
    FailN,
    /// Fails once and asks for its next attempt after `n` seconds.
    RetryAfter,
    /// Says once that it is too early, by `n` seconds; no attempt is burned.
    Snooze,
    /// Finds that there is nothing to do.
    Cancel,
    /// Finds that trying again cannot help.
    Dead,
    /// Panics.
    Panic,
    /// Takes `n` milliseconds.
    Sleep,
    /// Never returns, until its time-out.
    Hang,
    /// Takes its process down.
    Abort,
}

impl Job for Probe {
    const KIND: &'static str = "debug.probe";
    const RETRY: Retry = Retry::PROBE;
    fn key_argument(&self) -> Option<String> {
        let mode = serde_json::to_value(self.mode).ok()?;
        Some(format!("{}{}", mode.as_str()?, self.n.map(|n| format!(" {n}")).unwrap_or_default()))
    }
}
