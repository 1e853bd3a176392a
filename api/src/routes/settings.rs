//! Settings: what everybody may know, and all of them for who changes them.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::kernel::Error;
use shared::platform::settings::{self, Known};
use validator::Validate;

use crate::acts;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Post, data};
use crate::table::{Access, Table};

const MANAGE: Access = Access::Can("settings.manage");

/// For everybody.
pub fn table() -> Table {
    Table::at("/api/v1/settings", "settings")
        .get("", Access::Public, public)
        .says("The settings that everybody may read: name and value")
        .gives::<Value>(200)
}

/// For who manages them.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/settings", "settings")
        .get("", MANAGE, list)
        .says("Every setting: value, default, bounds, and what it does")
        .gives::<Vec<Known>>(200)
        .patch("", MANAGE, change)
        .says(
            "Change settings, all or none; null goes back to the default. `seen` refuses a change over somebody else's",
        )
        .takes::<Changes>()
        .gives::<Vec<Known>>(200)
}

/// Which settings become what.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// One to twenty of them.
    #[validate(length(min = 1, max = 20), nested)]
    changes: Vec<Change>,
    /// Kept in the audit log.
    #[validate(length(max = 500))]
    reason: Option<String>,
}

/// One setting becomes something.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Its name.
    #[validate(length(min = 1, max = 100))]
    key: String,
    /// What it becomes; null: its default.
    value: Value,
    /// The version it was seen in; absent: whatever it is.
    #[serde(default)]
    seen: Option<i32>,
}

async fn public(State(app): State<App>) -> Answer {
    data(&settings::public(&mut *app.db().await?).await?)
}

async fn list(State(app): State<App>) -> Answer {
    data(&settings::all(&mut *app.db().await?).await?)
}

async fn change(post: Post<Changes>) -> Answer {
    let mut tx = post.begin().await?;
    let mut changed = Vec::new();
    for (at, Change { key, value, seen }) in post.body.changes.iter().enumerate() {
        let value = Some(value).filter(|value| !value.is_null());
        let set = acts::set(&mut tx, key, value, *seen, post.body.reason.as_deref()).await;
        changed.push(set.map_err(|error| named(error, at))?);
    }
    post.ok(tx, &changed).await
}

/// Says which of the changes does not fit.
fn named(error: Error, at: usize) -> Error {
    match error {
        Error::Invalid(mut fields) => {
            for field in &mut fields {
                field.path = format!("changes[{at}].{}", field.path);
            }
            Error::Invalid(fields)
        }
        Error::NotFound(_) => Error::field(&format!("changes[{at}].key"), "choice", "there is no such setting"),
        error => error,
    }
}
