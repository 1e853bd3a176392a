//! How states look: a word, an icon and a tint, never a colour alone; and how counts read.

use serde::Serialize;
use shared::domain::billing::invoices::document::Kind;
use shared::domain::billing::invoices::{InvoiceStatus, PdfStatus};
use shared::domain::billing::orders::{OrderPriority, OrderStatus};
use shared::domain::billing::payments::PaymentStatus;
use shared::domain::billing::received::EventStatus;
use shared::domain::exports::{ExportKind, ExportStatus};
use shared::domain::identity::erasures::Erasure;
use shared::domain::identity::users::Status;
use shared::domain::requests::{Priority, RequestKind, RequestStatus};
use shared::kernel::text;
use shared::platform::audit::Severity;
use shared::platform::jobs::admin::batches::BatchView;
use shared::platform::jobs::health::{COUNT_CAP, LaneView};

use crate::dashboard::pulse::starves;
use crate::dashboard::words::{feminine, in_french, key, plural, word};

/// A state as the templates show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The tint.
    pub class: &'static str,
    /// The icon.
    pub icon: &'static str,
    /// The word.
    pub word: &'static str,
}

/// A number that is a link to the rows it counts.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// `1,204`, `10,000+`.
    pub text: String,
    /// The list; none for zero.
    pub href: Option<String>,
}

impl Mark {
    /// A mark.
    pub fn new(class: &'static str, icon: &'static str, english: &'static str) -> Self {
        Self { class, icon, word: word(english) }
    }

    /// The same about something that is feminine in French.
    pub fn feminine(class: &'static str, icon: &'static str, english: &'static str) -> Self {
        Self { class, icon, word: feminine(english) }
    }
}

/// The states of a job: name, tint and icon; word.
const STATES: [(&str, &str); 8] = [
    ("scheduled", key("Scheduled")),
    ("queued", key("Waiting")),
    ("blocked", key("Blocked")),
    ("running", key("Running")),
    ("retrying", key("Retrying")),
    ("succeeded", key("Succeeded")),
    ("dead", key("Dead")),
    ("cancelled", key("Cancelled")),
];

/// A job's state.
pub fn job(state: &str) -> Mark {
    match STATES.into_iter().find(|(known, _)| *known == state) {
        Some((known, english)) => Mark::new(known, known, english),
        None => Mark::new("unknown", "alert", "Unknown"),
    }
}

/// The jobs in a state, in a word.
pub fn jobs(state: &str) -> &'static str {
    STATES
        .into_iter()
        .find(|(known, _)| *known == state)
        .map_or_else(|| word("Unknown"), |(_, english)| plural(english))
}

/// How a run ended.
pub fn outcome(outcome: &str) -> Mark {
    match outcome {
        "ok" => Mark::new("ok", "succeeded", "Succeeded"),
        "running" => Mark::new("running", "running", "Running"),
        "error" => Mark::new("error", "alert", "Failed"),
        "timeout" => Mark::new("timeout", "scheduled", "Timed out"),
        "panic" => Mark::new("panic", "dead", "Panicked"),
        "lost" => Mark::new("lost", "lost", "Worker lost"),
        "snoozed" => Mark::new("snoozed", "scheduled", "Snoozed"),
        "cancelled" => Mark::new("cancelled", "cancelled", "Cancelled"),
        _ => Mark::new("unknown", "alert", "Unknown"),
    }
}

/// A mail's status.
pub fn email(status: &str) -> Mark {
    match status {
        "queued" => Mark::new("queued", "queued", "Queued"),
        "held" => Mark::new("held", "paused", "Held"),
        "sending" => Mark::new("sending", "running", "Sending"),
        "sent" => Mark::new("sent", "succeeded", "Sent"),
        "bounced" => Mark::new("bounced", "dead", "Bounced"),
        "complained" => Mark::new("complained", "alert", "Complained"),
        "failed" => Mark::new("failed", "dead", "Failed"),
        "suppressed" => Mark::new("suppressed", "cancelled", "Suppressed"),
        "expired" => Mark::new("expired", "scheduled", "Expired"),
        "uncertain" => Mark::new("uncertain", "alert", "Uncertain"),
        _ => Mark::new("unknown", "alert", "Unknown"),
    }
}

/// A request's status.
pub fn request(status: RequestStatus) -> Mark {
    match status {
        RequestStatus::Open => Mark::feminine("open", "requests", "Open"),
        RequestStatus::InProgress => Mark::feminine("in_progress", "running", "In progress"),
        RequestStatus::Resolved => Mark::feminine("resolved", "calm", "Resolved"),
        RequestStatus::Closed => Mark::feminine("closed", "succeeded", "Closed"),
    }
}

/// How urgent a request is.
pub fn priority(priority: Priority) -> Mark {
    match priority {
        Priority::Low => Mark::feminine("low", "scheduled", "Low"),
        Priority::Normal => Mark::feminine("normal", "jobs", "Normal"),
        Priority::High => Mark::feminine("high", "alert", "High"),
        Priority::Urgent => Mark::feminine("urgent", "dead", "Urgent"),
    }
}

