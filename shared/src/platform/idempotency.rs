//! Same `Idempotency-Key`, same account, same body: same answer for 24 hours. Owns `idempotency_keys`.
//!
//! The key is written in the transaction of the effect and its answer, so a crash leaves all of them or none. While
//! the first request is in progress, the second one waits for it at an advisory lock, and answers the same.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::person::Person;

/// A key as a caller sent it.
#[derive(Clone, Debug)]
pub struct Key {
    /// The account, or `anonymous`.
    pub scope: String,
    /// What the caller chose.
    pub key: String,
    /// Keyed hash of method, path and body: the body may hold a password.
    pub request: Vec<u8>,
}

/// An answer given before.
#[derive(Clone, Debug)]
pub struct Stored {
    /// HTTP status.
    pub status: u16,
    /// The body, when there was one.
    pub body: Option<Value>,
    /// The `Location` header.
    pub location: Option<String>,
}

/// How long the second request waits for the first, in steps.
const PATIENCE: (u32, Duration) = (40, Duration::from_millis(25));

/// Reserves the key in this transaction. Some: it was answered before, answer the same.
/// 409 when the first request is in progress and stays so for a second, 422 for another body.
pub async fn reserve(db: &mut PgConnection, key: &Key) -> Result<Option<Stored>> {
    let lock = format!("{}\n{}", key.scope, key.key);
    let mut tries = 0;
    while !taken(db, &lock).await? {
        tries += 1;
        if tries > PATIENCE.0 {
            let text = "the first request with this key is still in progress";
            return Err(Error::conflict("idempotency_in_progress", text));
        }
        tokio::time::sleep(PATIENCE.1).await;
    }
    sqlx::query!(
        "delete from idempotency_keys where scope = $1 and key = $2 and created_at < now() - interval '24 hours'",
        key.scope,
        key.key
    )
    .execute(&mut *db)
    .await?;
    let row = sqlx::query!(
        "select request, status, body, location from idempotency_keys where scope = $1 and key = $2",
        key.scope,
        key.key
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else {
        sqlx::query!(
            "insert into idempotency_keys (scope, key, request) values ($1, $2, $3)",
            key.scope,
            key.key,
            key.request
        )
        .execute(db)
        .await?;
        return Ok(None);
    };
    if row.request != key.request {
        return Err(Error::field("Idempotency-Key", "reused", "this key was used with another body"));
    }
    let status = row.status.ok_or_else(|| Error::internal("an idempotency key was committed without its answer"))?;
    Ok(Some(Stored { status: status as u16, body: row.body, location: row.location }))
}

async fn taken(db: &mut PgConnection, lock: &str) -> Result<bool> {
    let free = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "free!""#, lock)
        .fetch_one(db)
        .await?;
    Ok(free)
}

/// Keeps the answer, in the same transaction.
pub async fn keep(db: &mut PgConnection, key: &Key, answer: &Stored) -> Result<()> {
    sqlx::query!(
        "update idempotency_keys set status = $3, body = $4, location = $5 where scope = $1 and key = $2",
        key.scope,
        key.key,
        i32::from(answer.status),
        answer.body,
        answer.location
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets keys older than 24 hours, a bounded number at a time. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from idempotency_keys where ctid = any(array(
             select ctid from idempotency_keys where created_at < now() - interval '24 hours' limit 5000))"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets the keys of somebody, and every answer that names them or what is theirs.
pub async fn forget(db: &mut PgConnection, who: &Person) -> Result<()> {
    sqlx::query!(
        "delete from idempotency_keys where scope = $1 or exists (
             select from unnest($2::text[]) w where position(lower(w) in lower(concat_ws(' ', body::text, location))) > 0)",
        who.user.map(|user| user.to_string()),
        &who.marks()
    )
    .execute(db)
    .await?;
    Ok(())
}
