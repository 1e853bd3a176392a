//! Accounts, for administrators: found, made, changed, given a role, suspended, signed out, deleted.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::identity::directory::{self, OpenSession, UserFilter};
use shared::domain::identity::erasures::{self, Erasure};
use shared::domain::identity::fields;
use shared::domain::identity::permissions::{self, Held};
use shared::domain::identity::users::{self, NewUser, Status, User};
use shared::flows::{erasure_requested, user_managed};
use shared::kernel::ids::{SessionId, UserId};
use validator::Validate;

use super::me::{Change, Locale};
use super::requests::line;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

const READ: Access = Access::Can("users.read");
const MANAGE: Access = Access::Can("users.manage");

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/admin/users", "users")
        .get("", READ, list)
        .says("All accounts, newest first")
        .queries::<UserFilter>()
        .paged()
        .gives::<User>(200)
        .post("", MANAGE, create)
        .says("Make an account; its owner gets the activation link by mail")
        .takes::<NewAccount>()
        .gives::<User>(201)
        .get("/{id}", READ, show)
        .says("One account, what it may do and why, and its erasure while one is under way")
        .gives::<Whole>(200)
        .opens("ADMIN_ACCESS", "user")
        .patch("/{id}", MANAGE, change)
        .says("Change names, language or telephone")
        .takes::<Change>()
        .gives::<User>(200)
        .delete("/{id}", MANAGE, forget)
        .says("Delete an account: nobody can sign in to it any more, and a job forgets the person")
        .takes::<Why>()
        .gives::<Erasure>(202)
        .delete("/{id}/erasure", MANAGE, keep)
        .says("Call the deletion off, within its grace")
        .gives::<User>(200)
        .put("/{id}/role", MANAGE, set_role)
        .says("Give another role, in force at the next request")
        .takes::<NewRole>()
        .gives::<User>(200)
        .put("/{id}/status", MANAGE, set_status)
        .says("Suspend an account, whose sessions end at once, or open it again; its owner is told why")
        .takes::<NewStatus>()
        .gives::<User>(200)
        .get("/{id}/sessions", READ, sessions)
        .says("The open sessions of an account")
        .gives::<Vec<OpenSession>>(200)
        .delete("/{id}/sessions", MANAGE, end_sessions)
        .says("End all sessions of an account at once")
        .gives::<Ended>(200)
        .delete("/{id}/sessions/{session}", MANAGE, end_session)
        .says("End one session at once")
        .gives_nothing(204)
}

async fn list(State(app): State<App>, Query(filter): Query<UserFilter>, Paging(page): Paging) -> Answer {
    listed(&directory::list(&mut *app.db().await?, &filter, page).await?)
}

/// An account about to be made.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// The address: where the activation link goes.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(custom(function = "fields::address"))]
    #[schemars(email, length(max = 254))]
    email: String,
    /// First name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    first_name: String,
    /// Last name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    last_name: String,
    /// The role's code.
    #[validate(length(min = 1, max = 32))]
    role: String,
    /// Another name to sign in with.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(min = 3, max = 32), custom(function = "fields::username"))]
    username: Option<String>,
    /// The language of mails; French when it is absent.
    locale: Option<Locale>,
    /// Telephone.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(max = 32), custom(function = "fields::phone"))]
    phone: Option<String>,
}

async fn create(caller: Caller, post: Post<NewAccount>) -> Answer {
    let NewAccount { email, first_name, last_name, role, username, locale, phone } = &post.body;
    let new = NewUser {
        email,
        username: username.as_deref(),
        password: None,
        first_name,
        last_name,
        role,
        status: Status::PendingActivation,
        locale: locale.map_or("fr", Locale::code),
    };
    let mut tx = post.begin().await?;
    let user = user_managed::create(&mut tx, &caller.authority(), &new, phone.clone()).await?;
    post.created(tx, &user).await
}

/// An account with what belongs to it.
#[derive(Serialize, JsonSchema)]
struct Whole {
    /// The account.
    #[serde(flatten)]
    user: User,
    /// What it may do, and where that comes from.
    permissions: Vec<Held>,
    /// Its deletion, while one is under way.
    erasure: Option<Erasure>,
}

async fn show(State(app): State<App>, Path(id): Path<UserId>) -> Answer {
    let mut db = app.db().await?;
    let user = users::get(&mut db, id).await?;
    let permissions = permissions::held(&mut db, id).await?;
    let erasure = erasures::of_user(&mut db, id).await?;
    data(&Whole { user, permissions, erasure })
}

async fn change(Path(id): Path<UserId>, caller: Caller, post: Post<Change>) -> Answer {
    let mut tx = post.begin().await?;
    let user = user_managed::update(&mut tx, &caller.authority(), id, &post.body.profile()).await?;
    post.ok(tx, &user).await
}

/// Why, for the log.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// Why.
    #[validate(length(max = 300), custom(function = "line"))]
    pub(super) reason: Option<String>,
}

async fn forget(Path(id): Path<UserId>, caller: Caller, post: Post<Why>) -> Answer {
    let mut tx = post.begin().await?;
    let erasure = erasure_requested::of_user(&mut tx, &caller.authority(), id, post.body.reason.as_deref()).await?;
    let job = erasure.job_id.map(|job| format!("/api/v1/admin/jobs/{job}"));
    post.accepted(tx, job, &erasure).await
}

async fn keep(Path(id): Path<UserId>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let user = erasure_requested::call_off(&mut tx, &caller.authority(), id).await?;
    post.ok(tx, &user).await
}

/// Another role.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// The role's code.
    #[validate(length(min = 1, max = 32))]
    role: String,
    /// Why, for the log.
    #[validate(length(max = 300), custom(function = "line"))]
    reason: Option<String>,
}

async fn set_role(Path(id): Path<UserId>, caller: Caller, post: Post<NewRole>) -> Answer {
    let NewRole { role, reason } = &post.body;
    let mut tx = post.begin().await?;
    let user = user_managed::set_role(&mut tx, &caller.authority(), id, role, reason.as_deref()).await?;
    post.ok(tx, &user).await
}

/// Where an account should stand.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    /// `active` or `suspended`.
    status: Status,
    /// Why: its owner reads it.
    #[validate(length(max = 300), custom(function = "line"))]
    reason: String,
}

async fn set_status(Path(id): Path<UserId>, caller: Caller, post: Post<NewStatus>) -> Answer {
    let NewStatus { status, reason } = &post.body;
    let mut tx = post.begin().await?;
    let user = user_managed::set_status(&mut tx, &caller.authority(), id, *status, reason).await?;
    post.ok(tx, &user).await
}

async fn sessions(State(app): State<App>, Path(id): Path<UserId>) -> Answer {
    let mut db = app.db().await?;
    users::get(&mut db, id).await?;
    data(&directory::sessions(&mut db, id).await?)
}

/// Sessions that were open.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// How many.
    sessions: u64,
}

async fn end_sessions(Path(id): Path<UserId>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let sessions = user_managed::sign_out(&mut tx, &caller.authority(), id, None).await?;
    post.ok(tx, &Ended { sessions }).await
}

async fn end_session(Path((id, session)): Path<(UserId, SessionId)>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    user_managed::sign_out(&mut tx, &caller.authority(), id, Some(session)).await?;
    post.done(tx).await
}
