//! Everything about one person (GDPR, articles 15 and 20): a table for each table that holds something of theirs, headed by
//! the names that programs know. No secret is among them, not even as a hash.
//!
//! `$1->>'user_id'` is the person. [`REFERENCES`] says of every column that may name a person where it is exported, or why
//! it is not; a test compares it with the database.

mod account;
mod purchases;
mod traces;

use account::{ACCOUNT_TOKENS, GROUP_MEMBERS, PERMISSION_GRANTS, SESSIONS, USER_PREFERENCES, USERS};
use purchases::{
    CUSTOMERS, DISPUTES, INVOICE_LINES, INVOICES, ORDER_LINES, ORDERS, PAYMENT_METHODS, PAYMENTS, REFUNDS,
    STRIPE_INVOICES, STRIPE_SUBSCRIPTIONS,
};
use traces::{
    AUDIT_LOG, EMAIL_SUPPRESSIONS, EMAILS, ERASURES, EXPORTS, FILES, JOBS, NOTIFICATION_MARKS, NOTIFICATIONS, REQUESTS,
};

use super::{Column, Table, Type, column};

const fn field(name: &'static str, of: Type, sql: &'static str) -> Column {
    column(name, of, sql, name, name)
}

/// All of them, the account first.
pub static TABLES: [&Table; 27] = [
    &USERS,
    &USER_PREFERENCES,
    &GROUP_MEMBERS,
    &PERMISSION_GRANTS,
    &SESSIONS,
    &ACCOUNT_TOKENS,
    &CUSTOMERS,
    &PAYMENT_METHODS,
    &ORDERS,
    &ORDER_LINES,
    &PAYMENTS,
    &REFUNDS,
    &DISPUTES,
    &INVOICES,
    &INVOICE_LINES,
    &STRIPE_INVOICES,
    &STRIPE_SUBSCRIPTIONS,
    &REQUESTS,
    &EMAILS,
    &NOTIFICATIONS,
    &NOTIFICATION_MARKS,
    &FILES,
    &JOBS,
    &AUDIT_LOG,
    &EXPORTS,
    &EMAIL_SUPPRESSIONS,
    &ERASURES,
];

/// Where what a column says of a person is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In the table of this name.
    In(&'static str),
    /// Nowhere, for this reason.
    Not(&'static str),
}

const STAFF: Where = Where::Not("who of the staff works on it; their own acts are in the audit log");

/// Every column that may name a person: table, column, where it is exported.
pub const REFERENCES: &[(&str, &str, Where)] = &[
    ("account_tokens", "user_id", Where::In("account_tokens")),
    ("audit_log", "actor_id", Where::In("audit_log")),
    ("batches", "created_by", STAFF),
    ("bulk_operations", "created_by", STAFF),
    ("bulk_operations", "started_by", STAFF),
    ("bulk_operations", "undone_by", STAFF),
    ("customers", "user_id", Where::In("customers")),
    ("email_suppressions", "added_by", STAFF),
    ("emails", "user_id", Where::In("emails")),
    ("erasures", "requested_by", STAFF),
    ("erasures", "user_id", Where::In("erasures")),
    ("error_groups", "changed_by", STAFF),
    ("exports", "requested_by", Where::In("exports")),
    ("exports", "subject_user_id", Where::In("exports")),
    ("files", "user_id", Where::In("files")),
    ("group_members", "added_by", STAFF),
    ("group_members", "user_id", Where::In("groups")),
    ("job_edits", "edited_by", STAFF),
    ("job_kinds", "changed_by", STAFF),
    ("job_selections", "created_by", STAFF),
    ("jobs", "created_by", Where::In("jobs")),
    ("jobs", "owner_id", Where::In("jobs")),
    ("lanes", "changed_by", STAFF),
    ("lanes", "paused_by", STAFF),
    ("notification_marks", "user_id", Where::In("notification_marks")),
    ("notifications", "user_id", Where::In("notifications")),
    ("orders", "assignee_id", STAFF),
    ("permission_grants", "granted_by", STAFF),
    ("permission_grants", "user_id", Where::In("permission_grants")),
    ("refunds", "requested_by", Where::In("refunds")),
    ("requests", "assignee_id", STAFF),
    ("requests", "submitter_id", Where::In("requests")),
    ("saved_views", "created_by", STAFF),
    ("saved_views", "owner_id", STAFF),
    ("schedules", "changed_by", STAFF),
    ("sessions", "user_id", Where::In("sessions")),
    ("settings", "updated_by", STAFF),
    ("user_preferences", "user_id", Where::In("user_preferences")),
];
