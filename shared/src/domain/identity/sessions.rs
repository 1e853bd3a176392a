//! Sessions: a family of refresh tokens, or one dashboard cookie. Secrets leave once and are kept as SHA-256.
//!
//! A refresh token works once. One that comes back a second time was copied: the whole family ends. Whether a
//! session still counts is asked at every request, so revoking works at once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use sqlx::PgConnection;

use crate::domain::identity::permissions::Permissions;
use crate::kernel::Result;
use crate::kernel::ids::{SessionId, UserId};
use crate::kernel::secret;
use crate::platform::tx::Origin;

/// How long a dashboard cookie works.
const DASHBOARD: Duration = Duration::from_hours(12);

/// Who somebody is and what they may do, as of now.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
    /// The name to show: a person's, else their address.
    pub name: String,
    /// The role's code.
    pub role: String,
    /// The language they read: `fr`, `en`.
    pub locale: String,
    /// What the role, the groups and the grants allow.
    pub permissions: Permissions,
}

/// A session just opened or carried on.
pub struct Opened {
    /// The token's `sid`.
    pub session: SessionId,
    /// The refresh token or the cookie.
    pub secret: String,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
}

/// What became of a refresh token.
pub enum Rotation {
    /// It was good; here is the next one.
    Next(UserId, Opened),
    /// It was used before: the family is revoked.
    Reused(UserId, SessionId),
    /// Unknown, or its session has ended.
    Unknown,
}

/// Opens an API session and its first refresh token.
pub async fn create(db: &mut PgConnection, user: UserId, origin: &Origin, term: Duration) -> Result<Opened> {
    let opened = insert(db, user, origin, term, None).await?;
    add_token(db, opened).await
}

/// Opens a dashboard session; its secret is the cookie.
pub async fn create_dashboard(db: &mut PgConnection, user: UserId, origin: &Origin) -> Result<Opened> {
    let cookie = secret::token();
    let opened = insert(db, user, origin, DASHBOARD, Some(secret::sha256(&cookie))).await?;
    Ok(Opened { secret: cookie, ..opened })
}

async fn insert(
    db: &mut PgConnection,
    user: UserId,
    origin: &Origin,
    term: Duration,
    cookie: Option<Vec<u8>>,
) -> Result<Opened> {
    let session = SessionId::new();
    let expires_at = sqlx::query_scalar!(
        "insert into sessions (id, user_id, kind, cookie_hash, ip_address, user_agent, expires_at)
         values ($1, $2, case when $3::bytea is null then 'api' else 'dashboard' end, $3, $4, $5, now() + make_interval(secs => $6))
         returning expires_at",
        session.0,
        user.0,
        cookie,
        origin.ip.map(IpNetwork::from),
        origin.user_agent,
        term.as_secs_f64()
    )
    .fetch_one(db)
    .await?;
    Ok(Opened { session, secret: String::new(), expires_at })
}

async fn add_token(db: &mut PgConnection, opened: Opened) -> Result<Opened> {
    let token = secret::token();
    sqlx::query!(
        "insert into refresh_tokens (token_hash, session_id) values ($1, $2)",
        secret::sha256(&token),
        opened.session.0
    )
    .execute(db)
    .await?;
    Ok(Opened { secret: token, ..opened })
}

