//! Before something that a forgotten or stolen session must not do: whoever asks has just signed in, or says their
//! password once more. A wrong one counts as at the door: it is written down, and five in a row lock the account.

use sqlx::PgConnection;

use crate::domain::identity::credentials;
use crate::domain::identity::sessions;
use crate::flows::{login, password};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::platform::Platform;
use crate::platform::tx::{Origin, Tx};

/// Whoever signed in so many minutes ago or less is not asked again.
pub const RECENT_MINUTES: i32 = 15;

/// The code of the refusal that asks for a password.
pub const REQUIRED: &str = "reauthentication_required";

/// Whether a password is asked of this session.
pub async fn is_due(db: &mut PgConnection, session: SessionId) -> Result<bool> {
    Ok(!sessions::is_younger(db, session, RECENT_MINUTES).await?)
}

/// Passes whoever has just signed in, or says the right password. 403 [`REQUIRED`] without one, 422 on `password` for a
/// wrong one, 403 `account_locked` after five of them, 429 after too many. Holds no transaction while it hashes.
pub async fn check(
    platform: &Platform,
    origin: &Origin,
    (user, session): (UserId, SessionId),
    password: Option<&str>,
) -> Result<()> {
    let mut db = platform.db.acquire().await?;
    if !is_due(&mut db, session).await? {
        return Ok(());
    }
    let locked = credentials::find(&mut db, user).await?.is_none_or(|found| found.locked);
    drop(db);
    let password = password.filter(|text| !text.is_empty()).ok_or_else(|| Error::Forbidden(REQUIRED.into()))?;
    if locked {
        return Err(Error::Forbidden("account_locked".into()));
    }
    let verdict = password::confirm(platform, user, password).await;
    if matches!(verdict, Err(Error::Invalid(_))) {
        let mut tx = Tx::begin_for(platform, origin.clone()).await?;
        login::wrong_again(&mut tx, user).await?;
        tx.commit().await?;
    }
    verdict
}
