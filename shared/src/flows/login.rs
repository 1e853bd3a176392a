//! Signing in, staying in, signing out.
//!
//! Wrong password, unknown, locked, suspended and not yet activated are one answer, in words and in time; only the
//! right password learns that an activation is missing. Failures are counted per account name, known or not, per
//! address, and on the account itself. The stories open their own transactions: none is held while a hash is made.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::domain::identity::credentials::{self, Credentials};
use crate::domain::identity::passwords::{self, PasswordHash, Verdict};
use crate::domain::identity::sessions::{self, Opened, Rotation};
use crate::domain::identity::users::{self, Status, User};
use crate::flows::evenly;
use crate::flows::password;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::kernel::secret;
use crate::platform::Platform;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::tx::{Origin, Tx};

/// The one answer to whoever does not get in.
const REFUSED: Error = Error::Unauthenticated("invalid_credentials");

/// What kind of session is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For the API: a refresh token.
    Api,
    /// For the dashboard: a cookie.
    Dashboard,
}

/// Somebody who is in.
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// By which session.
    pub session: SessionId,
    /// The refresh token or the cookie; to be given away once.
    pub secret: String,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
}

/// Signs in with an address or user name and a password. 401, 429, and 403 for the right password of an account that
/// waits for its activation.
pub async fn sign_in(
    platform: &Platform,
    origin: &Origin,
    kind: Kind,
    login: &str,
    password: &str,
) -> Result<SignedIn> {
    let came = Instant::now();
    let buckets = Buckets::of(login, origin.ip);
    buckets.check(platform).await?;
    let result = attempt(platform, origin, kind, login, password).await;
    if matches!(result, Err(Error::Unauthenticated(_))) {
        let limited = buckets.take(platform).await;
        evenly::wait(came).await;
        limited?;
    }
    result
}

