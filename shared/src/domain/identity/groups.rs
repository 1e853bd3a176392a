//! Groups: people who may do something besides what their role allows, while the group is active.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::domain::identity::permissions::Permissions;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{GroupId, UserId};

/// A group.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, its own.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `#rrggbb`; empty for none.
    pub color: String,
    /// What its members may do.
    pub permissions: Permissions,
    /// Whether it gives anything.
    pub is_active: bool,
    /// How many are in it.
    pub members: i64,
    /// Since when there is one.
    pub created_at: DateTime<Utc>,
}

/// Somebody in a group.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// First and last name.
    pub name: String,
    /// The address.
    pub email: Option<String>,
    /// Since when.
    pub added_at: DateTime<Utc>,
}

/// What a group is, or becomes; absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `#rrggbb`; empty for none.
    pub color: Option<String>,
    /// What its members may do.
    pub permissions: Option<Vec<String>>,
    /// Whether it gives anything.
    pub is_active: Option<bool>,
}

/// Every group, by name.
pub async fn list(db: &mut PgConnection) -> Result<Vec<Group>> {
    let rows = sqlx::query!(
        r#"select id as "id: GroupId", name, description, color, permissions, is_active, created_at,
                  (select count(*) from group_members where group_id = id) as "members!"
           from groups order by name, id"#
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(|row| Group {
        id: row.id,
        name: row.name,
        description: row.description,
        color: row.color,
        permissions: Permissions::new(row.permissions),
        is_active: row.is_active,
        members: row.members,
        created_at: row.created_at,
    });
    Ok(rows.collect())
}

/// One group, or 404.
pub async fn get(db: &mut PgConnection, id: GroupId) -> Result<Group> {
    list(db).await?.into_iter().find(|group| group.id == id).ok_or(Error::NotFound("group"))
}

/// Who is in it, by name.
pub async fn members(db: &mut PgConnection, id: GroupId) -> Result<Vec<Member>> {
    let rows = sqlx::query_as!(
        Member,
        r#"select u.id as "user_id: UserId", trim(u.first_name || ' ' || u.last_name) as "name!", u.email::text as email,
                  m.added_at
           from group_members m join users u on u.id = m.user_id where m.group_id = $1 order by 2, 1 limit 1000"#,
        id.0
    );
    Ok(rows.fetch_all(db).await?)
}

/// Whether somebody is in it.
pub async fn has(db: &mut PgConnection, id: GroupId, user: UserId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from group_members where group_id = $1 and user_id = $2) as "found!""#,
        id.0,
        user.0
    );
    Ok(found.fetch_one(db).await?)
}

/// Writes a group. 409 `group_exists` when its name is taken.
pub async fn insert(db: &mut PgConnection, new: &Change) -> Result<Group> {
    let id = GroupId::new();
    let written = sqlx::query!(
        "insert into groups (id, name, description, color, permissions, is_active)
         values ($1, $2, coalesce($3, ''), coalesce($4, ''), coalesce($5, '{}'::text[]), coalesce($6, true))",
        id.0,
        new.name,
        new.description,
        new.color,
        new.permissions.as_deref(),
        new.is_active
    );
    written.execute(&mut *db).await.map_err(name_taken)?;
    get(db, id).await
}

/// Changes a group; its members may do something else from the next request on.
pub async fn update(db: &mut PgConnection, id: GroupId, change: &Change) -> Result<Group> {
    let changed = sqlx::query!(
        "update groups set name = coalesce($2, name), description = coalesce($3, description), color = coalesce($4, color),
                           permissions = coalesce($5, permissions), is_active = coalesce($6, is_active), updated_at = now()
         where id = $1",
        id.0,
        change.name,
        change.description,
        change.color,
        change.permissions.as_deref(),
        change.is_active
    );
    changed.execute(&mut *db).await.map_err(name_taken)?;
    get(db, id).await
}

fn name_taken(error: sqlx::Error) -> Error {
    let error = Error::from(error);
    if error.on_constraint("groups_name_key") {
        return Error::conflict("group_exists", "there is a group of this name already");
    }
    error
}

/// Deletes a group; its members lose what it gave.
pub async fn delete(db: &mut PgConnection, id: GroupId) -> Result<()> {
    sqlx::query!("delete from groups where id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Takes somebody in. Whether they were not in it before.
pub async fn add(db: &mut PgConnection, id: GroupId, user: UserId, by: Option<UserId>) -> Result<bool> {
    let done = sqlx::query!(
        "insert into group_members (group_id, user_id, added_by) values ($1, $2, $3) on conflict do nothing",
        id.0,
        user.0,
        by.map(|by| by.0)
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Lets somebody go. Whether they were in it.
pub async fn remove(db: &mut PgConnection, id: GroupId, user: UserId) -> Result<bool> {
    let done = sqlx::query!("delete from group_members where group_id = $1 and user_id = $2", id.0, user.0);
    Ok(done.execute(db).await?.rows_affected() == 1)
}
