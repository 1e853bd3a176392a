//! Groups: people who may do something besides what their role allows.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::identity::groups::{self, Group, Member};
use shared::flows::rights_changed;
use shared::kernel::ids::{GroupId, UserId};
use validator::{Validate, ValidationError};

use super::requests::{line, words};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

const MANAGE: Access = Access::Can("groups.manage");

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/admin/groups", "groups")
        .get("", MANAGE, list)
        .says("All groups with what they allow")
        .gives::<Vec<Group>>(200)
        .post("", MANAGE, create)
        .says("Make a group of permissions that its author holds")
        .takes::<NewGroup>()
        .gives::<Group>(201)
        .get("/{id}", MANAGE, show)
        .says("One group and who is in it")
        .gives::<Whole>(200)
        .patch("/{id}", MANAGE, change)
        .says("Change a group, in force at the next request; an inactive one gives nothing")
        .takes::<Change>()
        .gives::<Group>(200)
        .delete("/{id}", MANAGE, delete)
        .says("Delete a group; its members lose what it gave")
        .gives_nothing(204)
        .put("/{id}/members/{user}", MANAGE, add)
        .says("Take somebody in")
        .gives_nothing(204)
        .delete("/{id}/members/{user}", MANAGE, remove)
        .says("Let somebody go")
        .gives_nothing(204)
}

async fn list(State(app): State<App>) -> Answer {
    data(&groups::list(&mut *app.db().await?).await?)
}

/// A group about to be made.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    /// Its name, its own.
    #[validate(length(max = 60), custom(function = "line"))]
    name: String,
    /// What it is for.
    #[validate(length(max = 500), custom(function = "words"))]
    description: Option<String>,
    /// `#rrggbb`; empty for none.
    #[validate(custom(function = "hexadecimal"))]
    color: Option<String>,
    /// What its members may do; only what may be lent.
    #[serde(default)]
    #[validate(length(max = 100))]
    permissions: Vec<String>,
}

async fn create(caller: Caller, post: Post<NewGroup>) -> Answer {
    let NewGroup { name, description, color, permissions } = &post.body;
    let new = groups::Change {
        name: Some(name.trim().to_owned()),
        description: description.clone(),
        color: color.clone(),
        permissions: Some(permissions.clone()),
        is_active: Some(true),
    };
    let mut tx = post.begin().await?;
    let group = rights_changed::create_group(&mut tx, &caller.authority(), new).await?;
    post.created(tx, &group).await
}

/// A group and its members.
#[derive(Serialize, JsonSchema)]
struct Whole {
    /// The group.
    #[serde(flatten)]
    group: Group,
    /// Who is in it, by name, at most 1000.
    people: Vec<Member>,
}

async fn show(State(app): State<App>, Path(id): Path<GroupId>) -> Answer {
    let mut db = app.db().await?;
    let group = groups::get(&mut db, id).await?;
    let people = groups::members(&mut db, id).await?;
    data(&Whole { group, people })
}

/// What changes; absent stays.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Its name, its own.
    #[validate(length(max = 60), custom(function = "line"))]
    name: Option<String>,
    /// What it is for.
    #[validate(length(max = 500), custom(function = "words"))]
    description: Option<String>,
    /// `#rrggbb`; empty for none.
    #[validate(custom(function = "hexadecimal"))]
    color: Option<String>,
    /// What its members may do: all of it.
    #[validate(length(max = 100))]
    permissions: Option<Vec<String>>,
    /// Whether it gives anything.
    is_active: Option<bool>,
}

fn hexadecimal(color: &str) -> Result<(), ValidationError> {
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let fits = |digits: &str| digits.len() == 6 && digits.chars().all(digit);
    if color.is_empty() || color.strip_prefix('#').is_some_and(fits) {
        return Ok(());
    }
    Err(ValidationError::new("color").with_message("must be like #1f4e8c".into()))
}

async fn change(Path(id): Path<GroupId>, caller: Caller, post: Post<Change>) -> Answer {
    let Change { name, description, color, permissions, is_active } = &post.body;
    let change = groups::Change {
        name: name.as_deref().map(|name| name.trim().to_owned()),
        description: description.clone(),
        color: color.clone(),
        permissions: permissions.clone(),
        is_active: *is_active,
    };
    let mut tx = post.begin().await?;
    let group = rights_changed::change_group(&mut tx, &caller.authority(), id, change).await?;
    post.ok(tx, &group).await
}

async fn delete(Path(id): Path<GroupId>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    rights_changed::delete_group(&mut tx, &caller.authority(), id).await?;
    post.done(tx).await
}

async fn add(Path((id, user)): Path<(GroupId, UserId)>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    rights_changed::set_member(&mut tx, &caller.authority(), id, user, true).await?;
    post.done(tx).await
}

async fn remove(Path((id, user)): Path<(GroupId, UserId)>, caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    rights_changed::set_member(&mut tx, &caller.authority(), id, user, false).await?;
    post.done(tx).await
}
