//! A new password: forgotten and reset by mail, or changed by its owner.
//!
//! Either way every other session ends and the owner is told. Hashing happens between two transactions, never inside
//! one; the second checks again what the first has seen.

use serde_json::json;
use uuid::Uuid;

use crate::domain::identity::credentials;
use crate::domain::identity::passwords::{self, PasswordHash, Verdict};
use crate::domain::identity::sessions;
use crate::domain::identity::tokens::{self, Purpose};
use crate::domain::identity::users::{self, Status, User};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::platform::Platform;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::mail::catalogue;
use crate::platform::mail::{self, NewMail};
use crate::platform::tx::{Origin, Tx};

/// Mails a reset link where there is an active account: once a minute, and not more often per account than forms may
/// be sent per address. Nobody learns whether there is one.
pub async fn request_reset(tx: &mut Tx, email: &str) -> Result<()> {
    let Some(user) = users::find_by_email(tx, email).await? else {
        return Ok(());
    };
    let Some(to) = user.recipient().filter(|_| user.status == Status::Active) else {
        return Ok(());
    };
    let platform = tx.platform().clone();
    let bucket = format!("mail:reset:{}", user.id);
    if platform.limits.take(&bucket, platform.config.http.limit_forms).await.is_err() {
        return Ok(());
    }
    record(tx, "PASSWORD_RESET_REQUEST", Severity::Low, Some(user.id)).await?;
    let minute = platform.clock.now().timestamp() / 60;
    let mail = NewMail {
        template: &catalogue::PASSWORD_RESET,
        to,
        vars: json!({ "first_name": user.first_name, "ip_address": tx.origin.ip }),
        dedupe_key: format!("email:reset:{}:{minute}", user.id),
        subject: Some(("user", user.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

/// Whether a reset token works and this password would do; the token stays unused. 410 and 422, before anything is
/// hashed.
pub async fn check_reset(platform: &Platform, origin: &Origin, token: &str, password: &str) -> Result<()> {
    let mut tx = Tx::begin_for(platform, origin.clone()).await?;
    match tokens::holder(&mut tx, Purpose::PasswordReset, token).await {
        Ok(user) => {
            let user = users::get(&mut tx, user).await?;
            passwords::check(&mut tx, password, &personal(&user)).await
        }
        Err(error) => {
            if matches!(error, Error::Gone { .. }) {
                record(&mut tx, "PASSWORD_RESET_FAILED", Severity::Medium, None).await?;
                tx.commit().await?;
            }
            Err(error)
        }
    }
}

/// Uses a reset token: the new password, every session ended, any lock lifted, the owner told. 410 when the token or
/// the account is past it.
pub async fn reset(tx: &mut Tx, token: &str, password: &PasswordHash) -> Result<()> {
    let user = tokens::use_token(tx, Purpose::PasswordReset, token).await?;
    if !credentials::set_password(tx, user, password, None).await? {
        return Err(tokens::gone());
    }
    tx.origin.actor = Some(user);
    sessions::revoke_all(tx, user, None).await?;
    record(tx, "PASSWORD_RESET_SUCCESS", Severity::Medium, Some(user)).await?;
    tell(tx, user).await
}

/// What an owner's change was verified against.
pub struct Verified(String);

/// Whether this is the caller's password now (422 on `current_password` when not, 429 after too many) and the new one
/// would do.
pub async fn check_change(platform: &Platform, user: UserId, current: &str, password: &str) -> Result<Verified> {
    let (bucket, limit) = (format!("password:{user}"), platform.config.auth.limit);
    platform.limits.check(&bucket, limit).await?;
    let mut db = platform.db.acquire().await?;
    let stored = credentials::find(&mut db, user).await?.and_then(|found| found.password_hash);
    let person = users::get(&mut db, user).await?;
    passwords::check(&mut db, password, &personal(&person)).await?;
    drop(db);
    let verdict = passwords::verify(&platform.config, stored.as_deref(), current).await?;
    match stored {
        Some(stored) if verdict != Verdict::Wrong => Ok(Verified(stored)),
        _ => {
            platform.limits.take(&bucket, limit).await?;
            Err(Error::field("current_password", "wrong", "is not your password"))
        }
    }
}

/// Whether this is the caller's password: asked once more before something that a stolen session must not do. 422 on
/// `password` when not, 429 after too many.
pub async fn confirm(platform: &Platform, user: UserId, password: &str) -> Result<()> {
    let (bucket, limit) = (format!("password:{user}"), platform.config.auth.limit);
    platform.limits.check(&bucket, limit).await?;
    let stored = credentials::find(&mut *platform.db.acquire().await?, user).await?;
    let stored = stored.and_then(|found| found.password_hash);
    if stored.is_some() && passwords::verify(&platform.config, stored.as_deref(), password).await? != Verdict::Wrong {
        return Ok(());
    }
    platform.limits.take(&bucket, limit).await?;
    Err(Error::field("password", "wrong", "is not your password"))
}

/// Changes the owner's password; every other session and every reset link ends, the owner is told.
/// 409 when the password has changed since it was verified.
pub async fn change(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    verified: &Verified,
    password: &PasswordHash,
) -> Result<()> {
    if !credentials::set_password(tx, user, password, Some(&verified.0)).await? {
        return Err(Error::conflict("password_changed", "the password was changed meanwhile"));
    }
    sessions::revoke_all(tx, user, Some(session)).await?;
    tokens::void(tx, user, Purpose::PasswordReset).await?;
    record(tx, "PASSWORD_CHANGE", Severity::Medium, Some(user)).await?;
    tell(tx, user).await
}

/// What of a person may not be their password.
fn personal(user: &User) -> Vec<&str> {
    let email = user.email.as_deref().unwrap_or_default();
    vec![email, &user.first_name, &user.last_name]
}

async fn tell(tx: &mut Tx, user: UserId) -> Result<()> {
    let user = users::get(tx, user).await?;
    let Some(to) = user.recipient() else { return Ok(()) };
    let platform = tx.platform().clone();
    let mail = NewMail {
        template: &catalogue::PASSWORD_CHANGED,
        to,
        vars: json!({
            "first_name": user.first_name,
            "changed_at": platform.clock.now().to_rfc3339(),
            "ip_address": tx.origin.ip,
            "support_url": format!("{}/contact", platform.config.frontend_url()),
        }),
        dedupe_key: format!("email:password-changed:{}", Uuid::now_v7()),
        subject: Some(("user", user.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

async fn record(tx: &mut Tx, action: &str, severity: Severity, user: Option<UserId>) -> Result<()> {
    let id = user.map_or_else(|| "unknown".into(), |user| user.to_string());
    audit::record(tx, Entry { action, severity, target: "auth", id, details: json!({}) }).await
}
