//! What an erasure does in every table there is. A test compares this page with the database: a new table, or a new
//! column that names a person, must be said here first.

/// What becomes of somebody's rows in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are deleted.
    Gone,
    /// They stay without a word of theirs; an id of theirs may be among what stays.
    Emptied,
    /// They stay, because the law says so.
    Kept,
    /// They hold ids and amounts, and no word of anybody.
    Ids,
    /// Nothing of a person is there.
    Nothing,
}

use Fate::{Emptied, Gone, Ids, Kept, Nothing};

/// Every table.
pub const TABLES: [(&str, Fate); 56] = [
    ("account_tokens", Gone),
    ("alarms", Emptied),
    ("audit_chain", Ids),
    ("audit_head", Nothing),
    ("audit_log", Emptied),
    ("audit_pending", Nothing),
    ("batches", Ids),
    ("bulk_items", Emptied),
    ("bulk_operations", Emptied),
    ("customers", Emptied),
    ("disputes", Ids),
    ("email_suppressions", Gone),
    ("emails", Gone),
    ("erasures", Emptied),
    ("error_groups", Emptied),
    ("exports", Gone),
    ("files", Gone),
    ("group_members", Gone),
    ("groups", Nothing),
    ("idempotency_keys", Gone),
    ("invoice_lines", Kept),
    ("invoice_series", Nothing),
    ("invoices", Kept),
    ("job_attempts", Emptied),
    ("job_edits", Gone),
    ("job_effects", Emptied),
    ("job_kinds", Ids),
    ("job_selections", Gone),
    ("job_stats", Nothing),
    ("jobs", Emptied),
    ("lanes", Ids),
    ("notification_marks", Gone),
    ("notifications", Gone),
    ("order_lines", Nothing),
    ("orders", Emptied),
    ("outgoing_calls", Ids),
    ("payment_methods", Gone),
    ("payments", Emptied),
    ("permission_grants", Gone),
    ("products", Nothing),
    ("refresh_tokens", Gone),
    ("refunds", Emptied),
    ("requests", Emptied),
    ("roles", Nothing),
    ("saved_views", Gone),
    ("schedules", Ids),
    ("sessions", Gone),
    ("settings", Ids),
    ("stat_snapshots", Nothing),
    ("stripe_events", Emptied),
    ("stripe_invoices", Ids),
    ("stripe_subscriptions", Ids),
    ("stripe_sweeps", Nothing),
    ("user_preferences", Gone),
    ("users", Emptied),
    ("workers", Nothing),
];
