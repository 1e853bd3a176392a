//! The audit log, oldest first.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Type::{Id, Integer, Json, Text, Time};
use super::{Column, Key, Table, column};

/// Which entries. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFilter {
    /// What was done.
    pub action: Option<String>,
    /// How grave.
    pub severity: Option<String>,
    /// Who did it.
    pub actor_id: Option<Uuid>,
    /// To what kind of thing.
    pub target_type: Option<String>,
    /// To which.
    pub target_id: Option<String>,
    /// At that moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Before that moment.
    pub to: Option<DateTime<Utc>>,
}

/// The entries.
pub static AUDIT_LOG: Table = Table {
    name: "audit_log",
    title: ["Journal d’audit", "Audit log"],
    from: "audit_log a where ($1->>'action' is null or a.action = $1->>'action')
           and ($1->>'severity' is null or a.severity = $1->>'severity')
           and ($1->>'actor_id' is null or a.actor_id = ($1->>'actor_id')::uuid)
           and ($1->>'target_type' is null or a.target_type = $1->>'target_type')
           and ($1->>'target_id' is null or a.target_id = $1->>'target_id')
           and ($1->>'from' is null or a.occurred_at >= ($1->>'from')::timestamptz)
           and ($1->>'to' is null or a.occurred_at < ($1->>'to')::timestamptz)",
    key: "a.id",
    by: Key::Integer,
    columns: &COLUMNS,
};

static COLUMNS: [Column; 13] = [
    column("id", Integer, "a.id", "Rang", "Place"),
    column("occurred_at", Time, "a.occurred_at", "Date", "When"),
    column("action", Text, "a.action", "Action", "Action"),
    column("severity", Text, "a.severity", "Gravité", "Severity"),
    column("outcome", Text, "a.outcome", "Résultat", "Outcome"),
    column("actor_id", Id, "a.actor_id", "Identifiant auteur", "Actor id"),
    column("actor_email", Text, "a.actor_email", "Auteur", "Actor"),
    column("target_type", Text, "a.target_type", "Type d’objet", "Target type"),
    column("target_id", Text, "a.target_id", "Objet", "Target"),
    column("details", Json, "a.details::text", "Détails", "Details"),
    column("ip_address", Text, "host(a.ip_address)", "Adresse IP", "IP address"),
    column("user_agent", Text, "a.user_agent", "Programme", "User agent"),
    column("request_id", Id, "a.request_id", "Requête", "Request"),
];
