//! What administrators may change while we run. Owns `settings`; an absent row is the default.

use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use crate::kernel::Result;

/// A setting's name and default.
pub struct Setting<T>(&'static str, T);

/// Whether people may register themselves.
pub const REGISTRATION: Setting<bool> = Setting("auth.registration", true);
/// The role of somebody who registers.
pub const DEFAULT_ROLE: Setting<&str> = Setting("auth.default_role", "user");
/// The shortest password, never below 8.
pub const PASSWORD_MIN: Setting<u64> = Setting("auth.password_min", 12);
/// Days between the wish to be forgotten and its doing, during which it can be called off.
pub const DELETION_GRACE: Setting<u32> = Setting("account.deletion_grace", 0);
/// Whether notifications also come by mail at all; mails about an account's safety always do.
pub const NOTIFICATIONS_EMAIL: Setting<bool> = Setting("notifications.email", true);

impl<T> Setting<T> {
    /// The value in force.
    pub async fn get<V>(&self, db: &mut PgConnection) -> Result<V>
    where
        T: Clone + Into<V>,
        V: DeserializeOwned,
    {
        let row = sqlx::query_scalar!("select value from settings where key = $1", self.0).fetch_optional(db).await?;
        Ok(row.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_else(|| self.1.clone().into()))
    }
}
