//! Groups of failures that are the same failure. A whole group is retried by the bulk retry with `error=`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::platform::jobs::admin::groups::{self, GroupFilter, GroupRow, GroupView};
use validator::Validate;

use crate::acts;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Path, Post, Query, data};
use crate::table::{Access, Table};

const READ: Access = Access::Can("jobs.read");
const MANAGE: Access = Access::Can("jobs.manage");

/// Everything about groups of failures.
pub fn table() -> Table {
    Table::at("/api/v1/admin/errors", "errors")
        .get("", READ, list)
        .says("Failures in groups, the latest first, at most 200")
        .queries::<GroupFilter>()
        .gives::<Vec<GroupRow>>(200)
        .get("/{fingerprint}", READ, show)
        .says("One group with its latest jobs")
        .gives::<GroupView>(200)
        .post("/{fingerprint}/resolve", MANAGE, resolve)
        .says("Say that the cause is mended; a failure that comes back is regressed")
        .takes::<Why>()
        .gives_nothing(204)
        .post("/{fingerprint}/mute", MANAGE, mute)
        .says("Say that nobody need hear of it, for a time or until told")
        .takes::<Mute>()
        .gives_nothing(204)
        .post("/{fingerprint}/unmute", MANAGE, unmute)
        .says("Say that it is known and matters: ends a mute, takes a resolution back, acknowledges what is new")
        .takes::<Why>()
        .gives_nothing(204)
        .put("/{fingerprint}/note", MANAGE, note)
        .says("Write what is known about it; null takes the note away")
        .takes::<Note>()
        .gives_nothing(204)
}

/// Why.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Kept in the audit log.
    #[validate(length(max = 500))]
    reason: Option<String>,
}

/// Why and until when.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mute {
    /// It counts as known again at this time; absent: when told.
    until: Option<DateTime<Utc>>,
    /// Kept in the audit log.
    #[validate(length(max = 500))]
    reason: Option<String>,
}

/// What is known.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// For whoever meets it next.
    #[validate(length(max = 2000))]
    note: Option<String>,
}

async fn list(State(app): State<App>, Query(filter): Query<GroupFilter>) -> Answer {
    let filter = filter.checked()?;
    let mut db = app.db().await?;
    data(&groups::list(&mut db, &filter).await?)
}

async fn show(State(app): State<App>, Path(fingerprint): Path<String>) -> Answer {
    let mut db = app.db().await?;
    data(&groups::get(&mut db, &fingerprint).await?)
}

async fn resolve(Path(fingerprint): Path<String>, post: Post<Why>) -> Answer {
    let mut tx = post.begin().await?;
    acts::resolve(&mut tx, &fingerprint, post.body.reason.as_deref()).await?;
    post.done(tx).await
}

async fn mute(Path(fingerprint): Path<String>, post: Post<Mute>) -> Answer {
    let mut tx = post.begin().await?;
    acts::mute(&mut tx, &fingerprint, post.body.until, post.body.reason.as_deref()).await?;
    post.done(tx).await
}

async fn unmute(Path(fingerprint): Path<String>, post: Post<Why>) -> Answer {
    let mut tx = post.begin().await?;
    acts::unmute(&mut tx, &fingerprint, post.body.reason.as_deref()).await?;
    post.done(tx).await
}

async fn note(Path(fingerprint): Path<String>, post: Post<Note>) -> Answer {
    let mut tx = post.begin().await?;
    let note = post.body.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    acts::note(&mut tx, &fingerprint, note).await?;
    post.done(tx).await
}
