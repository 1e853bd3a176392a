//! Secret links: one use, one purpose, a term. Only the SHA-256 of a token is stored.
//!
//! The worker mints while it renders a mail. A retry of the same mail mints again and leaves its own earlier tokens
//! alone, for nobody knows which attempt arrives; a newer mail voids what older mails carry.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, UserId};
use crate::kernel::secret;

const HOUR: u64 = 3600;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves the address.
    Activation,
    /// Allows one new password.
    PasswordReset,
}

impl Purpose {
    /// As in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::PasswordReset => "password_reset",
        }
    }

    const fn term(self) -> Duration {
        match self {
            Self::Activation => Duration::from_secs(24 * HOUR),
            Self::PasswordReset => Duration::from_secs(HOUR),
        }
    }
}

/// A token, to be given away once.
pub struct Minted {
    /// The secret.
    pub token: String,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Makes a token for a mail and voids the unused ones that older mails carry.
pub async fn mint(db: &mut PgConnection, user: UserId, purpose: Purpose, email: EmailId) -> Result<Minted> {
    // Two mails rendered at once take turns: the second one sees what the first one minted.
    sqlx::query!("select id from users where id = $1 for no key update", user.0)
        .fetch_optional(&mut *db)
        .await?
        .ok_or(Error::NotFound("user"))?;
    sqlx::query!(
        "update account_tokens set voided_at = now()
         where user_id = $1 and purpose = $2 and used_at is null and voided_at is null and (email_id is null or email_id < $3)",
        user.0,
        purpose.name(),
        email.0
    )
    .execute(&mut *db)
    .await?;
    let token = secret::token();
    let expires_at = sqlx::query_scalar!(
        "insert into account_tokens (id, user_id, purpose, token_hash, email_id, expires_at)
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
         returning expires_at",
        Uuid::now_v7(),
        user.0,
        purpose.name(),
        secret::sha256(&token),
        email.0,
        purpose.term().as_secs_f64()
    )
    .fetch_one(db)
    .await?;
    Ok(Minted { token, expires_at })
}

/// Whose token this is, while it works. Uses nothing.
pub async fn holder(db: &mut PgConnection, purpose: Purpose, token: &str) -> Result<UserId> {
    let user = sqlx::query_scalar!(
        "select user_id from account_tokens
         where token_hash = $1 and purpose = $2 and used_at is null and voided_at is null and expires_at > now()",
        secret::sha256(token),
        purpose.name()
    );
    user.fetch_optional(db).await?.map(UserId).ok_or_else(gone)
}

/// Uses a token, and with it every other of its purpose. 410 when it was used, voided, is too old or never was.
pub async fn use_token(db: &mut PgConnection, purpose: Purpose, token: &str) -> Result<UserId> {
    let user = sqlx::query_scalar!(
        r#"-- the owner's row first, so that two tokens of one person take turns
           with holder as materialized (
               select u.id from users u where u.id = (select t.user_id from account_tokens t where t.token_hash = $1)
               for no key update)
           update account_tokens set used_at = now()
           where token_hash = $1 and purpose = $2 and used_at is null and voided_at is null and expires_at > now()
             and user_id = (select id from holder)
           returning user_id as "user_id: UserId""#,
        secret::sha256(token),
        purpose.name()
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or_else(gone)?;
    void(db, user, purpose).await?;
    Ok(user)
}

/// Voids what somebody's mails still carry.
pub async fn void(db: &mut PgConnection, user: UserId, purpose: Purpose) -> Result<()> {
    sqlx::query!(
        "update account_tokens set voided_at = now()
         where user_id = $1 and purpose = $2 and used_at is null and voided_at is null",
        user.0,
        purpose.name()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// 410: the one answer to a token that does not work.
pub fn gone() -> Error {
    Error::Gone { code: "token_used", message: "this link was used, replaced or is too old; ask for a new one".into() }
}
