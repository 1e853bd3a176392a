//! Every permission there is, and what it means. What a role, a group or a grant may name is on this page; a test
//! compares it with what the routes ask for.

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::error::FieldError;

/// Everything, in a role. Nothing else may name it.
pub const ALL: &str = "*";

/// A permission.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Permission {
    /// `noun.verb`.
    pub name: &'static str,
    /// What it allows, in English.
    pub meaning: &'static str,
    /// What it allows, in French.
    pub meaning_fr: &'static str,
    /// Whether it may be lent to one person, or given to a group.
    pub delegable: bool,
}

const fn lent(name: &'static str, meaning: &'static str, meaning_fr: &'static str) -> Permission {
    Permission { name, meaning, meaning_fr, delegable: true }
}

const fn own(name: &'static str, meaning: &'static str, meaning_fr: &'static str) -> Permission {
    Permission { delegable: false, ..lent(name, meaning, meaning_fr) }
}

/// All of them.
pub static PERMISSIONS: [Permission; 20] = [
    lent("users.read", "list and read users", "consulter les utilisateurs"),
    lent(
        "users.manage",
        "create, change, suspend, delete users",
        "créer, modifier, suspendre, supprimer des utilisateurs",
    ),
    own("users.grant", "grant and revoke permissions and roles", "donner et retirer des droits et des rôles"),
    lent("groups.manage", "groups and their permissions", "les groupes et leurs droits"),
    lent("orders.manage", "all orders, assignment of the work", "toutes les commandes, l’attribution du travail"),
    lent("orders.work", "work on assigned orders", "travailler aux commandes confiées"),
    lent("invoices.manage", "all invoices, sending, credit notes", "toutes les factures, leur envoi, les avoirs"),
    lent("products.manage", "prices, products, stock, Stripe sync", "prix, produits, stock, synchronisation Stripe"),
    own("payments.refund", "refunds", "les remboursements"),
    lent("requests.manage", "contact, samples, complaints", "contacts, échantillons, réclamations"),
    lent("exports.run", "administrative exports", "les exports administratifs"),
    lent("audit.read", "audit log", "le journal d’audit"),
    own("audit.purge", "retention of the audit log", "la conservation du journal d’audit"),
    lent("stats.read", "administrative statistics", "les statistiques"),
    lent("settings.manage", "settings", "les réglages"),
    lent(
        "jobs.read",
        "dashboard: jobs, queues, workers, mails, Stripe events",
        "tableau de bord : tâches, files, workers, courriels, événements Stripe",
    ),
    lent(
        "jobs.manage",
        "retry, cancel, pause, run schedules, probe",
        "relancer, annuler, suspendre, déclencher des tâches",
    ),
    own(
        "payload.reveal",
        "see what is masked in payloads; each look is recorded",
        "voir ce qui est masqué ; chaque consultation est consignée",
    ),
    own("bulk.large", "bulk operations on more than 10,000 jobs", "opérations groupées sur plus de 10 000 tâches"),
    own("stripe_events.manage", "replay and simulate Stripe events", "rejouer et simuler des événements Stripe"),
];

/// The permission of this name.
pub fn find(name: &str) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|permission| permission.name == name)
}

/// Sorted, each once. 422 for a name that is none; `*` counts only where a role asks.
pub fn known(names: &[String], role: bool) -> Result<Vec<String>> {
    let unknown = |(n, name): (usize, &String)| {
        let fits = find(name).is_some_and(|found| role || found.delegable) || (role && name == ALL);
        (!fits)
            .then(|| FieldError::new(format!("permissions[{n}]"), "choice", "is no permission that can be given here"))
    };
    let wrong: Vec<_> = names.iter().enumerate().filter_map(unknown).collect();
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
