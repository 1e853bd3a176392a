//! What people may do: the catalogue of permissions, roles, and what is lent to one person.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::domain::identity::catalogue::{PERMISSIONS, Permission};
use shared::domain::identity::grants::{self, Grant};
use shared::domain::identity::roles::{self, Role};
use shared::domain::identity::users;
use shared::flows::rights_changed;
use shared::kernel::ids::{GrantId, UserId};
use validator::{Validate, ValidationError};

use super::requests::line;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

const READ: Access = Access::Can("users.read");
const GRANT: Access = Access::Can("users.grant");

/// Roles, and the catalogue of what they may name.
pub fn table() -> Table {
    Table::at("/api/v1/admin", "rights")
        .get("/permissions", READ, catalogue)
        .says("Every permission there is and what it means")
        .gives::<Vec<Permission>>(200)
        .get("/roles", READ, list)
        .says("All roles with what they allow")
        .gives::<Vec<Role>>(200)
        .post("/roles", GRANT, create)
        .says("Make a role of permissions that its author holds")
        .takes::<NewRole>()
        .gives::<Role>(201)
        .patch("/roles/{code}", GRANT, change)
        .says("Change what a role is called or allows, in force at the next request")
        .takes::<Change>()
        .gives::<Role>(200)
        .delete("/roles/{code}", GRANT, delete)
        .says("Delete a role that nobody has")
        .gives_nothing(204)
        .get("/users/{id}/grants", READ, lent)
        .says("What is lent to one person")
        .gives::<Vec<Grant>>(200)
        .post("/users/{id}/grants", GRANT, lend)
        .says("Lend a permission, until a time or until it is taken back")
        .takes::<Loan>()
        .gives::<Grant>(201)
        .delete("/permission-grants/{id}", GRANT, take_back)
        .says("Take a lent permission back")
        .gives_nothing(204)
}

async fn catalogue() -> Answer {
    data(&PERMISSIONS)
}

async fn list(State(app): State<App>) -> Answer {
    data(&roles::list(&mut *app.db().await?).await?)
}

/// A role about to be made.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// Its name in rows: small letters, digits, underscores. It never changes.
    #[validate(length(min = 2, max = 32), custom(function = "code"))]
    code: String,
    /// Its name for people.
    #[validate(length(max = 60), custom(function = "line"))]
    label: String,
    /// What it allows.
    #[validate(length(max = 100))]
    permissions: Vec<String>,
}

fn code(code: &str) -> Result<(), ValidationError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if code.chars().all(plain) {
        return Ok(());
    }
    Err(ValidationError::new("characters").with_message("must have small letters, digits and underscores only".into()))
}

async fn create(caller: Caller, post: Post<NewRole>) -> Answer {
    let NewRole { code, label, permissions } = &post.body;
    let mut tx = post.begin().await?;
    let role = rights_changed::create_role(&mut tx, &caller.authority(), code, label.trim(), permissions).await?;
    post.created(tx, &role).await
}

/// What changes; absent stays.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Its name for people.
    #[validate(length(max = 60), custom(function = "line"))]
    label: Option<String>,
    /// What it allows: all of it.
    #[validate(length(max = 100))]
    permissions: Option<Vec<String>>,
}

async fn change(Path(code): Path<String>, caller: Caller, post: Post<Change>) -> Answer {
    let Change { label, permissions } = &post.body;
    let label = label.as_deref().map(str::trim);
    let mut tx = post.begin().await?;
    let role = rights_changed::change_role(&mut tx, &caller.authority(), &code, label, permissions.as_deref()).await?;
    post.ok(tx, &role).await
}

async fn delete(Path(code): Path<String>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    rights_changed::delete_role(&mut tx, &caller.authority(), &code).await?;
    post.done(tx).await
}

async fn lent(State(app): State<App>, Path(id): Path<UserId>) -> Answer {
    let mut db = app.db().await?;
    users::get(&mut db, id).await?;
    data(&grants::of_user(&mut db, id).await?)
}

/// A permission about to be lent.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Loan {
    /// What.
    #[validate(length(min = 1, max = 60))]
    permission: String,
    /// It stops at that instant; none: when it is taken back.
    expires_at: Option<DateTime<Utc>>,
}

async fn lend(Path(id): Path<UserId>, caller: Caller, post: Post<Loan>) -> Answer {
    let Loan { permission, expires_at } = &post.body;
    let mut tx = post.begin().await?;
    let grant = rights_changed::lend(&mut tx, &caller.authority(), id, permission, *expires_at).await?;
    post.created(tx, &grant).await
}

async fn take_back(Path(id): Path<GrantId>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    rights_changed::take_back(&mut tx, &caller.authority(), id).await?;
    post.done(tx).await
}
