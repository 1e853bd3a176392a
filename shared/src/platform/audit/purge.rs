//! The retention: the only way a row leaves the audit log.
//!
//! What is old enough goes batch by batch; high and critical entries stay three times longer, and entries of purges for
//! ever. Each batch is an entry itself: how many rows it took and the digest of their ids, so that [`super::verify`] can
//! tell a purge from a deletion.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Entry, Severity, write};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::kinds::PurgeAudit;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::settings;
use crate::platform::tx::Tx;

/// No entry goes before it is so many days old, whatever is asked for.
pub const FLOOR: i64 = 30;
/// How much longer grave entries are kept.
const LONGER: i32 = 3;
/// Rows that one transaction takes.
const BATCH: i64 = 10_000;

/// What a batch took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// So many rows.
    pub rows: usize,
    /// Whether there may be more.
    pub more: bool,
}

/// Has everything purged that the retention lets go and that was written before `before` (none: all of it), by a job;
/// recorded now. 422 when `before` is younger than the retention.
pub async fn order_purge(tx: &mut Tx, before: Option<DateTime<Utc>>, reason: Option<&str>) -> Result<JobId> {
    let days = settings::AUDIT_RETENTION_DAYS.get::<i64>(tx).await?;
    let now = tx.platform().clock.now();
    if before.is_some_and(|before| before > now - Duration::days(days)) {
        return Err(Error::field("before", "retention", format!("entries are kept for {days} days at least")));
    }
    let key = before.unwrap_or(now).format("%Y-%m-%dT%H:%M").to_string();
    let details = json!({ "before": before, "retention_days": days, "reason": reason });
    let entry =
        Entry { action: "AUDIT_PURGE_REQUESTED", severity: Severity::High, target: "audit", id: key.clone(), details };
    write(tx, entry).await?;
    let job = PurgeAudit { before, requested_by: tx.origin.actor };
    enqueue_new(tx, NewJob::of(&job)?.unique(&format!("audit-purge:{key}"))).await
}

/// Takes one batch of what the retention lets go.
pub async fn purge(tx: &mut Tx, before: Option<DateTime<Utc>>) -> Result<Purged> {
    let days = settings::AUDIT_RETENTION_DAYS.get::<i64>(tx).await?.max(FLOOR) as i32;
    let ids = sqlx::query_scalar!(
        "select l.id from audit_log l join audit_chain c on c.entry_id = l.id
         where l.occurred_at < least($1, now() - make_interval(days => $2)) and l.action <> 'AUDIT_PURGED'
           and (l.severity in ('low', 'medium') or l.occurred_at < now() - make_interval(days => $2 * $3))
         order by c.seq limit $4",
        before,
        days,
        LONGER,
        BATCH
    )
    .fetch_all(&mut **tx)
    .await?;
    if ids.is_empty() {
        return Ok(Purged { rows: 0, more: false });
    }
    let details = json!({ "rows": ids.len(), "digest": tally(&ids), "retention_days": days, "before": before });
    let entry =
        Entry { action: "AUDIT_PURGED", severity: Severity::High, target: "audit", id: ids.len().to_string(), details };
    let purge = write(tx, entry).await?;
    sqlx::query!("update audit_chain set purged_by = $1 where entry_id = any($2)", purge, &ids)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from audit_log where id = any($1)", &ids).execute(&mut **tx).await?;
    Ok(Purged { rows: ids.len(), more: ids.len() as i64 == BATCH })
}

/// SHA-256 of ids in the order of the chain, hexadecimal.
fn tally(ids: &[i64]) -> String {
    let sha = ids.iter().fold(Sha256::new(), |sha, id| sha.chain_update(id.to_be_bytes()));
    hex::encode(sha.finalize())
}
