//! How states look: a word, an icon and a tint, never a colour alone; and how counts read.

use serde::Serialize;
use shared::domain::billing::invoices::document::Kind;
use shared::domain::billing::invoices::{InvoiceStatus, PdfStatus};
use shared::domain::exports::{ExportKind, ExportStatus};
use shared::domain::requests::{Priority, RequestKind, RequestStatus};
use shared::platform::jobs::admin::batches::BatchView;
use shared::platform::jobs::health::{COUNT_CAP, LaneView};

use crate::dashboard::pulse::starves;

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
    pub const fn new(class: &'static str, icon: &'static str, word: &'static str) -> Self {
        Self { class, icon, word }
    }
}

/// A job's state.
pub fn job(state: &str) -> Mark {
    match state {
        "scheduled" => Mark::new("scheduled", "scheduled", "Scheduled"),
        "queued" => Mark::new("queued", "queued", "Waiting"),
        "blocked" => Mark::new("blocked", "blocked", "Blocked"),
        "running" => Mark::new("running", "running", "Running"),
        "retrying" => Mark::new("retrying", "retrying", "Retrying"),
        "succeeded" => Mark::new("succeeded", "succeeded", "Succeeded"),
        "dead" => Mark::new("dead", "dead", "Dead"),
        "cancelled" => Mark::new("cancelled", "cancelled", "Cancelled"),
        _ => Mark::new("unknown", "alert", "Unknown"),
    }
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
pub const fn request(status: RequestStatus) -> Mark {
    match status {
        RequestStatus::Open => Mark::new("open", "requests", "Open"),
        RequestStatus::InProgress => Mark::new("in_progress", "running", "In progress"),
        RequestStatus::Resolved => Mark::new("resolved", "calm", "Resolved"),
        RequestStatus::Closed => Mark::new("closed", "succeeded", "Closed"),
    }
}

/// How urgent a request is.
pub const fn priority(priority: Priority) -> Mark {
    match priority {
        Priority::Low => Mark::new("low", "scheduled", "Low"),
        Priority::Normal => Mark::new("normal", "jobs", "Normal"),
        Priority::High => Mark::new("high", "alert", "High"),
        Priority::Urgent => Mark::new("urgent", "dead", "Urgent"),
    }
}

/// What a request is, in a word.
pub const fn kind(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Contact => "Contact",
        RequestKind::FreeSample => "Free sample",
        RequestKind::Complaint => "Complaint",
    }
}

/// Where an invoice stands.
pub const fn invoice(status: InvoiceStatus) -> Mark {
    match status {
        InvoiceStatus::Draft => Mark::new("open", "scheduled", "Draft"),
        InvoiceStatus::Issued => Mark::new("queued", "queued", "Issued"),
        InvoiceStatus::Paid => Mark::new("succeeded", "succeeded", "Paid"),
        InvoiceStatus::Credited => Mark::new("cancelled", "cancelled", "Credited"),
    }
}

/// How an invoice's files are.
pub const fn files(status: InvoiceStatus, files: PdfStatus) -> Mark {
    match (status, files) {
        (InvoiceStatus::Draft, _) => Mark::new("scheduled", "scheduled", "None yet"),
        (_, PdfStatus::Pending) => Mark::new("running", "running", "Being drawn"),
        (_, PdfStatus::Ready) => Mark::new("succeeded", "succeeded", "Stored"),
        (_, PdfStatus::Failed) => Mark::new("dead", "dead", "Not drawn"),
    }
}

/// What an invoice is, in a word.
pub const fn document(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => "Invoice",
        Kind::CreditNote => "Credit note",
        Kind::Corrective => "Corrected invoice",
        Kind::Deposit => "Deposit invoice",
    }
}

/// Where an export stands.
pub const fn export(status: ExportStatus) -> Mark {
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
pub const fn export_kind(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::PersonalData => "Personal data",
        ExportKind::AuditLog => "Audit log",
        ExportKind::Orders => "Orders",
        ExportKind::Invoices => "Invoices",
        ExportKind::Users => "Accounts",
        ExportKind::Report => "Statistics",
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

/// A count that was stopped at the bound reads `10,000+`.
pub fn capped(n: i64, more: bool) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
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
