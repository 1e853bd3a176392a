//! The audit log, oldest first.

use super::Type::{Id, Integer, Json, Text, Time};
use super::{Column, Key, Table, column};

/// The entries, by the filter of their list ([`AuditFilter`](crate::platform::audit::AuditFilter)).
pub static AUDIT_LOG: Table = Table {
    name: "audit_log",
    title: ["Journal d’audit", "Audit log"],
    from: "audit_log a where ($1->>'actor' is null or a.actor_id = ($1->>'actor')::uuid)
           and ($1->>'action' is null or a.action = $1->>'action')
           and ($1->>'severity' is null or a.severity = $1->>'severity')
           and ($1->>'outcome' is null or a.outcome = $1->>'outcome')
           and ($1->>'target' is null or a.target_type = $1->>'target')
           and ($1->>'target_id' is null or a.target_id = $1->>'target_id')
           and ($1->>'since' is null or a.occurred_at >= ($1->>'since')::timestamptz)
           and ($1->>'until' is null or a.occurred_at < ($1->>'until')::timestamptz)",
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
