//! The account, what it may do, and how somebody signs in.

use super::field;
use crate::reports::exports::Type::{Bool, Id, Integer, Json, Text, Time};
use crate::reports::exports::{Key, Table};

pub(super) static USERS: Table = Table {
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

pub(super) static USER_PREFERENCES: Table = Table {
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

pub(super) static GROUP_MEMBERS: Table = Table {
    name: "groups",
    title: ["Groupes", "Groups"],
    from: "group_members t join groups g on g.id = t.group_id where t.user_id = ($1->>'user_id')::uuid",
    key: "t.group_id",
    by: Key::Id,
    columns: &[field("group", Text, "g.name"), field("added_at", Time, "t.added_at")],
};

pub(super) static PERMISSION_GRANTS: Table = Table {
    name: "permission_grants",
    title: ["Droits prêtés", "Lent permissions"],
    from: "permission_grants t where t.user_id = ($1->>'user_id')::uuid",
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("permission", Text, "t.permission"),
        field("expires_at", Time, "t.expires_at"),
        field("created_at", Time, "t.created_at"),
    ],
};

pub(super) static SESSIONS: Table = Table {
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

pub(super) static ACCOUNT_TOKENS: Table = Table {
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
