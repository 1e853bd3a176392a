//! Permissions lent to one person, until a time or until they are taken back.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{GrantId, UserId};

/// A permission lent to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who has it.
    pub user_id: UserId,
    /// What.
    pub permission: String,
    /// Who lent it; none: at the command line, or somebody who is gone.
    pub granted_by: Option<UserId>,
    /// It stops at that instant; none: when it is taken back.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it gives anything now, by the database's clock.
    pub active: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A statement around the columns of a [`Grant`].
macro_rules! grant {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Grant,
            $head + r#" id as "id: GrantId", user_id as "user_id: UserId", permission, granted_by as "granted_by: UserId",
                        expires_at, coalesce(expires_at > now(), true) as "active!", created_at "# + $tail,
            $($argument),*
        )
    };
}

/// What is lent to somebody; what has stopped stays listed until it is taken back.
pub async fn of_user(db: &mut PgConnection, user: UserId) -> Result<Vec<Grant>> {
    Ok(grant!("select" "from permission_grants where user_id = $1 order by permission", user.0).fetch_all(db).await?)
}

/// One grant, or 404.
pub async fn get(db: &mut PgConnection, id: GrantId) -> Result<Grant> {
    let found = grant!("select" "from permission_grants where id = $1", id.0).fetch_optional(db).await?;
    found.ok_or(Error::NotFound("grant"))
}

/// Lends a permission; one that was lent before has this end from now on.
pub async fn put(
    db: &mut PgConnection,
    user: UserId,
    permission: &str,
    by: Option<UserId>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Grant> {
    let written = grant!(
        "insert into permission_grants (id, user_id, permission, granted_by, expires_at) values ($1, $2, $3, $4, $5)
         on conflict (user_id, permission) do update
             set granted_by = excluded.granted_by, expires_at = excluded.expires_at, created_at = now()
         returning" "",
        GrantId::new().0,
        user.0,
        permission,
        by.map(|by| by.0),
        expires_at
    );
    Ok(written.fetch_one(db).await?)
}

/// Takes a permission back.
pub async fn delete(db: &mut PgConnection, id: GrantId) -> Result<()> {
    sqlx::query!("delete from permission_grants where id = $1", id.0).execute(db).await?;
    Ok(())
}