async fn attempt(platform: &Platform, origin: &Origin, kind: Kind, login: &str, password: &str) -> Result<SignedIn> {
    let mut db = platform.db.acquire().await?;
    let found = credentials::find_by_login(&mut db, login).await?;
    drop(db);
    let stored = found.as_ref().and_then(|found| found.password_hash.clone());
    let verdict = passwords::verify(&platform.config, stored.as_deref(), password).await?;
    let fresh = match verdict {
        Verdict::RightButStale => Some(passwords::hash(&platform.config, password).await?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let mut tx = Tx::begin_for(platform, Origin { actor: None, ..origin.clone() }).await?;
    if let (Some(found), Some(verified), true) = (&found, &stored, verdict != Verdict::Wrong)
        && let Some(signed_in) = admit(&mut tx, kind, found, verified, fresh.as_ref()).await?
    {
        tx.commit().await?;
        return Ok(signed_in);
    }
    let error = refuse(&mut tx, login, found.as_ref(), verdict).await?;
    tx.commit().await?;
    Err(error)
}

/// The right password: lets in whom status and lock allow.
async fn admit(
    tx: &mut Tx,
    kind: Kind,
    found: &Credentials,
    verified: &str,
    fresh: Option<&PasswordHash>,
) -> Result<Option<SignedIn>> {
    let Some(user) = credentials::admit(tx, found.user, verified, fresh).await? else {
        return Ok(None);
    };
    let origin = tx.origin.clone();
    let term = tx.platform().config.auth.session_ttl;
    let Opened { session, secret, expires_at } = match kind {
        Kind::Api => sessions::create(tx, user.id, &origin, term).await?,
        Kind::Dashboard => sessions::create_dashboard(tx, user.id, &origin).await?,
    };
    tx.origin.actor = Some(user.id);
    let details = json!({ "session": session, "dashboard": kind == Kind::Dashboard, "rehashed": fresh.is_some() });
    record(tx, "LOGIN_SUCCESS", Severity::Low, user.id.to_string(), details).await?;
    Ok(Some(SignedIn { user, session, secret, expires_at }))
}

/// Writes down who did not get in, counts what was a wrong password, and gives the answer.
async fn refuse(tx: &mut Tx, login: &str, found: Option<&Credentials>, verdict: Verdict) -> Result<Error> {
    let Some(found) = found else {
        let id = format!("login:{}", fingerprint(login));
        record(tx, "LOGIN_FAILED", Severity::Medium, id, json!({ "reason": "unknown" })).await?;
        return Ok(REFUSED);
    };
    let id = found.user.to_string();
    let reason = match (verdict, found.locked, found.status) {
        (_, true, _) => "locked",
        (Verdict::Wrong, ..) => "password",
        _ => "status",
    };
    record(tx, "LOGIN_FAILED", Severity::Medium, id.clone(), json!({ "reason": reason })).await?;
    if reason == "password" {
        count(tx, found.user).await?;
    }
    let pending = reason == "status" && found.status == Status::PendingActivation;
    Ok(if pending { Error::Forbidden("activation_required".into()) } else { REFUSED })
}

/// Counts a wrong password on the account; the one too many locks it, and its owner is told.
async fn count(tx: &mut Tx, user: UserId) -> Result<()> {
    if credentials::fail(tx, user).await? {
        record(tx, "ACCOUNT_LOCKED", Severity::High, user.to_string(), json!({})).await?;
        password::locked(tx, user).await?;
    }
    Ok(())
}

/// A wrong password of somebody who is signed in and was asked once more: written down and counted as at the door.
pub async fn wrong_again(tx: &mut Tx, user: UserId) -> Result<()> {
    record(tx, "LOGIN_FAILED", Severity::Medium, user.to_string(), json!({ "reason": "confirmation" })).await?;
    count(tx, user).await
}

/// Changes a refresh token for the next one. A token that was used before ends its whole family.
pub async fn refresh(platform: &Platform, origin: &Origin, token: &str) -> Result<SignedIn> {
    let mut tx = Tx::begin_for(platform, Origin { actor: None, ..origin.clone() }).await?;
    let refused = Error::Unauthenticated("invalid_refresh_token");
    match sessions::rotate(&mut tx, token).await? {
        Rotation::Next(user, Opened { session, secret, expires_at }) => {
            let user = users::get(&mut tx, user).await?;
            tx.commit().await?;
            Ok(SignedIn { user, session, secret, expires_at })
        }
        Rotation::Reused(user, session) => {
            let details = json!({ "session": session, "reason": "a refresh token was used a second time" });
            record(&mut tx, "SECURITY_BREACH", Severity::Critical, user.to_string(), details).await?;
            tx.commit().await?;
            Err(refused)
        }
        Rotation::Unknown => Err(refused),
    }
}

/// Ends the caller's own session.
pub async fn sign_out(tx: &mut Tx, user: UserId, session: SessionId) -> Result<()> {
    if sessions::revoke(tx, session).await? {
        record(tx, "LOGOUT", Severity::Low, user.to_string(), json!({ "session": session })).await?;
    }
    Ok(())
}

async fn record(tx: &mut Tx, action: &str, severity: Severity, id: String, details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "auth", id, details }).await
}

/// What failures are counted under. Looked at before a password is, filled by a failure.
struct Buckets(Vec<String>);

impl Buckets {
    fn of(login: &str, ip: Option<IpAddr>) -> Self {
        let account = format!("login:account:{}", fingerprint(login));
        Self(std::iter::once(account).chain(ip.map(|ip| format!("login:address:{}", network(ip)))).collect())
    }

    async fn check(&self, platform: &Platform) -> Result<()> {
        for bucket in &self.0 {
            platform.limits.check(bucket, platform.config.auth.limit).await?;
        }
        Ok(())
    }

    async fn take(&self, platform: &Platform) -> Result<()> {
        let mut result = Ok(());
        for bucket in &self.0 {
            result = result.and(platform.limits.take(bucket, platform.config.auth.limit).await);
        }
        result
    }
}

/// A login that neither Redis nor the audit log can be read back to.
fn fingerprint(login: &str) -> String {
    hex::encode(&secret::sha256(login.to_lowercase())[..16])
}

/// An IPv6 caller owns at least a /64 and may change addresses in it at will.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => ip.segments()[..4].iter().map(|s| format!("{s:x}")).collect::<Vec<_>>().join(":"),
    }
}