/// How urgent an order is, in a word.
pub fn order_priority(priority: OrderPriority) -> &'static str {
    feminine(match priority {
        OrderPriority::Low => "Low",
        OrderPriority::Normal => "Normal",
        OrderPriority::High => "High",
        OrderPriority::Urgent => "Urgent",
    })
}

/// What a request is, in a word.
pub fn kind(kind: RequestKind) -> &'static str {
    word(match kind {
        RequestKind::Contact => "Contact",
        RequestKind::FreeSample => "Free sample",
        RequestKind::Complaint => "Complaint",
    })
}

/// Where an invoice stands.
pub fn invoice(status: InvoiceStatus) -> Mark {
    match status {
        InvoiceStatus::Draft => Mark::feminine("open", "scheduled", "Draft"),
        InvoiceStatus::Issued => Mark::feminine("queued", "queued", "Issued"),
        InvoiceStatus::Paid => Mark::feminine("succeeded", "succeeded", "Paid"),
        InvoiceStatus::Credited => Mark::feminine("cancelled", "cancelled", "Credited"),
    }
}

/// What became of an event of Stripe's.
pub fn event(status: EventStatus) -> Mark {
    match status {
        EventStatus::Received => Mark::new("queued", "queued", "Received"),
        EventStatus::Processed => Mark::new("succeeded", "succeeded", "Processed"),
        EventStatus::Ignored => Mark::new("cancelled", "cancelled", "Ignored"),
        EventStatus::Unmatched => Mark::new("uncertain", "alert", "Unmatched"),
        EventStatus::Failed => Mark::new("dead", "dead", "Failed"),
        EventStatus::Quarantined => Mark::new("paused", "paused", "Quarantined"),
    }
}

/// Where an order stands.
pub fn order(status: OrderStatus) -> Mark {
    match status {
        OrderStatus::Cart | OrderStatus::Pending => Mark::feminine("queued", "queued", "Waiting for payment"),
        OrderStatus::Paid => Mark::feminine("open", "succeeded", "Paid"),
        OrderStatus::InProgress => Mark::feminine("running", "running", "In progress"),
        OrderStatus::Delivered => Mark::feminine("open", "succeeded", "Delivered"),
        OrderStatus::Completed => Mark::feminine("succeeded", "succeeded", "Completed"),
        OrderStatus::Suspended => Mark::feminine("paused", "paused", "Suspended"),
        OrderStatus::Cancelled => Mark::feminine("cancelled", "cancelled", "Cancelled"),
        OrderStatus::Expired => Mark::feminine("expired", "scheduled", "Expired"),
        OrderStatus::Refunded => Mark::feminine("cancelled", "lost", "Refunded"),
    }
}

/// Where a payment stands.
pub fn payment(status: PaymentStatus) -> Mark {
    match status {
        PaymentStatus::Pending => Mark::new("queued", "queued", "Page open"),
        PaymentStatus::Processing => Mark::new("running", "running", "Under way"),
        PaymentStatus::Succeeded => Mark::new("succeeded", "succeeded", "Succeeded"),
        PaymentStatus::Failed => Mark::new("dead", "alert", "Declined"),
        PaymentStatus::Expired => Mark::new("expired", "scheduled", "Expired"),
        PaymentStatus::Cancelled => Mark::new("cancelled", "cancelled", "Given up"),
        PaymentStatus::Review => Mark::new("uncertain", "alert", "To be looked at"),
        PaymentStatus::Refunded => Mark::new("cancelled", "lost", "Refunded"),
        PaymentStatus::PartiallyRefunded => Mark::new("succeeded", "lost", "Partly refunded"),
        PaymentStatus::Disputed => Mark::new("dead", "alert", "Disputed"),
    }
}

/// How an invoice's files are.
pub fn files(status: InvoiceStatus, files: PdfStatus) -> Mark {
    match (status, files) {
        (InvoiceStatus::Draft, _) => Mark::new("scheduled", "scheduled", "None yet"),
        (_, PdfStatus::Pending) => Mark::new("running", "running", "Being drawn"),
        (_, PdfStatus::Ready) => Mark::new("succeeded", "succeeded", "Stored"),
        (_, PdfStatus::Failed) => Mark::new("dead", "dead", "Not drawn"),
    }
}

/// What an invoice is, in a word.
pub fn document(kind: Kind) -> &'static str {
    word(match kind {
        Kind::Invoice => "Invoice",
        Kind::CreditNote => "Credit note",
        Kind::Corrective => "Corrected invoice",
        Kind::Deposit => "Deposit invoice",
    })
}

/// Where an export stands.
pub fn export(status: ExportStatus) -> Mark {
    match status {
        ExportStatus::Requested => Mark::new("queued", "queued", "Waiting"),
        ExportStatus::Running => Mark::new("running", "running", "Being written"),
        ExportStatus::Ready => Mark::new("succeeded", "succeeded", "Ready"),
        ExportStatus::Failed => Mark::new("dead", "dead", "Failed"),
        ExportStatus::Expired => Mark::new("expired", "scheduled", "Expired"),
        ExportStatus::Cancelled => Mark::new("cancelled", "cancelled", "Cancelled"),
    }
}

