//! Who did what. Owns `audit_log`, `audit_pending`, `audit_chain`, `audit_head`.
//!
//! Written in the same transaction as what it describes; append-only. Every row carries digests of itself, made by the
//! database as it is written; within a second of its commit it gets a place in a chain of hashes ([`seal`]), which
//! [`verify`] reads again. Grave entries tell the administrators. Rows go by the retention alone ([`purge`]), and what
//! would betray a person can be erased without breaking the chain ([`forget`]).
//!
//! `details` hold ids, names of fields, reasons and settings: never what is personal.

mod alert;
mod catalogue;
mod chain;
mod guard;
mod purge;
mod read;
mod verify;

pub use catalogue::{ACTIONS, Action};
pub use chain::{Head, head, pending, seal};
pub use guard::{opened, refused, suspected};
pub use purge::{FLOOR, Purged, order_purge, purge};
pub use read::{AuditFilter, Row, about, get, lately, list, recent};
pub use verify::{Anchor, Finding, Part, Verdict, verify, verify_newest};

use serde_json::Value;
use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::kernel::words;
use crate::platform::tx::Tx;

words! {
    /// How grave an action is.
    Severity {
        /// Everyday.
        Low = "low",
        /// Changes somebody's rights or work.
        Medium = "medium",
        /// Cannot be undone, or touches money. Tells the administrators, and is kept three times longer.
        High = "high",
        /// Somebody may be breaking in, or takes money back. The same.
        Critical = "critical",
    }

    /// How an action ended.
    Outcome {
        /// It was done.
        Success = "success",
        /// It was not allowed.
        Refused = "refused",
        /// It did not work.
        Error = "error",
    }
}

/// An entry about to be written.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// As in the catalogue of actions: `USER_REGISTERED`, `JOB_RETRIED` …
    pub action: &'a str,
    /// How grave, at least: where the catalogue says more, the catalogue counts.
    pub severity: Severity,
    /// What kind of thing it was done to.
    pub target: &'a str,
    /// Which one.
    pub id: String,
    /// Before, after, reason, filter. Nothing personal: names of fields, not what is in them.
    pub details: Value,
}

/// Records an action of the transaction's actor; a grave one tells the administrators.
pub async fn record(tx: &mut Tx, entry: Entry<'_>) -> Result<()> {
    write(tx, entry).await.map(drop)
}

/// The same; returns the entry's id.
async fn write(tx: &mut Tx, entry: Entry<'_>) -> Result<i64> {
    let known = catalogue::find(entry.action);
    let severity = known.map_or(entry.severity, |known| known.severity.or_graver(entry.severity));
    let outcome = known.map_or(Outcome::Success, |known| known.outcome);
    let origin = tx.origin.clone();
    let written = sqlx::query!(
        "insert into audit_log (actor_id, action, severity, target_type, target_id, details, ip_address, user_agent,
                                request_id, outcome)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id, actor_role",
        origin.actor.map(|a| a.0),
        entry.action,
        severity.name(),
        entry.target,
        entry.id,
        entry.details,
        origin.ip.map(ipnetwork::IpNetwork::from),
        origin.user_agent,
        origin.request_id,
        outcome.name()
    )
    .fetch_one(&mut **tx)
    .await?;
    if severity.is_grave() && !known.is_some_and(|known| known.told) {
        alert::raise(tx, written.id, &entry, severity, written.actor_role.as_deref()).await?;
    }
    Ok(written.id)
}

/// Erases what would betray a person: mail address, address and agent where they acted, or nobody signed in acted on
/// what is theirs (`subjects`: the ids of their account, orders, requests …); and the reasons given in either case.
/// Role, action and target stay, and so does the proof. Returns in how many entries.
pub async fn forget(db: &mut PgConnection, user: Option<UserId>, subjects: &[String]) -> Result<u64> {
    let erased = sqlx::query!(
        "update audit_log
         set actor_email = case when mine then null else actor_email end,
             ip_address = case when mine then null else ip_address end,
             user_agent = case when mine then null else user_agent end,
             salt = case when mine then null else salt end,
             details = details - 'reason', salt_why = null
         from (select id as entry, actor_id is null or actor_id is not distinct from $1 as mine from audit_log
               where actor_id = $1 or target_id = any($2)) found
         where id = entry and (salt_why is not null or (mine and salt is not null))",
        user.map(|user| user.0),
        subjects
    );
    Ok(erased.execute(db).await?.rows_affected())
}

impl Severity {
    /// Whether administrators hear of it at once.
    pub const fn is_grave(self) -> bool {
        matches!(self, Self::High | Self::Critical)
    }

    const fn or_graver(self, other: Self) -> Self {
        if other as u8 > self as u8 { other } else { self }
    }
}
