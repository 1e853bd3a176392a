//! People as administrators see them: listed, with their open sessions, moved between statuses and roles.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::domain::identity::users::{Status, User, user};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::text;

/// Which people. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserFilter {
    /// Part of a name, of the address or of the user name.
    pub q: Option<String>,
    /// The role's code.
    pub role: Option<String>,
    /// Where the account stands.
    pub status: Option<Status>,
    /// Activated since then.
    pub activated_since: Option<DateTime<Utc>>,
    /// Activated before then.
    pub activated_before: Option<DateTime<Utc>>,
}

/// An open session.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OpenSession {
    /// Its id.
    pub id: SessionId,
    /// `api` or `dashboard`.
    pub kind: String,
    /// Where from.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was last carried on.
    pub seen_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// People who match, newest first.
pub async fn list(db: &mut PgConnection, filter: &UserFilter, page: PageRequest) -> Result<Page<User>> {
    let rows = user!(
        "select" "from users
         where ($1::text is null or first_name || ' ' || last_name ilike $1 or email::text ilike $1
                or username::text ilike $1)
           and ($2::text is null or role = $2) and ($3::text is null or status = $3) and ($4::uuid is null or id < $4)
           and ($6::timestamptz is null or activated_at >= $6) and ($7::timestamptz is null or activated_at < $7)
         order by id desc limit $5",
        filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(text::like),
        filter.role,
        filter.status as Option<Status>,
        page.after,
        page.limit + 1,
        filter.activated_since,
        filter.activated_before
    );
    Ok(Page::cut(rows.fetch_all(db).await?, page, |user| user.id.0))
}

/// One account, held until the transaction ends: nobody changes it meanwhile. Whoever changes anybody's rights comes
/// through here one after the other, so that two administrators cannot take each other away at the same moment.
pub async fn lock(db: &mut PgConnection, id: UserId) -> Result<User> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('rights'))").execute(&mut *db).await?;
    let row = user!("select" "from users where id = $1 for no key update", id.0).fetch_optional(db).await?;
    row.ok_or(Error::NotFound("user"))
}

/// The open sessions of somebody, newest first, at most 200.
pub async fn sessions(db: &mut PgConnection, user: UserId) -> Result<Vec<OpenSession>> {
    let rows = sqlx::query_as!(
        OpenSession,
        r#"select id as "id: SessionId", kind, host(ip_address) as ip_address, user_agent, created_at, seen_at, expires_at
           from sessions where user_id = $1 and revoked_at is null and expires_at > now() order by id desc limit 200"#,
        user.0
    );
    Ok(rows.fetch_all(db).await?)
}

/// Gives somebody another role.
pub async fn set_role(db: &mut PgConnection, id: UserId, role: &str) -> Result<User> {
    let changed = user!("update users set role = $2, updated_at = now() where id = $1 returning" "", id.0, role);
    Ok(changed.fetch_one(db).await?)
}

/// Refuses (409 `last_administrator`) when nobody else is an active administrator. After [`lock`].
pub async fn spare_last_administrator(db: &mut PgConnection, id: UserId) -> Result<()> {
    let administrators = sqlx::query_scalar!(
        r#"select id as "id: UserId" from users
           where status = 'active' and role in (select code from roles where '*' = any(permissions))
           order by id limit 2"#
    );
    if administrators.fetch_all(db).await? == [id] {
        return Err(Error::conflict("last_administrator", "this is the last active administrator"));
    }
    Ok(())
}
