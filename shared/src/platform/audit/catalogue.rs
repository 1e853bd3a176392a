//! Every action that is recorded: how grave it is, how it ended, and whether its own story tells the administrators.
//! A test compares this page with what the sources record.

use super::{Outcome, Severity};

/// A kind of entry.
#[derive(Debug)]
pub struct Action {
    /// As in rows.
    pub name: &'static str,
    /// How grave, at least.
    pub severity: Severity,
    /// How it ended.
    pub outcome: Outcome,
    /// The story that records it tells the administrators itself, in better words than an alert's.
    pub told: bool,
}

const fn low(name: &'static str) -> Action {
    Action { name, severity: Severity::Low, outcome: Outcome::Success, told: false }
}

const fn medium(name: &'static str) -> Action {
    Action { severity: Severity::Medium, ..low(name) }
}

const fn high(name: &'static str) -> Action {
    Action { severity: Severity::High, ..low(name) }
}

const fn critical(name: &'static str) -> Action {
    Action { severity: Severity::Critical, ..low(name) }
}

const fn refused(action: Action) -> Action {
    Action { outcome: Outcome::Refused, ..action }
}

const fn failed(action: Action) -> Action {
    Action { outcome: Outcome::Error, ..action }
}

const fn told(action: Action) -> Action {
    Action { told: true, ..action }
}

/// All of them, by subject.
pub static ACTIONS: &[Action] = &[
    low("LOGIN_SUCCESS"),
    refused(medium("LOGIN_FAILED")),
    low("LOGOUT"),
    medium("PASSWORD_CHANGE"),
    low("PASSWORD_RESET_REQUEST"),
    medium("PASSWORD_RESET_SUCCESS"),
    refused(medium("PASSWORD_RESET_FAILED")),
    refused(high("ACCOUNT_LOCKED")),
    low("USER_REGISTERED"),
    low("REGISTRATION_REPEATED"),
    low("USER_ACTIVATED"),
    medium("USER_CREATED"),
    low("USER_UPDATED"),
    high("USER_DELETED"),
    high("USER_DELETION_REQUESTED"),
    medium("USER_DATA_EXPORTED"),
    low("USER_MESSAGE_SUPPORT_EMAIL_SENT"),
    high("USER_ROLE_CHANGED"),
    high("USER_STATUS_CHANGED"),
    medium("USER_DELETION_CANCELLED"),
    medium("SESSIONS_REVOKED"),
    high("PERMISSION_GRANTED"),
    high("PERMISSION_REVOKED"),
    medium("GROUP_CREATED"),
    high("GROUP_CHANGED"),
    medium("GROUP_DELETED"),
    high("ROLE_CREATED"),
    high("ROLE_CHANGED"),
    high("ROLE_DELETED"),
    low("ORDER_CREATED"),
    medium("ORDER_UPDATED"),
    told(high("ORDER_DELETED")),
    medium("ORDER_STATUS_CHANGED"),
    low("ORDER_ASSIGNED"),
    low("INVOICE_DRAFTED"),
    medium("INVOICE_UPDATED"),
    medium("INVOICE_DISCARDED"),
    low("INVOICE_ISSUED"),
    low("INVOICE_PAID"),
    low("INVOICE_ACCESSED"),
    low("INVOICE_DOWNLOADED"),
    low("INVOICE_SENT"),
    low("INVOICE_REMINDED"),
    high("INVOICE_CANCELLED"),
    low("INVOICE_PDF_GENERATED"),
    low("INVOICE_REDRAWN"),
    low("PAYMENT_SESSION_CREATED"),
    low("PAYMENT_STATUS_CHECKED"),
    low("PAYMENT_WEBHOOK_RECEIVED"),
    low("PAYMENT_SUCCEEDED"),
    failed(medium("PAYMENT_FAILED")),
    told(high("PAYMENT_REVIEW")),
    told(critical("PAYMENT_DISPUTED")),
    high("REFUND_REQUESTED"),
    low("REFUND_SETTLED"),
    told(failed(high("REFUND_FAILED"))),
    refused(medium("WEBHOOK_REFUSED")),
    medium("STRIPE_EVENT_REPLAYED"),
    medium("STRIPE_EVENT_SIMULATED"),
    medium("STRIPE_EVENTS_TAKEN_IN"),
    medium("PRODUCT_CHANGED"),
    low("CATALOGUE_SYNCED"),
    refused(medium("UNAUTHORIZED_ACCESS")),
    low("ADMIN_ACCESS"),
    refused(high("SUSPICIOUS_ACTIVITY")),
    refused(critical("SECURITY_BREACH")),
    medium("EXPORT_REQUESTED"),
    low("EXPORT_READY"),
    low("EXPORT_CANCELLED"),
    medium("EXPORT_REVOKED"),
    high("AUDIT_EXPORTED"),
    high("AUDIT_PURGE_REQUESTED"),
    high("AUDIT_PURGED"),
    high("SETTINGS_CHANGED"),
    medium("JOB_RETRIED"),
    medium("JOBS_RETRIED"),
    medium("JOB_CANCELLED"),
    high("JOB_DISCARDED"),
    medium("JOB_EDITED"),
    medium("PAYLOAD_REVEALED"),
    medium("WORKER_STOPPED"),
    medium("JOBS_PROBED"),
    medium("BULK_STARTED"),
    medium("BULK_PAUSED"),
    medium("BULK_RESUMED"),
    medium("BULK_CANCELLED"),
    medium("BULK_UNDONE"),
    medium("QUEUE_PAUSED"),
    medium("QUEUE_RESUMED"),
    medium("QUEUE_LIMITED"),
    medium("FUSE_SET"),
    medium("FUSE_CLEARED"),
    low("SCHEDULE_RUN"),
    medium("SCHEDULE_CHANGED"),
    medium("EMAIL_RESENT"),
    medium("EMAIL_TEST_SENT"),
    medium("EMAIL_DATA_CHANGED"),
    medium("EMAILS_RELEASED"),
    medium("SUPPRESSION_ADDED"),
    medium("SUPPRESSION_REMOVED"),
    low("ERROR_GROUP_RESOLVED"),
    low("ERROR_GROUP_MUTED"),
    low("ERROR_GROUP_UNMUTED"),
    low("ERROR_GROUP_NOTED"),
];

/// The action of this name.
pub(super) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}
