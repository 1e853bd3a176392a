//! What a person signs in with: the password's hash, the count of failures, the lock.
//!
//! Five failures in a row lock an account for a quarter of an hour, each further one doubles the lock, to a day at
//! most. Being let in, and a new password by mail, lift it. Every change compares before it sets, so that a login
//! which was verified against an old password cannot end after the password has changed.

use sqlx::PgConnection;

use crate::domain::identity::passwords::PasswordHash;
use crate::domain::identity::users::{Status, User, user};
use crate::kernel::Result;
use crate::kernel::ids::UserId;

/// The secret part of an account.
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// Where the account stands.
    pub status: Status,
    /// None: nobody can sign in before a reset.
    pub password_hash: Option<String>,
    /// Whether too many failures have locked it, now.
    pub locked: bool,
}

/// The credentials behind an address or a user name.
pub async fn find_by_login(db: &mut PgConnection, login: &str) -> Result<Option<Credentials>> {
    if login.contains('\0') {
        return Ok(None); // PostgreSQL has no such text
    }
    let (email, username) = if login.contains('@') { (Some(login), None) } else { (None, Some(login)) };
    let found = sqlx::query_as!(
        Credentials,
        r#"select id as "user: UserId", status as "status: Status", password_hash,
                  coalesce(locked_until > now(), false) as "locked!"
           from users where email = $1::text::citext or username = $2::text::citext"#,
        email,
        username
    );
    Ok(found.fetch_optional(db).await?)
}

/// The credentials of an account.
pub async fn find(db: &mut PgConnection, user: UserId) -> Result<Option<Credentials>> {
    let found = sqlx::query_as!(
        Credentials,
        r#"select id as "user: UserId", status as "status: Status", password_hash,
                  coalesce(locked_until > now(), false) as "locked!"
           from users where id = $1"#,
        user.0
    );
    Ok(found.fetch_optional(db).await?)
}

/// Lets an active, unlocked account in, whose hash is still the one that was verified; `fresh` replaces a stale hash.
/// None: something of this has changed meanwhile.
pub async fn admit(
    db: &mut PgConnection,
    user: UserId,
    verified: &str,
    fresh: Option<&PasswordHash>,
) -> Result<Option<User>> {
    let admitted = user!(
        "update users set failed_logins = 0, last_failure_at = null, locked_until = null, last_seen_at = now(),
                          password_hash = coalesce($3, password_hash)
         where id = $1 and password_hash = $2 and status = 'active' and (locked_until is null or locked_until <= now())
         returning" "",
        user.0,
        verified,
        fresh.map(PasswordHash::as_str)
    );
    Ok(admitted.fetch_optional(db).await?)
}

/// Counts a failure. Whether this one locked the account.
pub async fn fail(db: &mut PgConnection, user: UserId) -> Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"update users set failed_logins = failed_logins + 1, last_failure_at = now(),
                            locked_until = case when failed_logins >= 4
                                then now() + least(interval '15 minutes' * power(2, least(failed_logins - 4, 10)), interval '24 hours')
                                end
           where id = $1 and (locked_until is null or locked_until <= now())
           returning locked_until is not null as "locked!""#,
        user.0
    );
    Ok(locked.fetch_optional(db).await?.unwrap_or(false))
}

/// Sets a password and lifts any lock. `verified`: only while this is still the stored hash. Whether it was set.
pub async fn set_password(
    db: &mut PgConnection,
    user: UserId,
    password: &PasswordHash,
    verified: Option<&str>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update users set password_hash = $2, failed_logins = 0, last_failure_at = null, locked_until = null, updated_at = now()
         where id = $1 and status = 'active' and ($3::text is null or password_hash = $3)",
        user.0,
        password.as_str(),
        verified
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
