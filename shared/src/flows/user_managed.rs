//! Accounts as administrators change them: made, renamed, given another role, suspended, opened again, signed out.
//!
//! Whoever does it must hold all that the account's owner holds: otherwise a helper could shut an administrator out, or
//! become one. Nobody does it to themselves, and one active administrator is always left.

use serde_json::{Value, json};

use crate::domain::identity::permissions::{self, Authority};
use crate::domain::identity::tokens::{self, Purpose};
use crate::domain::identity::users::{self, NewUser, Profile, Status, User};
use crate::domain::identity::{catalogue, directory, roles, sessions};
use crate::flows::registration;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::mail::{self, NewMail, catalogue as mails};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Makes an account that waits for its activation, and mails the link. 409 `email_taken`, 403 for a role that may do more
/// than who gives it.
pub async fn create(tx: &mut Tx, by: &Authority, new: &NewUser<'_>, phone: Option<String>) -> Result<User> {
    by.lasting(tx).await?.over(&role(tx, new.role).await?.permissions)?;
    let account = NewUser { password: None, status: Status::PendingActivation, ..*new };
    let taken = || Error::conflict("email_taken", "this address has an account already");
    let mut user = users::insert(tx, account).await?.ok_or_else(taken)?;
    if phone.is_some() {
        user = users::update(tx, user.id, &Profile { phone, ..Profile::default() }).await?;
    }
    record(tx, "USER_CREATED", Severity::Medium, user.id, json!({ "role": user.role })).await?;
    let inviter = match by.user {
        Some(by) => {
            users::find(tx, by).await?.map(|by| format!("{} {}", by.first_name, by.last_name).trim().to_owned())
        }
        None => None,
    };
    registration::invite(tx, &user, inviter.as_deref().filter(|name| !name.is_empty()), "1").await?;
    Ok(user)
}

/// Changes names, language, telephone.
pub async fn update(tx: &mut Tx, by: &Authority, id: UserId, change: &Profile) -> Result<User> {
    theirs(tx, by, id).await?;
    let user = users::update(tx, id, change).await?;
    record(tx, "USER_UPDATED", Severity::Medium, id, json!({ "fields": change.changes() })).await?;
    Ok(user)
}

/// Gives another role, in force at the next request.
pub async fn set_role(tx: &mut Tx, by: &Authority, id: UserId, code: &str, reason: Option<&str>) -> Result<User> {
    by.not_self(id)?;
    let before = theirs(tx, by, id).await?;
    let role = role(tx, code).await?;
    by.lasting(tx).await?.over(&role.permissions)?;
    if before.role == role.code {
        return Ok(before);
    }
    if !role.permissions.can(catalogue::ALL) {
        directory::spare_last_administrator(tx, id).await?;
    }
    let after = directory::set_role(tx, id, code).await?;
    let details = json!({ "before": before.role, "after": after.role, "reason": reason });
    record(tx, "USER_ROLE_CHANGED", Severity::High, id, details).await?;
    tell(tx, &after, &role.label).await?;
    Ok(after)
}

async fn role(tx: &mut Tx, code: &str) -> Result<roles::Role> {
    roles::get(tx, code).await.map_err(|error| match error {
        Error::NotFound(_) => Error::field("role", "choice", "is no role"),
        other => other,
    })
}

async fn tell(tx: &mut Tx, user: &User, role: &str) -> Result<()> {
    if user.status != Status::Active {
        return Ok(());
    }
    let (title, message) = match user.locale.as_str() {
        "en" => ("You have another role", format!("Your role is now: {role}.")),
        _ => ("Votre rôle a changé", format!("Votre rôle est désormais : {role}.")),
    };
    let subject = Some(("user", user.id.0));
    let told = NewNotification { user: Some(user.id), title, message: &message, subject, ..NewNotification::default() };
    notifications::notify(tx, told).await?;
    Ok(())
}

