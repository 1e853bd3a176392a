//! People with an account. The secret part of the row is in `credentials`.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::domain::identity::passwords::PasswordHash;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::UserId;
use crate::platform::mail::Recipient;

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    /// The address is not proven yet.
    PendingActivation,
    /// In use.
    Active,
    /// Stopped by an administrator.
    Suspended,
    /// Its owner wants it gone.
    DeletionPending,
    /// Gone; the row remains for what refers to it.
    Anonymised,
}

/// Somebody with an account. Holds no secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// None once anonymised.
    pub email: Option<String>,
    /// Another name to sign in with.
    pub username: Option<String>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The role's code.
    pub role: String,
    /// Where the account stands.
    pub status: Status,
    /// `fr` or `en`.
    pub locale: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Since when it is active.
    pub activated_at: Option<DateTime<Utc>>,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
}

impl User {
    /// Whom a mail goes to; none without an address.
    pub fn recipient(&self) -> Option<Recipient> {
        let name = format!("{} {}", self.first_name, self.last_name).trim().to_owned();
        Some(Recipient {
            address: self.email.clone()?,
            name: Some(name).filter(|name| !name.is_empty()),
            locale: self.locale.clone(),
            user: Some(self.id),
        })
    }
}

/// An account about to be written.
pub struct NewUser<'a> {
    /// The address.
    pub email: &'a str,
    /// Another name to sign in with.
    pub username: Option<&'a str>,
    /// None: signing in needs a reset first.
    pub password: Option<&'a PasswordHash>,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// The role's code.
    pub role: &'a str,
    /// Where it stands.
    pub status: Status,
    /// `fr` or `en`.
    pub locale: &'a str,
}

/// What somebody changes about themselves; absent stays.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Another name to sign in with.
    pub username: Option<String>,
    /// `fr` or `en`.
    pub locale: Option<String>,
    /// Telephone; empty removes it.
    pub phone: Option<String>,
}

impl Profile {
    /// The names of what changes, for the audit log: never the values.
    pub fn changes(&self) -> Vec<&'static str> {
        let all = [
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("username", &self.username),
            ("locale", &self.locale),
            ("phone", &self.phone),
        ];
        all.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect()
    }
}

/// A statement around the columns of a [`User`].
macro_rules! user {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::domain::identity::users::User,
            $head + r#" id as "id: UserId", email::text as email, username::text as username, first_name, last_name, role,
                        status as "status: _", locale, phone, activated_at, created_at "# + $tail,
            $($argument),*
        )
    };
}
pub(super) use user;

/// The account of this id.
pub async fn find(db: &mut PgConnection, id: UserId) -> Result<Option<User>> {
    Ok(user!("select" "from users where id = $1", id.0).fetch_optional(db).await?)
}

/// The account of this id, or 404.
pub async fn get(db: &mut PgConnection, id: UserId) -> Result<User> {
    find(db, id).await?.ok_or(Error::NotFound("user"))
}

/// The account of this address.
pub async fn find_by_email(db: &mut PgConnection, email: &str) -> Result<Option<User>> {
    Ok(user!("select" "from users where email = $1::text::citext", email).fetch_optional(db).await?)
}

/// Writes an account and its preferences. None: the address has one already.
pub async fn insert(db: &mut PgConnection, new: NewUser<'_>) -> Result<Option<User>> {
    let active = new.status == Status::Active;
    let user = user!(
        "insert into users (id, email, username, password_hash, first_name, last_name, role, status, locale, activated_at)
         values ($1, $2::text::citext, $3::text::citext, $4, $5, $6, $7, $8, $9, case when $10 then now() end)
         on conflict (email) do nothing
         returning" "",
        UserId::new().0,
        new.email,
        new.username,
        new.password.map(PasswordHash::as_str),
        new.first_name,
        new.last_name,
        new.role,
        new.status as Status,
        new.locale,
        active
    )
    .fetch_optional(&mut *db)
    .await
    .map_err(name_taken)?;
    if let Some(user) = &user {
        ensure_preferences(db, user.id).await?;
    }
    Ok(user)
}

/// Changes a profile. 422 when the user name is somebody else's.
pub async fn update(db: &mut PgConnection, id: UserId, change: &Profile) -> Result<User> {
    let changed = user!(
        "update users set first_name = coalesce($2, first_name), last_name = coalesce($3, last_name),
                          username = coalesce($4::text::citext, username), locale = coalesce($5, locale),
                          phone = nullif(coalesce($6, phone), ''), updated_at = now()
         where id = $1
         returning" "",
        id.0,
        change.first_name,
        change.last_name,
        change.username,
        change.locale,
        change.phone
    )
    .fetch_optional(db)
    .await
    .map_err(name_taken)?;
    changed.ok_or(Error::NotFound("user"))
}

fn name_taken(error: sqlx::Error) -> Error {
    let error = Error::from(error);
    if error.on_constraint("users_username_key") {
        return Error::field("username", "taken", "is somebody else's");
    }
    error
}

/// Moves an account from one status to another. None: it was not there (any more).
pub async fn set_status(db: &mut PgConnection, id: UserId, from: Status, to: Status) -> Result<Option<User>> {
    let activates = to == Status::Active;
    let moved = user!(
        "update users set status = $3, updated_at = now(),
                          activated_at = case when $4 then coalesce(activated_at, now()) else activated_at end
         where id = $1 and status = $2
         returning" "",
        id.0,
        from as Status,
        to as Status,
        activates
    );
    Ok(moved.fetch_optional(db).await?)
}

/// Writes default preferences where there are none.
pub async fn ensure_preferences(db: &mut PgConnection, id: UserId) -> Result<()> {
    sqlx::query!("insert into user_preferences (user_id) values ($1) on conflict (user_id) do nothing", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Everybody who may do everything and can be written to.
pub async fn admins(db: &mut PgConnection) -> Result<Vec<Recipient>> {
    let users = user!(
        "select" "from users where status = 'active' and email is not null
                  and role in (select code from roles where '*' = any(permissions)) order by id"
    );
    Ok(users.fetch_all(db).await?.iter().filter_map(User::recipient).collect())
}
