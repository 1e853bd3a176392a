//! Accounts. No secret of theirs is a column.

use super::Type::{Id, Text, Time};
use super::{Column, Key, Table, column};

/// The accounts, by the filter of their list ([`UserFilter`](crate::domain::identity::directory::UserFilter)).
pub static USERS: Table = Table {
    name: "users",
    title: ["Comptes", "Accounts"],
    from: r"users u cross join lateral (
               select '%' || regexp_replace(trim($1->>'q'), '([\\%_])', '\\\1', 'g') || '%' as q) like_
           where ($1->>'q' is null or u.first_name || ' ' || u.last_name ilike like_.q or u.email::text ilike like_.q
                  or u.username::text ilike like_.q)
           and ($1->>'role' is null or u.role = $1->>'role')
           and ($1->>'status' is null or u.status = $1->>'status')
           and ($1->>'activated_since' is null or u.activated_at >= ($1->>'activated_since')::timestamptz)
           and ($1->>'activated_before' is null or u.activated_at < ($1->>'activated_before')::timestamptz)",
    key: "u.id",
    by: Key::Id,
    columns: &COLUMNS,
};

static COLUMNS: [Column; 15] = [
    column("id", Id, "u.id", "Identifiant", "Id"),
    column("email", Text, "u.email::text", "Courriel", "E-mail"),
    column("username", Text, "u.username::text", "Nom d’utilisateur", "User name"),
    column("first_name", Text, "u.first_name", "Prénom", "First name"),
    column("last_name", Text, "u.last_name", "Nom", "Last name"),
    column("role", Text, "u.role", "Rôle", "Role"),
    column("status", Text, "u.status", "Statut", "Status"),
    column("locale", Text, "u.locale", "Langue", "Language"),
    column("phone", Text, "u.phone", "Téléphone", "Telephone"),
    column("employee_number", Text, "u.employee_number", "Matricule", "Employee number"),
    column("department", Text, "u.department", "Service", "Department"),
    column("job_title", Text, "u.job_title", "Fonction", "Job title"),
    column("last_seen_at", Time, "u.last_seen_at", "Vu le", "Seen"),
    column("activated_at", Time, "u.activated_at", "Activé le", "Activated"),
    column("created_at", Time, "u.created_at", "Créé le", "Created"),
];
