//! Who did what. Owns `audit_log`. Written in the same transaction as what it describes; append-only.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Result;
use crate::platform::person::Person;
use crate::platform::tx::Tx;

/// How grave an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Everyday.
    Low,
    /// Changes somebody's rights or work.
    Medium,
    /// Cannot be undone, or touches money.
    High,
}

/// An entry about to be written.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// As in the catalogue of actions: `USER_REGISTERED`, `JOB_RETRIED` …
    pub action: &'a str,
    /// How grave.
    pub severity: Severity,
    /// What kind of thing it was done to.
    pub target: &'a str,
    /// Which one.
    pub id: String,
    /// Before, after, reason, filter.
    pub details: Value,
}

/// Records an action of the transaction's actor.
pub async fn record(tx: &mut Tx, entry: Entry<'_>) -> Result<()> {
    let severity = match entry.severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    };
    let origin = tx.origin.clone();
    sqlx::query!(
        "insert into audit_log (actor_id, action, severity, target_type, target_id, details, ip_address, user_agent, request_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        origin.actor.map(|a| a.0),
        entry.action,
        severity,
        entry.target,
        entry.id,
        entry.details,
        origin.ip.map(ipnetwork::IpNetwork::from),
        origin.user_agent,
        origin.request_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An entry as it is read.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its place in the order of writing.
    pub id: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who; none: the house itself, or somebody unknown.
    pub actor_id: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub target_type: Option<String>,
    /// To which.
    pub target_id: Option<String>,
    /// Before, after, reason, filter.
    pub details: Value,
    /// Where from.
    pub ip: Option<ipnetwork::IpNetwork>,
}

/// The newest `n` entries older than `before`, newest first.
pub async fn recent(db: &mut PgConnection, before: Option<i64>, n: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, occurred_at, actor_id, action, target_type, target_id, details, ip_address as ip
         from audit_log where $1::bigint is null or id < $1 order by id desc limit $2",
        before,
        n
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The newest `n` entries about one thing, newest first.
pub async fn about(db: &mut PgConnection, target: &str, id: &str, n: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, occurred_at, actor_id, action, target_type, target_id, details, ip_address as ip
         from audit_log where target_type = $1 and target_id = $2 order by id desc limit $3",
        target,
        id,
        n
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Takes out of the log where somebody was and with what: what they did stays, under their id. Reasons that others wrote
/// about them go too.
pub async fn forget(db: &mut PgConnection, who: &Person) -> Result<u64> {
    let subjects: Vec<String> = who.subjects.iter().map(ToString::to_string).collect();
    let done = sqlx::query!(
        "update audit_log set actor_email = null, description = null, details = details - 'reason',
                ip_address = case when actor_id is null or actor_id = $1 then null else ip_address end,
                user_agent = case when actor_id is null or actor_id = $1 then null else user_agent end
         where actor_id = $1 or target_id = any($2)",
        who.user.map(|user| user.0),
        &subjects
    );
    Ok(done.execute(db).await?.rows_affected())
}
