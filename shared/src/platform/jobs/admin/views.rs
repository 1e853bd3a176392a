//! Saved views of the list of jobs.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::platform::tx::Tx;

/// One view.
#[derive(Clone, Debug)]
pub struct View {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The list's query string.
    pub query: String,
    /// Everybody sees it.
    pub shared: bool,
}

/// The most that one person keeps, and that are shared.
const MOST: i64 = 50;

/// Everybody's, then this person's, by name.
pub async fn list(db: &mut PgConnection, user: UserId) -> Result<Vec<View>> {
    let rows = sqlx::query_as!(
        View,
        r#"select id, name, query, owner_id is null as "shared!" from saved_views where owner_id is null or owner_id = $1
           order by owner_id is not null, name"#,
        user.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Keeps a view; one of the same name is replaced. 409 when there are 50.
pub async fn keep(tx: &mut Tx, user: UserId, name: &str, query: &str, shared: bool) -> Result<()> {
    if name.chars().count() > 60 || query.len() > 4000 {
        return Err(Error::field("name", "length", "should be at most 60 characters, the filter at most 4000"));
    }
    let done = sqlx::query!(
        "insert into saved_views (id, owner_id, name, query, created_by)
         select $1, $2, $3, $4, $5 where (select count(*) from saved_views where owner_id is not distinct from $2) < $6
         on conflict (coalesce(owner_id, '00000000-0000-0000-0000-000000000000'), name)
         do update set query = $4, created_by = $5",
        Uuid::now_v7(),
        (!shared).then_some(user.0),
        name,
        query,
        user.0,
        MOST
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(Error::conflict("views_full", format!("there are {MOST} views already: forget one first")));
    }
    Ok(())
}

/// Forgets a view of theirs, or a shared one when they may.
pub async fn forget(tx: &mut Tx, user: UserId, shared_too: bool, id: Uuid) -> Result<()> {
    let done = sqlx::query!(
        "delete from saved_views where id = $1 and (owner_id = $2 or (owner_id is null and $3))",
        id,
        user.0,
        shared_too
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 { Err(Error::NotFound("view")) } else { Ok(()) }
}
