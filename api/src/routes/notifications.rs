//! What the house told the caller: to list, count, read, delete and follow; and which of it comes by mail, too.

mod stream;

use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::identity::preferences::{self, ByEmail};
use shared::kernel::ids::NotificationId;
use shared::platform::notifications::{self, Notification, NotificationFilter, Reader};
use validator::Validate;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed, unless_known};
use crate::table::{Access, Table};

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/notifications", "notifications")
        .get("", Access::Caller, list)
        .says("My notifications, newest first; an administrator's with those for all administrators")
        .queries::<NotificationFilter>()
        .paged()
        .gives::<Notification>(200)
        .get("/unread-count", Access::Caller, unread_count)
        .says("How many I have not read; with `If-None-Match`, only when that has changed")
        .gives::<UnreadCount>(200)
        .gives_nothing(304)
        .get("/stream", Access::Caller, stream::open)
        .says("Follow my notifications: events `notification` (as in the list) and `unread` (the count)")
        .streams()
        .put("/read-all", Access::Caller, read_all)
        .says("I have read all of them")
        .gives::<Updated>(200)
        .put("/{id}/read", Access::Caller, read)
        .says("I have read it")
        .gives_nothing(204)
        .delete("/{id}", Access::Caller, delete)
        .says("Take one out of my sight")
        .gives_nothing(204)
}

/// Which of it comes by mail.
pub fn preferences() -> Table {
    Table::at("/api/v1/me/notification-preferences", "me")
        .get("", Access::Caller, preferred)
        .says("Which notifications I get by mail, too")
        .gives::<Preferences>(200)
        .put("", Access::Caller, prefer)
        .says("Choose which notifications I get by mail, too; mails about my account's safety always come")
        .takes::<Preferences>()
        .gives::<Preferences>(200)
}

/// A count.
#[derive(Debug, Serialize, JsonSchema)]
struct UnreadCount {
    /// Not read, not deleted.
    count: i64,
}

/// What was marked.
#[derive(Debug, Serialize, JsonSchema)]
struct Updated {
    /// How many were unread until now.
    updated: i64,
}

/// How notifications come, besides here.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Preferences {
    /// By mail.
    email: ByEmail,
}

/// An administrator is who may do everything: the same who get the administrators' mails.
fn reader(caller: &Caller) -> Reader {
    Reader { user: caller.user, admin: caller.can("*") }
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<NotificationFilter>,
    Paging(page): Paging,
) -> Answer {
    let mut db = app.db().await?;
    listed(&notifications::list(&mut db, reader(&caller), &filter, page).await?)
}

async fn unread_count(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Answer {
    let count = notifications::unread(&mut *app.db().await?, reader(&caller)).await?;
    unless_known(&headers, &format!("\"{count}\""), &UnreadCount { count })
}

async fn read(caller: Caller, Path(id): Path<NotificationId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    notifications::read(&mut tx, reader(&caller), id).await?;
    post.done(tx).await
}

async fn read_all(caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let updated = notifications::read_all(&mut tx, reader(&caller)).await?;
    post.ok(tx, &Updated { updated }).await
}

async fn delete(caller: Caller, Path(id): Path<NotificationId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    notifications::delete(&mut tx, reader(&caller), id).await?;
    post.done(tx).await
}

async fn preferred(State(app): State<App>, caller: Caller) -> Answer {
    let email = preferences::get(&mut *app.db().await?, caller.user).await?;
    data(&Preferences { email })
}

async fn prefer(caller: Caller, post: Post<Preferences>) -> Answer {
    let email = post.body.email;
    let mut tx = post.begin().await?;
    preferences::put(&mut tx, caller.user, email).await?;
    post.ok(tx, &Preferences { email }).await
}
