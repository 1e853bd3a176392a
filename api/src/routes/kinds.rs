//! Kinds of jobs: policy, the last hour, and a fuse for each.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::platform::jobs::admin::kinds::{self, Fuse, KindView};
use validator::Validate;

use crate::acts;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

/// Everything about kinds.
pub fn table() -> Table {
    Table::at("/api/v1/admin/kinds", "kinds")
        .get("", Access::Can("jobs.read"), list)
        .says("Every kind of job: queue, policy, fuse, and what became of it in the last hour")
        .gives::<Vec<KindView>>(200)
        .put("/{kind}/fuse", Access::Can("jobs.manage"), blow)
        .says("Blow the fuse of a kind: nobody claims its jobs, or waiting ones go to the dead letters")
        .takes::<Blow>()
        .gives_nothing(204)
        .delete("/{kind}/fuse", Access::Can("jobs.manage"), clear)
        .says("Close the fuse of a kind: its jobs run again")
        .gives_nothing(204)
}

/// How a fuse blows.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Blow {
    /// What becomes of the kind's jobs.
    fuse: Fuse,
    /// It closes by itself at this time; absent: when told.
    until: Option<DateTime<Utc>>,
    /// Shown on the dashboard.
    #[validate(length(min = 1, max = 500))]
    reason: String,
}

async fn list(State(app): State<App>) -> Answer {
    let mut db = app.db().await?;
    data(&kinds::list(&mut db).await?)
}

async fn blow(Path(kind): Path<String>, post: Post<Blow>) -> Answer {
    let Blow { fuse, until, reason } = &post.body;
    let mut tx = post.begin().await?;
    acts::fuse(&mut tx, &kind, *fuse, *until, reason).await?;
    post.done(tx).await
}

async fn clear(Path(kind): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    acts::clear_fuse(&mut tx, &kind).await?;
    post.done(tx).await
}
