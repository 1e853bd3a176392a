//! From a stranger to an account: register, prove the address, be welcomed.
//!
//! Whether an address has an account already is told to nobody but its owner, by mail: the answers are the same.

use serde_json::{Value, json};

use crate::domain::identity::passwords::PasswordHash;
use crate::domain::identity::tokens::{self, Purpose};
use crate::domain::identity::users::{self, NewUser, Status, User};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs;
use crate::platform::jobs::kinds::Welcome;
use crate::platform::mail::catalogue;
use crate::platform::mail::{self, NewMail};
use crate::platform::settings;
use crate::platform::tx::Tx;

/// What a stranger says about themselves.
pub struct Registration<'a> {
    /// The address.
    pub email: &'a str,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// `fr` or `en`.
    pub locale: &'a str,
}

/// Refuses (403) while nobody may register.
pub async fn open(tx: &mut Tx) -> Result<()> {
    if settings::REGISTRATION.get::<bool>(tx).await? {
        return Ok(());
    }
    Err(Error::Forbidden("registration_closed".into()))
}

/// Registers. None: an activation mail tells the rest, whether the account is new or the address has one.
/// Some: activation is off and the account is active; then, and only then, a taken address is a 409.
pub async fn register(tx: &mut Tx, new: &Registration<'_>, password: &PasswordHash) -> Result<Option<User>> {
    open(tx).await?;
    let role = settings::DEFAULT_ROLE.get::<String>(tx).await?;
    let proof = tx.platform().config.auth.activation_required;
    let status = if proof { Status::PendingActivation } else { Status::Active };
    let account = NewUser {
        email: new.email,
        username: None,
        password: Some(password),
        first_name: new.first_name,
        last_name: new.last_name,
        role: &role,
        status,
        locale: new.locale,
    };
    let Some(user) = users::insert(tx, account).await? else {
        taken(tx, new.email, proof).await?;
        return Ok(None);
    };
    tx.origin.actor = Some(user.id);
    record(tx, "USER_REGISTERED", &user, json!({ "status": status })).await?;
    if proof {
        send_link(tx, &user, "1").await?;
        return Ok(None);
    }
    jobs::enqueue(tx, &Welcome { user: user.id }).await?;
    Ok(Some(user))
}

/// A visitor leaves an address with an order: it gets an account that waits for its activation, without a password (a
/// reset sets one). Some: the account is new. None: the address has one, or nobody may register; the visitor hears
/// nothing of it, and an account that waits already gets its mail again.
pub async fn visit(tx: &mut Tx, new: &Registration<'_>) -> Result<Option<User>> {
    if open(tx).await.is_err() {
        return Ok(None);
    }
    let role = settings::DEFAULT_ROLE.get::<String>(tx).await?;
    let account = NewUser {
        email: new.email,
        username: None,
        password: None,
        first_name: new.first_name,
        last_name: new.last_name,
        role: &role,
        status: Status::PendingActivation,
        locale: new.locale,
    };
    let Some(user) = users::insert(tx, account).await? else {
        taken(tx, new.email, true).await?;
        return Ok(None);
    };
    record(tx, "USER_REGISTERED", &user, json!({ "status": user.status, "by": "order" })).await?;
    send_link(tx, &user, "1").await?;
    Ok(Some(user))
}

/// The address has an account. Without activation anybody can find that out by signing in, so it is said plainly.
async fn taken(tx: &mut Tx, email: &str, proof: bool) -> Result<()> {
    if !proof {
        return Err(Error::conflict("email_taken", "this address has an account already"));
    }
    let Some(user) = users::find_by_email(tx, email).await? else {
        return Ok(());
    };
    record(tx, "REGISTRATION_REPEATED", &user, json!({})).await?;
    if user.status == Status::PendingActivation {
        send_again(tx, &user).await?;
    }
    Ok(())
}

/// Sends a fresh activation mail where there is a pending account. Nobody learns whether there is.
pub async fn resend(tx: &mut Tx, email: &str) -> Result<()> {
    match users::find_by_email(tx, email).await? {
        Some(user) if user.status == Status::PendingActivation => send_again(tx, &user).await,
        _ => Ok(()),
    }
}

/// Once a minute, and not more often per account than forms may be sent per address: nobody's mailbox is a target.
async fn send_again(tx: &mut Tx, user: &User) -> Result<()> {
    let platform = tx.platform().clone();
    let bucket = format!("mail:activation:{}", user.id);
    if platform.limits.take(&bucket, platform.config.http.limit_forms).await.is_err() {
        return Ok(());
    }
    let minute = platform.clock.now().timestamp() / 60;
    send_link(tx, user, &minute.to_string()).await
}

async fn send_link(tx: &mut Tx, user: &User, n: &str) -> Result<()> {
    invite(tx, user, None, n).await
}

/// Mails the `n`th activation link, in the name of whoever made the account when somebody else did.
pub async fn invite(tx: &mut Tx, user: &User, by: Option<&str>, n: &str) -> Result<()> {
    let Some(to) = user.recipient() else { return Ok(()) };
    let mail = NewMail {
        template: &catalogue::ACTIVATION_LINK,
        to,
        vars: json!({ "first_name": user.first_name, "invited_by": by }),
        dedupe_key: format!("email:activation:{}:{n}", user.id),
        subject: Some(("user", user.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

/// Uses an activation token: the account becomes active and is welcomed. 410 when the token or the account is past it.
pub async fn activate(tx: &mut Tx, token: &str) -> Result<User> {
    let user = tokens::use_token(tx, Purpose::Activation, token).await?;
    let user = users::set_status(tx, user, Status::PendingActivation, Status::Active).await?;
    let user = user.ok_or_else(tokens::gone)?;
    tx.origin.actor = Some(user.id);
    record(tx, "USER_ACTIVATED", &user, json!({})).await?;
    jobs::enqueue(tx, &Welcome { user: user.id }).await?;
    Ok(user)
}

async fn record(tx: &mut Tx, action: &str, user: &User, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity: Severity::Low, target: "user", id: user.id.to_string(), details }).await
}