/// What an export is of, in a word.
pub fn export_kind(kind: ExportKind) -> &'static str {
    word(match kind {
        ExportKind::PersonalData => "Personal data",
        ExportKind::AuditLog => "Audit log",
        ExportKind::Orders => "Orders",
        ExportKind::Invoices => "Invoices",
        ExportKind::Users => "Accounts",
        ExportKind::Report => "Statistics",
    })
}

/// Where an account stands.
pub fn user(status: Status) -> Mark {
    match status {
        Status::PendingActivation => Mark::new("scheduled", "scheduled", "Not activated"),
        Status::Active => Mark::new("succeeded", "succeeded", "Active"),
        Status::Suspended => Mark::new("paused", "paused", "Suspended"),
        Status::DeletionPending => Mark::new("retrying", "trash", "Being deleted"),
        Status::Anonymised => Mark::new("cancelled", "cancelled", "Erased"),
    }
}

/// How far an erasure is.
pub fn erasure(erasure: &Erasure) -> Mark {
    match (erasure.done_at, erasure.cancelled_at) {
        (Some(_), _) => Mark::new("succeeded", "succeeded", "Done"),
        (None, Some(_)) => Mark::new("cancelled", "cancelled", "Called off"),
        (None, None) if erasure.days_left < 0 => Mark::new("dead", "alert", "Late"),
        (None, None) => Mark::new("running", "running", "Under way"),
    }
}

/// A worker's state.
pub fn worker(state: &str) -> Mark {
    match state {
        "running" => Mark::new("alive", "succeeded", "Alive"),
        "draining" => Mark::new("draining", "queued", "Draining"),
        "stopped" => Mark::new("stopped", "cancelled", "Stopped"),
        _ => Mark::new("lost", "lost", "Lost"),
    }
}

/// A group of failures.
pub fn group(state: &str) -> Mark {
    match state {
        "new" => Mark::new("new", "alert", "New"),
        "known" => Mark::new("known", "jobs", "Known"),
        "resolved" => Mark::new("resolved", "succeeded", "Resolved"),
        "regressed" => Mark::new("regressed", "retrying", "Regressed"),
        "muted" => Mark::new("muted", "muted", "Muted"),
        _ => Mark::new("unknown", "alert", "Unknown"),
    }
}

/// A kind's fuse.
pub fn fuse(fuse: &str) -> Mark {
    match fuse {
        "hold" => Mark::new("paused", "paused", "Held"),
        "dead" => Mark::new("dead", "dead", "To dead letters"),
        _ => Mark::new("closed", "succeeded", "Runs"),
    }
}

/// How grave an action was.
pub fn severity(severity: Severity) -> Mark {
    match severity {
        Severity::Low => Mark::feminine("known", "succeeded", "Low"),
        Severity::Medium => Mark::feminine("queued", "jobs", "Medium"),
        Severity::High => Mark::feminine("retrying", "alert", "High"),
        Severity::Critical => Mark::feminine("dead", "dead", "Critical"),
    }
}

/// A batch.
pub fn batch(batch: &BatchView) -> Mark {
    match (batch.sealed_at, batch.finished_at) {
        (_, Some(_)) => Mark::new("succeeded", "succeeded", "Finished"),
        (Some(_), None) => Mark::new("running", "running", "Running"),
        (None, None) => Mark::new("open", "queued", "Open"),
    }
}

/// How a lane flows.
pub fn lane(lane: &LaneView) -> Mark {
    if lane.paused_at.is_some() {
        return Mark::new("paused", "paused", "Paused");
    }
    if starves(lane) {
        return Mark::new("starved", "alert", "No worker");
    }
    if matches!(lane.limited_by.as_deref(), Some("rate" | "concurrency" | "fuse" | "key")) {
        return Mark::new("held", "limits", "Held back");
    }
    match (lane.waiting + lane.running > 0, lane.workers) {
        (true, _) => Mark::new("flowing", "running", "Flowing"),
        (false, 0) => Mark::new("idle", "cancelled", "Not served"),
        (false, _) => Mark::new("idle", "succeeded", "Idle"),
    }
}

/// A count that was stopped at the bound reads `10,000+`; `10 000+` in French.
pub fn capped(n: i64, more: bool) -> String {
    let mut text = text::grouped(&n.to_string(), if in_french() { '\u{202f}' } else { ',' });
    if more {
        text.push('+');
    }
    text
}

impl Count {
    /// A lane's count, linked to exactly those jobs.
    pub fn of(lane: &str, state: &str, n: i64) -> Self {
        Self::linked(n, format!("/admin/jobs?state={state}&lane={lane}"))
    }

    /// A count, linked to what it counts; zero is not.
    pub fn linked(n: i64, href: String) -> Self {
        let href = (n > 0).then_some(href);
        Self { text: capped(n.min(COUNT_CAP), n > COUNT_CAP), href }
    }
}
