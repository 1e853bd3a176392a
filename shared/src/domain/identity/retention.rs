//! What is forgotten, and when. Bounded batches: the job calls again until nothing is left.

use sqlx::PgConnection;

use crate::kernel::Result;

/// Forgets secret links a day after their term, sessions thirty days after theirs, and accounts whose address was
/// not proven in thirty days, unless they have ordered. Returns how many rows.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let tokens = sqlx::query!(
        "delete from account_tokens where id = any(array(
             select id from account_tokens where expires_at < now() - interval '1 day' limit 1000))"
    )
    .execute(&mut *db)
    .await?;
    // A week of refresh tokens goes with each session, so the batch is small.
    let sessions = sqlx::query!(
        "delete from sessions where id = any(array(
             select id from sessions where expires_at < now() - interval '30 days' limit 100))"
    )
    .execute(&mut *db)
    .await?;
    // An account activated meanwhile is skipped: the outer condition is checked on the row as it is when locked.
    let accounts = sqlx::query!(
        "delete from users where status = 'pending_activation' and id = any(array(
             select id from users where status = 'pending_activation' and created_at < now() - interval '30 days'
               and not exists (select from customers where user_id = users.id) limit 100))"
    )
    .execute(db)
    .await?;
    Ok(tokens.rows_affected() + sessions.rows_affected() + accounts.rows_affected())
}
