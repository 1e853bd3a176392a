//! Addresses that get no mail: hard bounces, complaints, by hand.

use sqlx::PgConnection;

use crate::kernel::Result;

/// Whether, and why, an address gets no mail.
pub async fn reason(db: &mut PgConnection, address: &str) -> Result<Option<String>> {
    let reason = sqlx::query_scalar!("select reason from email_suppressions where address = $1::text::citext", address)
        .fetch_optional(db)
        .await?;
    Ok(reason)
}

/// Stops mail to an address. A second reason does not replace the first.
pub async fn add(db: &mut PgConnection, address: &str, reason: &str, evidence: &str) -> Result<()> {
    sqlx::query!(
        "insert into email_suppressions (address, reason, evidence) values ($1::text::citext, $2, $3) on conflict (address) do nothing",
        address,
        reason,
        evidence
    )
    .execute(db)
    .await?;
    Ok(())
}
