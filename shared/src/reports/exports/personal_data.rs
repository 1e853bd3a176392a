//! Everything about one person (GDPR, articles 15 and 20): a table for each table that holds something of theirs, headed by
//! the names that programs know. No secret is among them, not even as a hash.
//!
//! `$1->>'user_id'` is the person. [`REFERENCES`] says of every column that may name a person where it is exported, or why
//! it is not; a test compares it with the database.

use super::Type::{Bool, Date, Id, Integer, Json, Money, Number, Text, Time};
use super::{Column, Key, Table, Type, column};

const fn field(name: &'static str, of: Type, sql: &'static str) -> Column {
    column(name, of, sql, name, name)
}

/// All of them, the account first.
pub static TABLES: [&Table; 24] = [&USERS, &USER_PREFERENCES, &SESSIONS, &ACCOUNT_TOKENS, &CUSTOMERS, &PAYMENT_METHODS, &ORDERS, &ORDER_LINES, &PAYMENTS, &REFUNDS, &DISPUTES, &INVOICES, &INVOICE_LINES, &STRIPE_INVOICES, &STRIPE_SUBSCRIPTIONS, &REQUESTS, &EMAILS, &NOTIFICATIONS, &NOTIFICATION_MARKS, &FILES, &JOBS, &AUDIT_LOG, &EXPORTS, &EMAIL_SUPPRESSIONS];

