//! Calls that create something at Stripe, each with the key it is repeated under. Owns `outgoing_calls`.
//!
//! The key is committed before the call is sent, in a statement of its own: a process that dies between the two, or
//! that never hears the answer, sends the same call with the same key again and gets the same object. Stripe keeps a
//! key for 24 hours at least; afterwards what may have been created is looked for before there is a new key.

use sqlx::{PgConnection, PgPool};

use crate::kernel::Result;

/// What is known of the latest call for one purpose and one row of ours.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub key: String,
    generation: i32,
    params_hash: Vec<u8>,
    refused: bool,
    /// Stripe still knows the key.
    fresh: bool,
    /// What was created, when we heard of it.
    pub provider_id: Option<String>,
}

/// What to do with a call.
pub(super) enum Next {
    /// Send it with this key; the row is committed.
    Send(String),
    /// Look for what an older call has created; then [`begin`] anew, or settle it.
    Look(Call),
    /// The key is taken by other parameters: a bug of ours.
    Mismatch,
}

/// The key for this call: the one it had before while Stripe knows it, a new one when nothing can have been created.
pub(super) async fn open(db: &PgPool, purpose: &str, subject: &str, params: &[u8]) -> Result<Next> {
    Ok(match latest(db, purpose, subject).await? {
        None => begin(db, purpose, subject, params, 0).await?,
        Some(call) if call.refused => begin(db, purpose, subject, params, call.generation).await?,
        Some(call) if !call.fresh => Next::Look(call),
        Some(call) => call.repeat(params),
    })
}

/// A new generation after an older call that has created nothing.
pub(super) async fn anew(db: &PgPool, purpose: &str, subject: &str, params: &[u8], old: &Call) -> Result<Next> {
    begin(db, purpose, subject, params, old.generation).await
}

async fn begin(db: &PgPool, purpose: &str, subject: &str, params: &[u8], after: i32) -> Result<Next> {
    let generation = after + 1;
    let key = format!("{purpose}:{subject}:{generation}");
    let begun = sqlx::query!(
        "insert into outgoing_calls (idempotency_key, purpose, subject, generation, params_hash)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        key,
        purpose,
        subject,
        generation,
        params
    )
    .execute(db)
    .await?;
    if begun.rows_affected() == 1 {
        return Ok(Next::Send(key));
    }
    // Somebody else began it at the same moment: both send with the same key, and Stripe makes one object.
    let call = latest(db, purpose, subject).await?;
    Ok(call.map_or(Next::Mismatch, |call| call.repeat(params)))
}

impl Call {
    fn repeat(self, params: &[u8]) -> Next {
        if self.params_hash == params { Next::Send(self.key) } else { Next::Mismatch }
    }
}

async fn latest(db: &PgPool, purpose: &str, subject: &str) -> Result<Option<Call>> {
    // An hour less than Stripe promises: the call itself takes time. A 500 is kept under its key like any other answer:
    // asked again, Stripe would only repeat it.
    let row = sqlx::query!(
        r#"select idempotency_key, generation, params_hash, state = 'refused' as "refused!", provider_id,
                  (first_sent_at > now() - interval '23 hours' and error_code is distinct from 'http_500') as "fresh!"
           from outgoing_calls where purpose = $1 and subject = $2 order by generation desc limit 1"#,
        purpose,
        subject
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Call {
        key: row.idempotency_key,
        generation: row.generation,
        params_hash: row.params_hash,
        refused: row.refused,
        fresh: row.fresh,
        provider_id: row.provider_id,
    }))
}

/// It was done, and this was created.
pub(super) async fn done(db: &PgPool, key: &str, request_id: Option<&str>, provider_id: &str) -> Result<()> {
    sqlx::query!(
        "update outgoing_calls set state = 'done', request_id = coalesce($2, request_id), provider_id = $3,
                                   error_code = null, settled_at = now()
         where idempotency_key = $1",
        key,
        request_id,
        provider_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It failed. `refused`: nothing was created, so that the next call may have a new key; what was done once stays done.
pub(super) async fn failed(
    db: &PgPool,
    key: &str,
    request_id: Option<&str>,
    code: Option<&str>,
    refused: bool,
) -> Result<()> {
    sqlx::query!(
        "update outgoing_calls set state = case when $4 then 'refused' else state end,
                                   request_id = coalesce($2, request_id), error_code = $3,
                                   settled_at = case when $4 then now() end
         where idempotency_key = $1 and state <> 'done'",
        key,
        request_id,
        code,
        refused
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets calls of 90 days ago that ended, or whose place another has taken, a bounded number at a time; our rows know
/// what was created. An open one stays: whoever repeats it must look first. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from outgoing_calls where idempotency_key = any(array(
             select idempotency_key from outgoing_calls c
             where first_sent_at < now() - interval '90 days'
               and (settled_at is not null
                    or exists (select from outgoing_calls n where n.purpose = c.purpose and n.subject = c.subject
                                                              and n.generation > c.generation))
             limit 5000))"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
