//! Addresses that get no mail: hard bounces, complaints, by hand; for good or for a while.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, UserId};
use crate::kernel::text;

/// An address that gets no mail.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Suppression {
    /// The address.
    pub address: String,
    /// `bounce`, `complaint` or `manual`.
    pub reason: String,
    /// What shows it: the relay's words, or what somebody wrote.
    pub evidence: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when; none: until somebody lets go of it.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who added it; none: the house itself.
    pub added_by: Option<Uuid>,
    /// Mails to it that were not sent, of the last 30 days.
    pub suppressed: i64,
}

/// Whether, and why, an address gets no mail.
pub async fn reason(db: &mut PgConnection, address: &str) -> Result<Option<String>> {
    let reason = sqlx::query_scalar!(
        "select reason from email_suppressions
         where address = $1::text::citext and (expires_at is null or expires_at > now())",
        address
    );
    Ok(reason.fetch_optional(db).await?)
}

/// Stops mail to an address for good. A second reason does not replace the first while that holds.
pub async fn add(db: &mut PgConnection, address: &str, reason: &str, evidence: &str) -> Result<()> {
    sqlx::query!(
        "insert into email_suppressions (address, reason, evidence)
         values ($1::text::citext, $2, $3)
         on conflict (address) do update set reason = excluded.reason, evidence = excluded.evidence, created_at = now(),
                                             expires_at = null, added_by = null
         where email_suppressions.expires_at <= now()",
        address,
        reason,
        evidence
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stops mail to an address because somebody says so. 409 `suppressed` when it gets none already.
pub async fn put(
    db: &mut PgConnection,
    address: &str,
    why: &str,
    until: Option<DateTime<Utc>>,
    by: Option<UserId>,
) -> Result<()> {
    let done = sqlx::query!(
        "insert into email_suppressions (address, reason, evidence, expires_at, added_by)
         values ($1::text::citext, 'manual', $2, $3, $4)
         on conflict (address) do update set reason = 'manual', evidence = excluded.evidence, created_at = now(),
                                             expires_at = excluded.expires_at, added_by = excluded.added_by
         where email_suppressions.expires_at <= now()",
        address,
        why,
        until,
        by.map(|user| user.0)
    );
    match done.execute(db).await?.rows_affected() {
        0 => Err(Error::conflict("suppressed", "this address gets no mail already")),
        _ => Ok(()),
    }
}

/// Lets mail go to an address again. 404 when nothing stood against it.
pub async fn remove(db: &mut PgConnection, address: &str) -> Result<()> {
    let done = sqlx::query!("delete from email_suppressions where address = $1::text::citext", address);
    match done.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound("suppression")),
        _ => Ok(()),
    }
}

/// All whose address contains this, the newest first; at most so many.
pub async fn list(db: &mut PgConnection, containing: Option<&str>, limit: i64) -> Result<Vec<Suppression>> {
    let rows = sqlx::query_as!(
        Suppression,
        r#"select address::text as "address!", reason, evidence, created_at, expires_at, added_by,
                  (select count(*) from emails e where e.to_address = s.address and e.status = 'suppressed'
                     and e.created_at > now() - interval '30 days') as "suppressed!"
           from email_suppressions s
           where (expires_at is null or expires_at > now()) and ($1::text is null or address::text ilike $1)
           order by created_at desc, address limit $2"#,
        containing.filter(|part| !part.is_empty()).map(text::like),
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// The mails to an address that were not sent, of the last 30 days, oldest first: what can be sent now that nothing stands
/// against it. At most so many.
pub async fn unsent(db: &mut PgConnection, address: &str, limit: i64) -> Result<Vec<EmailId>> {
    let rows = sqlx::query_scalar!(
        r#"select id as "id: EmailId" from emails e
           where to_address = $1::text::citext and status = 'suppressed' and created_at > now() - interval '30 days'
             and not exists (select from emails later where later.again_of = e.id)
           order by id limit $2"#,
        address,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}
