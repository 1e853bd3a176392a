//! Reading the audit log: a filter, a page, one entry.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Outcome, Severity};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::page::{Page, PageRequest};

/// An entry as it is read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// Its id; later entries have greater ones.
    pub id: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who; none: the house itself, or somebody unknown.
    pub actor_id: Option<Uuid>,
    /// Their role at that time.
    pub actor_role: Option<String>,
    /// Their mail address at that time, unless it was erased.
    pub actor_email: Option<String>,
    /// What was done.
    pub action: String,
    /// How grave.
    pub severity: Severity,
    /// How it ended.
    pub outcome: Outcome,
    /// To what kind of thing.
    pub target_type: Option<String>,
    /// To which.
    pub target_id: Option<String>,
    /// Before, after, reason, filter.
    pub details: Value,
    /// Where from, unless it was erased.
    #[serde(rename = "ip_address")]
    pub ip: Option<String>,
    /// With what, unless it was erased.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<Uuid>,
    /// Its place in the chain; none: it was written within the last second.
    pub seq: Option<i64>,
    /// Whether address, agent and mail address were erased.
    pub erased: bool,
}

/// Which entries. Absent: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFilter {
    /// By this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// This action: `JOB_RETRIED` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Of this severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// That ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// To this kind of thing: `job`, `user`, `invoice` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// To this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// Since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// A statement around the columns of a [`Row`].
macro_rules! entry {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, occurred_at, actor_id, actor_role, actor_email, action, severity as "severity: Severity",
                      outcome as "outcome: Outcome", target_type, target_id, details, host(ip_address) as ip, user_agent,
                      request_id, (select c.seq from audit_chain c where c.entry_id = audit_log.id) as seq,
                      salt is null as "erased!" from audit_log "# + $tail,
            $($argument),*
        )
    };
}

/// Entries that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &AuditFilter, page: PageRequest) -> Result<Page<Row>> {
    let rows = entry!(
        "where ($1::bigint is null or id < $1) and ($2::uuid is null or actor_id = $2) and ($3::text is null or action = $3)
           and ($4::text is null or severity = $4) and ($5::text is null or outcome = $5)
           and ($6::text is null or target_type = $6) and ($7::text is null or target_id = $7)
           and ($8::timestamptz is null or occurred_at >= $8) and ($9::timestamptz is null or occurred_at < $9)
         order by id desc limit $10",
        page.after.map(|after| after.as_u64_pair().1 as i64),
        filter.actor,
        filter.action,
        filter.severity.map(Severity::name),
        filter.outcome.map(Outcome::name),
        filter.target,
        filter.target_id,
        filter.since,
        filter.until,
        page.limit + 1
    );
    Ok(Page::cut(rows.fetch_all(db).await?, page, |row| Uuid::from_u64_pair(0, row.id as u64)))
}

/// One entry, or 404.
pub async fn get(db: &mut PgConnection, id: i64) -> Result<Row> {
    entry!("where id = $1", id).fetch_optional(db).await?.ok_or(Error::NotFound("audit entry"))
}

/// The newest `n` entries, newest first.
pub async fn recent(db: &mut PgConnection, n: i64) -> Result<Vec<Row>> {
    Ok(entry!("order by id desc limit $1", n).fetch_all(db).await?)
}

/// When this was last done within a day; none: it was not.
pub async fn lately(db: &mut PgConnection, action: &str) -> Result<Option<DateTime<Utc>>> {
    let last = sqlx::query_scalar!(
        "select max(occurred_at) from audit_log where action = $1 and occurred_at > now() - interval '1 day'",
        action
    );
    Ok(last.fetch_one(db).await?)
}

/// The newest `n` entries about one thing, newest first.
pub async fn about(db: &mut PgConnection, target: &str, id: &str, n: i64) -> Result<Vec<Row>> {
    let rows = entry!("where target_type = $1 and target_id = $2 order by id desc limit $3", target, id, n);
    Ok(rows.fetch_all(db).await?)
}