/// Suspends an active account, whose sessions end at once, or opens a suspended one again. 409 `user_status` from any
/// other status.
pub async fn set_status(tx: &mut Tx, by: &Authority, id: UserId, to: Status, reason: &str) -> Result<User> {
    by.not_self(id)?;
    let before = theirs(tx, by, id).await?;
    let from = match to {
        Status::Suspended => Status::Active,
        Status::Active => Status::Suspended,
        _ => return Err(Error::field("status", "choice", "must be active or suspended")),
    };
    if before.status == to {
        return Ok(before);
    }
    if to == Status::Suspended {
        directory::spare_last_administrator(tx, id).await?;
    }
    let refused = || Error::conflict("user_status", "the account is neither active nor suspended");
    let after = users::set_status(tx, id, from, to).await?.ok_or_else(refused)?;
    let ended = if to == Status::Suspended { end_sessions(tx, id).await? } else { 0 };
    let details = json!({ "before": from, "after": to, "reason": reason, "sessions": ended });
    record(tx, "USER_STATUS_CHANGED", Severity::High, id, details).await?;
    let key = format!("account-status:{id}:{}", tx.platform().clock.now().timestamp_micros());
    write(tx, &after, to, reason, key).await?;
    Ok(after)
}

async fn write(tx: &mut Tx, user: &User, status: Status, reason: &str, key: String) -> Result<()> {
    let Some(to) = user.recipient() else { return Ok(()) };
    let label = match (status, user.locale.as_str()) {
        (Status::Suspended, "en") => "suspended",
        (Status::Suspended, _) => "suspendu",
        (_, "en") => "open again",
        (..) => "de nouveau ouvert",
    };
    let support = format!("{}/contact", tx.platform().config.frontend_url());
    let mail = NewMail {
        template: &mails::STATUS_CHANGED,
        to,
        vars: json!({ "first_name": user.first_name, "status_label": label, "reason": reason, "support_url": support }),
        dedupe_key: key,
        subject: Some(("user", user.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

/// Ends one open session of somebody, or all of them. Returns how many.
pub async fn sign_out(tx: &mut Tx, by: &Authority, id: UserId, session: Option<SessionId>) -> Result<u64> {
    theirs(tx, by, id).await?;
    let ended = match session {
        Some(session) => {
            let open = directory::sessions(tx, id).await?;
            if !open.iter().any(|known| known.id == session) {
                return Err(Error::NotFound("session"));
            }
            u64::from(sessions::revoke(tx, session).await?)
        }
        None => sessions::revoke_all(tx, id, None).await?,
    };
    record(tx, "SESSIONS_REVOKED", Severity::Medium, id, json!({ "sessions": ended })).await?;
    Ok(ended)
}

/// Nobody is signed in any more, and no link that was mailed works.
pub(super) async fn end_sessions(tx: &mut Tx, id: UserId) -> Result<u64> {
    tokens::void(tx, id, Purpose::PasswordReset).await?;
    tokens::void(tx, id, Purpose::Activation).await?;
    sessions::revoke_all(tx, id, None).await
}

/// An account, held until the transaction ends. 403 when its owner may do more than who asks.
pub(super) async fn held(tx: &mut Tx, by: &Authority, id: UserId) -> Result<User> {
    let user = directory::lock(tx, id).await?;
    by.over(&permissions::of_user(tx, id).await?)?;
    Ok(user)
}

/// The same of an account that is somebody's: 409 when it is gone or about to be.
pub(super) async fn theirs(tx: &mut Tx, by: &Authority, id: UserId) -> Result<User> {
    let user = held(tx, by, id).await?;
    if matches!(user.status, Status::DeletionPending | Status::Anonymised) {
        return Err(Error::conflict("user_status", "the account is deleted, or about to be"));
    }
    Ok(user)
}

/// Writes down what was done to an account.
pub(super) async fn record(tx: &mut Tx, action: &str, severity: Severity, id: UserId, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "user", id: id.to_string(), details }).await
}
