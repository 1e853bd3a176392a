//! Addresses that get no mail.

use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::domain::identity::fields;
use shared::platform::mail::suppression::{self, Suppression};
use validator::Validate;

use crate::acts::mails;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Path, Post, Query, data};
use crate::routes::emails::Released;
use crate::table::{Access, Table};

/// A list is no longer than this: who looks for an address names a part of it.
const MOST: i64 = 500;

/// Everything about them.
pub fn table() -> Table {
    Table::at("/api/v1/admin/suppressions", "emails")
        .get("", Access::Can("jobs.read"), list)
        .says("Addresses that get no mail, newest first, 500 at most")
        .queries::<Containing>()
        .gives::<Vec<Suppression>>(200)
        .post("", Access::Can("jobs.manage"), add)
        .says("Stop mail to an address, for good or until a day; 409 when it gets none already")
        .takes::<NewSuppression>()
        .gives_nothing(204)
        .post("/{address}/release", Access::Can("jobs.manage"), release)
        .says("Let mail go to an address again, with what was not sent in the last 30 days")
        .gives::<Released>(202)
        .delete("/{address}", Access::Can("jobs.manage"), remove)
        .says("Let mail go to an address again; what was not sent stays unsent")
        .gives_nothing(204)
}

/// Which.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Containing {
    /// Part of the address.
    address: Option<String>,
}

/// An address that is to get no mail.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewSuppression {
    /// The address.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(custom(function = "fields::address"))]
    #[schemars(email, length(max = 254))]
    address: String,
    /// What shows it.
    #[validate(length(min = 1, max = 300))]
    evidence: String,
    /// Until then; for good when absent.
    expires_at: Option<DateTime<Utc>>,
}

async fn list(State(app): State<App>, Query(wanted): Query<Containing>) -> Answer {
    data(&suppression::list(&mut *app.db().await?, wanted.address.as_deref(), MOST).await?)
}

async fn add(post: Post<NewSuppression>) -> Answer {
    let mut tx = post.begin().await?;
    let NewSuppression { address, evidence, expires_at } = &post.body;
    mails::suppress(&mut tx, address, evidence, *expires_at).await?;
    post.done(tx).await
}

async fn release(Path(address): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let mails = mails::release(&mut tx, &address, true).await?;
    post.accepted(tx, None, &Released { mails }).await
}

async fn remove(Path(address): Path<String>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    mails::release(&mut tx, &address, false).await?;
    post.done(tx).await
}
