//! What was said between them and the house, and what is kept of what they did.

use super::field;
use crate::reports::exports::Type::{Id, Integer, Json, Text, Time};
use crate::reports::exports::{Key, Table};

pub(super) static REQUESTS: Table = Table {
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

pub(super) static EMAILS: Table = Table {
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

pub(super) static NOTIFICATIONS: Table = Table {
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

pub(super) static NOTIFICATION_MARKS: Table = Table {
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

pub(super) static FILES: Table = Table {
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

pub(super) static JOBS: Table = Table {
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

pub(super) static AUDIT_LOG: Table = Table {
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
        // Of whom an entry is about but not by, these would tell of somebody else.
        field("ip_address", Text, "case when t.actor_id = ($1->>'user_id')::uuid then host(t.ip_address) end"),
        field("user_agent", Text, "case when t.actor_id = ($1->>'user_id')::uuid then t.user_agent end"),
        field("outcome", Text, "t.outcome"),
    ],
};

pub(super) static EXPORTS: Table = Table {
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

pub(super) static EMAIL_SUPPRESSIONS: Table = Table {
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

pub(super) static ERASURES: Table = Table {
    name: "erasures",
    title: ["Demandes d’effacement", "Erasure requests"],
    from: "erasures t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("requested_at", Time, "t.requested_at"),
        field("due_by", Time, "t.due_by"),
        field("cancelled_at", Time, "t.cancelled_at"),
    ],
};