static USERS: Table = Table {
    name: "users",
    title: ["Compte", "Account"],
    from: "users t where t.id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("email", Text, "t.email::text"),
        field("username", Text, "t.username::text"),
        field("first_name", Text, "t.first_name"),
        field("last_name", Text, "t.last_name"),
        field("role", Text, "t.role"),
        field("status", Text, "t.status"),
        field("locale", Text, "t.locale"),
        field("phone", Text, "t.phone"),
        field("avatar_file_id", Id, "t.avatar_file_id"),
        field("employee_number", Text, "t.employee_number"),
        field("department", Text, "t.department"),
        field("job_title", Text, "t.job_title"),
        field("two_factor", Bool, "(t.totp_secret_enc is not null)"),
        field("failed_logins", Integer, "t.failed_logins::bigint"),
        field("last_failure_at", Time, "t.last_failure_at"),
        field("locked_until", Time, "t.locked_until"),
        field("last_seen_at", Time, "t.last_seen_at"),
        field("activated_at", Time, "t.activated_at"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};
static USER_PREFERENCES: Table = Table {
    name: "user_preferences",
    title: ["Préférences", "Preferences"],
    from: "user_preferences t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.user_id",
    by: Key::Id,
    columns: &[
        field("locale", Text, "t.locale"),
        field("email_notifications", Text, "t.email_notifications"),
        field("dark_mode", Bool, "t.dark_mode"),
        field("learning_goal_minutes", Integer, "t.learning_goal_minutes::bigint"),
        field("mail_off", Json, "to_jsonb(t.mail_off)::text"),
    ],
};
static SESSIONS: Table = Table {
    name: "sessions",
    title: ["Sessions", "Sessions"],
    from: "sessions t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("kind", Text, "t.kind"),
        field("ip_address", Text, "host(t.ip_address)"),
        field("user_agent", Text, "t.user_agent"),
        field("created_at", Time, "t.created_at"),
        field("seen_at", Time, "t.seen_at"),
        field("expires_at", Time, "t.expires_at"),
        field("revoked_at", Time, "t.revoked_at"),
    ],
};
static ACCOUNT_TOKENS: Table = Table {
    name: "account_tokens",
    title: ["Liens secrets", "Secret links"],
    from: "account_tokens t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("purpose", Text, "t.purpose"),
        field("email_id", Id, "t.email_id"),
        field("expires_at", Time, "t.expires_at"),
        field("used_at", Time, "t.used_at"),
        field("voided_at", Time, "t.voided_at"),
        field("created_at", Time, "t.created_at"),
    ],
};
static CUSTOMERS: Table = Table {
    name: "customers",
    title: ["Client", "Customer"],
    from: "customers t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("email", Text, "t.email::text"),
        field("locale", Text, "t.locale"),
        field("legal_name", Text, "t.legal_name"),
        field("vat_number", Text, "t.vat_number"),
        field("company_number", Text, "t.company_number"),
        field("address_line1", Text, "t.address_line1"),
        field("address_line2", Text, "t.address_line2"),
        field("postal_code", Text, "t.postal_code"),
        field("city", Text, "t.city"),
        field("country_code", Text, "t.country_code"),
        field("stripe_customer_id", Text, "t.stripe_customer_id"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};
static PAYMENT_METHODS: Table = Table {
    name: "payment_methods",
    title: ["Moyens de paiement", "Payment methods"],
    from: "payment_methods t where t.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("type", Text, "t.type"),
        field("brand", Text, "t.brand"),
        field("last4", Text, "t.last4"),
        field("exp_month", Integer, "t.exp_month::bigint"),
        field("exp_year", Integer, "t.exp_year::bigint"),
        field("is_default", Bool, "t.is_default"),
        field("created_at", Time, "t.created_at"),
        field("synced_at", Time, "t.synced_at"),
    ],
};
static ORDERS: Table = Table {
    name: "orders",
    title: ["Commandes", "Orders"],
    from: "orders t where t.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("number", Text, "t.number"),
        field("status", Text, "t.status"),
        field("priority", Text, "t.priority"),
        field("title", Text, "t.title"),
        field("description", Text, "t.description"),
        field("client_note", Text, "t.client_note"),
        field("currency", Text, "t.currency::text"),
        field("total_net", Money("t.currency::text"), "t.total_net_cents"),
        field("total_vat", Money("t.currency::text"), "t.total_vat_cents"),
        field("total_gross", Money("t.currency::text"), "t.total_gross_cents"),
        field("due_at", Time, "t.due_at"),
        field("placed_at", Time, "t.placed_at"),
        field("paid_at", Time, "t.paid_at"),
        field("delivered_at", Time, "t.delivered_at"),
        field("completed_at", Time, "t.completed_at"),
        field("expires_at", Time, "t.expires_at"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};
static ORDER_LINES: Table = Table {
    name: "order_lines",
    title: ["Lignes de commande", "Order lines"],
    from: "order_lines t join orders o on o.id = t.order_id where o.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("order_id", Id, "t.order_id"),
        field("position", Integer, "t.position::bigint"),
        field("name", Text, "t.name"),
        field("description", Text, "t.description"),
        field("quantity", Number, "t.quantity::text"),
        field("unit_price", Money("o.currency::text"), "t.unit_price_cents"),
        field("vat_rate", Number, "t.vat_rate::text"),
        field("vat_category", Text, "t.vat_category"),
    ],
};
static PAYMENTS: Table = Table {
    name: "payments",
    title: ["Paiements", "Payments"],
    from: "payments t join orders o on o.id = t.order_id where o.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("order_id", Id, "t.order_id"),
        field("status", Text, "t.status"),
        field("method", Text, "t.method"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("refunded", Money("t.currency::text"), "t.refunded_cents"),
        field("currency", Text, "t.currency::text"),
        field("stripe_payment_intent_id", Text, "t.stripe_payment_intent_id"),
        field("failure_code", Text, "t.failure_code"),
        field("succeeded_at", Time, "t.succeeded_at"),
        field("created_at", Time, "t.created_at"),
    ],
};
static REFUNDS: Table = Table {
    name: "refunds",
    title: ["Remboursements", "Refunds"],
    from: "refunds t join payments p on p.id = t.payment_id join orders o on o.id = p.order_id where (o.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid) or t.requested_by = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("payment_id", Id, "t.payment_id"),
        field("status", Text, "t.status"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("currency", Text, "t.currency::text"),
        field("reason", Text, "t.reason"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};
static DISPUTES: Table = Table {
    name: "disputes",
    title: ["Litiges", "Disputes"],
    from: "disputes t join payments p on p.id = t.payment_id join orders o on o.id = p.order_id where o.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("payment_id", Id, "t.payment_id"),
        field("status", Text, "t.status"),
        field("reason", Text, "t.reason"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("currency", Text, "t.currency::text"),
        field("due_by", Time, "t.due_by"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};
static INVOICES: Table = Table {
    name: "invoices",
    title: ["Factures", "Invoices"],
    from: "invoices t where t.status <> 'draft' and t.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("number", Text, "t.number"),
        field("kind", Text, "t.kind"),
        field("status", Text, "t.status"),
        field("order_id", Id, "t.order_id"),
        field("issue_date", Date, "t.issue_date"),
        field("due_date", Date, "t.due_date"),
        field("currency", Text, "t.currency::text"),
        field("total_net", Money("t.currency::text"), "t.total_net_cents"),
        field("total_vat", Money("t.currency::text"), "t.total_vat_cents"),
        field("total_gross", Money("t.currency::text"), "t.total_gross_cents"),
        field("document", Json, "t.document::text"),
        field("pdf_file_id", Id, "t.pdf_file_id"),
        field("sent_at", Time, "t.sent_at"),
        field("paid_at", Time, "t.paid_at"),
        field("issued_at", Time, "t.issued_at"),
    ],
};
static INVOICE_LINES: Table = Table {
    name: "invoice_lines",
    title: ["Lignes de facture", "Invoice lines"],
    from: "invoice_lines t join invoices o on o.id = t.invoice_id where o.status <> 'draft' and o.customer_id in (select id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("invoice_id", Id, "t.invoice_id"),
        field("position", Integer, "t.position::bigint"),
        field("name", Text, "t.name"),
        field("description", Text, "t.description"),
        field("quantity", Number, "t.quantity::text"),
        field("unit_price", Number, "t.unit_price::text"),
        field("net", Money("o.currency::text"), "t.net_cents"),
        field("vat_rate", Number, "t.vat_rate::text"),
    ],
};
static STRIPE_INVOICES: Table = Table {
    name: "stripe_invoices",
    title: ["Factures chez Stripe", "Invoices at Stripe"],
    from: "stripe_invoices t where t.stripe_customer_id in (select stripe_customer_id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("subscription_id", Text, "t.subscription_id"),
        field("status", Text, "t.status"),
        field("total", Money("t.currency::text"), "t.total_cents"),
        field("paid", Money("t.currency::text"), "t.paid_cents"),
        field("currency", Text, "t.currency::text"),
        field("period_end", Time, "t.period_end"),
    ],
};
static STRIPE_SUBSCRIPTIONS: Table = Table {
    name: "stripe_subscriptions",
    title: ["Abonnements", "Subscriptions"],
    from: "stripe_subscriptions t where t.stripe_customer_id in (select stripe_customer_id from customers where user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("status", Text, "t.status"),
        field("period_end", Time, "t.period_end"),
        field("ends_with_period", Bool, "t.ends_with_period"),
    ],
};
static REQUESTS: Table = Table {
    name: "requests",
    title: ["Demandes", "Requests"],
    from: "requests t where (t.submitter_id = ($1->>'user_id')::uuid or t.submitter_email = (select email from users where id = ($1->>'user_id')::uuid))",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("number", Text, "t.number"),
        field("kind", Text, "t.kind"),
        field("status", Text, "t.status"),
        field("priority", Text, "t.priority"),
        field("submitter_name", Text, "t.submitter_name"),
        field("submitter_email", Text, "t.submitter_email::text"),
        field("submitter_phone", Text, "t.submitter_phone"),
        field("title", Text, "t.title"),
        field("body", Text, "t.body"),
        field("category", Text, "t.category"),
        field("details", Json, "t.details::text"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
        field("resolved_at", Time, "t.resolved_at"),
    ],
};
static EMAILS: Table = Table {
    name: "emails",
    title: ["Courriels", "E-mails"],
    from: "emails t where (t.user_id = ($1->>'user_id')::uuid or t.to_address = (select email from users where id = ($1->>'user_id')::uuid))",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("template", Text, "t.template"),
        field("locale", Text, "t.locale"),
        field("status", Text, "t.status"),
        field("to_address", Text, "t.to_address::text"),
        field("to_name", Text, "t.to_name"),
        field("subject", Text, "t.subject"),
        field("vars", Json, "t.vars::text"),
        field("attachments", Json, "t.attachments::text"),
        field("smtp_reply", Text, "t.smtp_reply"),
        field("sent_at", Time, "t.sent_at"),
        field("created_at", Time, "t.created_at"),
    ],
};
static NOTIFICATIONS: Table = Table {
    name: "notifications",
    title: ["Notifications", "Notifications"],
    from: "notifications t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("type", Text, "t.type"),
        field("title", Text, "t.title"),
        field("message", Text, "t.message"),
        field("action_url", Text, "t.action_url"),
        field("priority", Text, "t.priority"),
        field("read_at", Time, "t.read_at"),
        field("deleted_at", Time, "t.deleted_at"),
        field("created_at", Time, "t.created_at"),
    ],
};
static NOTIFICATION_MARKS: Table = Table {
    name: "notification_marks",
    title: ["Notifications lues", "Marks on notifications"],
    from: "notification_marks t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.notification_id",
    by: Key::Id,
    columns: &[
        field("notification_id", Id, "t.notification_id"),
        field("read_at", Time, "t.read_at"),
        field("deleted_at", Time, "t.deleted_at"),
    ],
};
static FILES: Table = Table {
    name: "files",
    title: ["Fichiers", "Files"],
    from: "files t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("kind", Text, "t.kind"),
        field("name", Text, "t.name"),
        field("content_type", Text, "t.content_type"),
        field("size", Integer, "t.size"),
        field("sha256", Text, "t.sha256"),
        field("created_at", Time, "t.created_at"),
        field("expires_at", Time, "t.expires_at"),
    ],
};
static JOBS: Table = Table {
    name: "jobs",
    title: ["Tâches", "Jobs"],
    from: "jobs t where (t.owner_id = ($1->>'user_id')::uuid or t.created_by = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("kind", Text, "t.kind"),
        field("state", Text, "t.state"),
        field("payload", Json, "t.payload::text"),
        field("result", Json, "t.result::text"),
        field("created_at", Time, "t.created_at"),
        field("started_at", Time, "t.started_at"),
        field("finished_at", Time, "t.finished_at"),
    ],
};
static AUDIT_LOG: Table = Table {
    name: "audit_log",
    title: ["Journal d’audit", "Audit log"],
    from: "audit_log t where (t.actor_id = ($1->>'user_id')::uuid or (t.target_type = 'user' and t.target_id = $1->>'user_id'))",
    key: "t.id",
    by: Key::Integer,
    columns: &[
        field("id", Integer, "t.id"),
        field("occurred_at", Time, "t.occurred_at"),
        field("action", Text, "t.action"),
        field("target_type", Text, "t.target_type"),
        field("target_id", Text, "t.target_id"),
        field("details", Json, "t.details::text"),
        field("ip_address", Text, "host(t.ip_address)"),
        field("user_agent", Text, "t.user_agent"),
        field("outcome", Text, "t.outcome"),
    ],
};
static EXPORTS: Table = Table {
    name: "exports",
    title: ["Exports", "Exports"],
    from: "exports t where (t.requested_by = ($1->>'user_id')::uuid or t.subject_user_id = ($1->>'user_id')::uuid)",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("kind", Text, "t.kind"),
        field("format", Text, "t.format"),
        field("filters", Json, "t.filters::text"),
        field("status", Text, "t.status"),
        field("created_at", Time, "t.created_at"),
        field("finished_at", Time, "t.finished_at"),
        field("expires_at", Time, "t.expires_at"),
    ],
};
static EMAIL_SUPPRESSIONS: Table = Table {
    name: "email_suppressions",
    title: ["Adresses suspendues", "Suppressed addresses"],
    from: "email_suppressions t where t.address = (select email from users where id = ($1->>'user_id')::uuid)",
    key: "t.address::text",
    by: Key::Text,
    columns: &[
        field("address", Text, "t.address::text"),
        field("reason", Text, "t.reason"),
        field("evidence", Text, "t.evidence"),
        field("created_at", Time, "t.created_at"),
    ],
};

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
    ("customers", "user_id", Where::In("customers")),
    ("emails", "user_id", Where::In("emails")),
    ("error_groups", "changed_by", STAFF),
    ("exports", "requested_by", Where::In("exports")),
    ("exports", "subject_user_id", Where::In("exports")),
    ("files", "user_id", Where::In("files")),
    ("job_kinds", "changed_by", STAFF),
    ("job_selections", "created_by", STAFF),
    ("jobs", "created_by", Where::In("jobs")),
    ("jobs", "owner_id", Where::In("jobs")),
    ("lanes", "changed_by", STAFF),
    ("lanes", "paused_by", STAFF),
    ("notification_marks", "user_id", Where::In("notification_marks")),
    ("notifications", "user_id", Where::In("notifications")),
    ("orders", "assignee_id", STAFF),
    ("refunds", "requested_by", Where::In("refunds")),
    ("requests", "assignee_id", STAFF),
    ("requests", "submitter_id", Where::In("requests")),
    ("schedules", "changed_by", STAFF),
    ("sessions", "user_id", Where::In("sessions")),
    ("settings", "updated_by", STAFF),
    ("user_preferences", "user_id", Where::In("user_preferences")),
];