/// Uses a refresh token. The caller commits whatever comes back: [`Rotation::Reused`] has revoked something.
pub async fn rotate(db: &mut PgConnection, token: &str) -> Result<Rotation> {
    let hash = secret::sha256(token);
    let used = sqlx::query!(
        r#"with used as (
               update refresh_tokens t set used_at = now()
               from sessions s join users u on u.id = s.user_id
               where t.token_hash = $1 and t.used_at is null and s.id = t.session_id
                 and s.revoked_at is null and s.expires_at > now() and u.status = 'active'
               returning t.session_id)
           update sessions s set seen_at = now() from used
           where s.id = used.session_id and s.revoked_at is null
           returning s.id as "id: SessionId", s.user_id as "user_id: UserId", s.expires_at"#,
        hash
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(row) = used {
        let opened = Opened { session: row.id, secret: String::new(), expires_at: row.expires_at };
        return Ok(Rotation::Next(row.user_id, add_token(db, opened).await?));
    }
    let reused = sqlx::query!(
        r#"update sessions s set revoked_at = now() from refresh_tokens t
           where t.token_hash = $1 and t.used_at is not null and s.id = t.session_id and s.revoked_at is null
           returning s.id as "id: SessionId", s.user_id as "user_id: UserId""#,
        hash
    )
    .fetch_optional(db)
    .await?;
    Ok(reused.map_or(Rotation::Unknown, |row| Rotation::Reused(row.user_id, row.id)))
}

/// Who stands behind an access token. None: signed out, revoked, run out, or the account is not active.
pub async fn identify(db: &mut PgConnection, session: SessionId, user: UserId) -> Result<Option<Identity>> {
    let row = sqlx::query!(
        r#"select coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.email::text, u.username::text, '') as "name!",
                  u.role, u.locale,
                  array(select unnest(r.permissions) union select unnest(g.permissions)
                               from group_members m join groups g on g.id = m.group_id where m.user_id = u.id and g.is_active
                             union select permission from permission_grants
                               where user_id = u.id and (expires_at is null or expires_at > now())) as "permissions!"
           from sessions s join users u on u.id = s.user_id join roles r on r.code = u.role
           where s.id = $1 and s.user_id = $2 and s.kind = 'api' and s.revoked_at is null and s.expires_at > now()
             and u.status = 'active'"#,
        session.0,
        user.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Identity {
        user,
        session,
        name: row.name,
        role: row.role,
        locale: row.locale,
        permissions: Permissions::new(row.permissions),
    }))
}

/// Who stands behind a dashboard cookie.
pub async fn by_cookie(db: &mut PgConnection, cookie: &str) -> Result<Option<Identity>> {
    let row = sqlx::query!(
        r#"select s.id as "session: SessionId", s.user_id as "user: UserId", u.role, u.locale,
                  array(select unnest(r.permissions) union select unnest(g.permissions)
                               from group_members m join groups g on g.id = m.group_id where m.user_id = u.id and g.is_active
                             union select permission from permission_grants
                               where user_id = u.id and (expires_at is null or expires_at > now())) as "permissions!",
                  coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.email::text, u.username::text, '') as "name!"
           from sessions s join users u on u.id = s.user_id join roles r on r.code = u.role
           where s.cookie_hash = $1 and s.kind = 'dashboard' and s.revoked_at is null and s.expires_at > now()
             and u.status = 'active'"#,
        secret::sha256(cookie)
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Identity {
        user: row.user,
        session: row.session,
        name: row.name,
        role: row.role,
        locale: row.locale,
        permissions: Permissions::new(row.permissions),
    }))
}

/// Whether a session was opened by signing in at most so many minutes ago, by the database's clock.
pub async fn is_younger(db: &mut PgConnection, session: SessionId, minutes: i32) -> Result<bool> {
    let young = sqlx::query_scalar!(
        r#"select created_at > now() - make_interval(mins => $2) as "young!" from sessions where id = $1"#,
        session.0,
        minutes
    );
    Ok(young.fetch_optional(db).await?.unwrap_or(false))
}

/// Ends a session. Whether it was open.
pub async fn revoke(db: &mut PgConnection, session: SessionId) -> Result<bool> {
    let done = sqlx::query!("update sessions set revoked_at = now() where id = $1 and revoked_at is null", session.0)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of somebody's sessions but one. Returns how many.
pub async fn revoke_all(db: &mut PgConnection, user: UserId, except: Option<SessionId>) -> Result<u64> {
    let done = sqlx::query!(
        "update sessions set revoked_at = now()
         where user_id = $1 and revoked_at is null and id is distinct from $2",
        user.0,
        except.map(|session| session.0)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
