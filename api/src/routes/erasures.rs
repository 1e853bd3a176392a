//! Who wants to be forgotten, with the legal deadline; and guests, who have no account to delete.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::domain::identity::erasures::{self, Erasure, ErasureFilter};
use shared::domain::identity::fields;
use shared::flows::erasure_requested;
use shared::kernel::ids::ErasureId;
use validator::Validate;

use super::requests::line;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/admin/erasures", "erasures")
        .get("", Access::Can("users.read"), list)
        .says("Erasures, newest first: those under way count the days down, those done say what was kept and why")
        .queries::<ErasureFilter>()
        .paged()
        .gives::<Erasure>(200)
        .post("", Access::Can("users.manage"), create)
        .says("Forget the guests of an address; an account is deleted under its own address")
        .takes::<Guests>()
        .gives::<Erasure>(202)
        .get("/{id}", Access::Can("users.read"), show)
        .says("One erasure")
        .gives::<Erasure>(200)
}

async fn list(State(app): State<App>, Query(filter): Query<ErasureFilter>, Paging(page): Paging) -> Answer {
    listed(&erasures::list(&mut *app.db().await?, &filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<ErasureId>) -> Answer {
    data(&erasures::get(&mut *app.db().await?, id).await?)
}

/// Who ordered or wrote without an account.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Guests {
    /// The address they gave.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(custom(function = "fields::address"))]
    email: String,
    /// Why, for the log.
    #[validate(length(max = 300), custom(function = "line"))]
    reason: Option<String>,
}

async fn create(caller: Caller, post: Post<Guests>) -> Answer {
    let Guests { email, reason } = &post.body;
    let mut tx = post.begin().await?;
    let erasure = erasure_requested::of_guests(&mut tx, &caller.authority(), email, reason.as_deref()).await?;
    let job = erasure.job_id.map(|job| format!("/api/v1/admin/jobs/{job}"));
    post.accepted(tx, job, &erasure).await
}
