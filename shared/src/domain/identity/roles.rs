//! Roles: rows, so a new one needs no new version.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::domain::identity::permissions::Permissions;
use crate::kernel::Error;
use crate::kernel::Result;

/// A role.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Role {
    /// Its name in rows.
    pub code: String,
    /// Its name for people.
    pub label: String,
    /// What it allows; `*` is everything.
    pub permissions: Permissions,
    /// Whether it belongs to the house: such a role is not deleted.
    pub is_system: bool,
    /// How many accounts have it.
    pub users: i64,
}

/// Every role.
pub async fn list(db: &mut PgConnection) -> Result<Vec<Role>> {
    let rows = sqlx::query!(
        r#"select code, label, permissions, is_system, (select count(*) from users where role = code) as "users!"
           from roles order by code"#
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(|row| Role {
        code: row.code,
        label: row.label,
        permissions: Permissions::new(row.permissions),
        is_system: row.is_system,
        users: row.users,
    });
    Ok(rows.collect())
}

/// The role of this code, or 404.
pub async fn get(db: &mut PgConnection, code: &str) -> Result<Role> {
    list(db).await?.into_iter().find(|role| role.code == code).ok_or(Error::NotFound("role"))
}

/// Writes a role. 409 `role_exists` when its code is taken.
pub async fn insert(db: &mut PgConnection, code: &str, label: &str, permissions: &[String]) -> Result<Role> {
    let done = sqlx::query!(
        "insert into roles (code, label, permissions) values ($1, $2, $3) on conflict do nothing",
        code,
        label,
        permissions
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Err(Error::conflict("role_exists", "there is a role of this code already"));
    }
    get(db, code).await
}

/// Changes a role; everybody who has it may do something else from the next request on.
pub async fn update(
    db: &mut PgConnection,
    code: &str,
    label: Option<&str>,
    permissions: Option<&[String]>,
) -> Result<Role> {
    sqlx::query!(
        "update roles set label = coalesce($2, label), permissions = coalesce($3, permissions) where code = $1",
        code,
        label,
        permissions
    )
    .execute(&mut *db)
    .await?;
    get(db, code).await
}

/// Deletes a role that nobody has. 409 `role_used` while somebody does.
pub async fn delete(db: &mut PgConnection, code: &str) -> Result<()> {
    let done = sqlx::query!(
        "delete from roles where code = $1 and not is_system and not exists (select from users where role = $1)",
        code
    )
    .execute(db)
    .await?;
    if done.rows_affected() == 0 {
        return Err(Error::conflict("role_used", "somebody has this role, or it belongs to the house"));
    }
    Ok(())
}
