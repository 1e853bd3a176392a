//! One's own account: who am I, what may I do, my names, my password.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::domain::identity::erasures::Erasure;
use shared::domain::identity::users::{self, Profile, User};
use shared::domain::identity::{Permissions, fields, passwords};
use shared::flows::{erasure_requested, password};
use shared::platform::audit::{self, Entry, Severity};
use validator::Validate;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Post, data};
use crate::table::{Access, Table};

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/me", "me")
        .get("", Access::Caller, show)
        .says("My account and what I may do")
        .gives::<Me>(200)
        .patch("", Access::Caller, change)
        .says("Change my names, language or telephone")
        .takes::<Change>()
        .gives::<Me>(200)
        .delete("", Access::Caller, forget)
        .says("Delete my account, and with it all that is mine but what the law keeps; I am signed out at once")
        .takes::<Farewell>()
        .gives::<Erasure>(202)
        .put("/password", Access::Caller, change_password)
        .says("Change my password; my other sessions end")
        .takes::<ChangePassword>()
        .gives_nothing(204)
}

/// A language we write.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Locale {
    /// French.
    Fr,
    /// English.
    En,
}

impl Locale {
    /// As in rows.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }
}

/// The caller.
#[derive(Serialize, JsonSchema)]
struct Me {
    /// The account.
    #[serde(flatten)]
    user: User,
    /// What the role, the groups and the grants allow; `*` is everything.
    permissions: Permissions,
}

async fn show(State(app): State<App>, caller: Caller) -> Answer {
    let user = users::get(&mut *app.db().await?, caller.user).await?;
    data(&Me { user, permissions: caller.permissions })
}

/// What changes about somebody, by themselves or by an administrator; absent stays.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// First name.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    first_name: Option<String>,
    /// Last name.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    last_name: Option<String>,
    /// Another name to sign in with: letters, digits, dots, dashes, underscores.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(min = 3, max = 32), custom(function = "fields::username"))]
    username: Option<String>,
    /// The language of mails.
    locale: Option<Locale>,
    /// Telephone; empty removes it.
    #[serde(default, deserialize_with = "fields::trimmed_option")]
    #[validate(length(max = 32), custom(function = "fields::phone"))]
    phone: Option<String>,
}

impl Change {
    /// As the account takes it.
    pub(super) fn profile(&self) -> Profile {
        Profile {
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            username: self.username.clone(),
            locale: self.locale.map(|locale| locale.code().to_owned()),
            phone: self.phone.clone(),
        }
    }
}

async fn change(caller: Caller, post: Post<Change>) -> Answer {
    let profile = post.body.profile();
    let mut tx = post.begin().await?;
    let user = users::update(&mut tx, caller.user, &profile).await?;
    let details = json!({ "fields": profile.changes() });
    let id = caller.user.to_string();
    audit::record(&mut tx, Entry { action: "USER_UPDATED", severity: Severity::Low, target: "user", id, details })
        .await?;
    post.ok(tx, &Me { user, permissions: caller.permissions }).await
}

/// The password, once more.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Farewell {
    /// The password now.
    #[validate(length(min = 1, max = 1024))]
    password: String,
}

async fn forget(State(app): State<App>, caller: Caller, post: Post<Farewell>) -> Answer {
    post.begin().await?.rollback().await?; // a repeated key is answered before anything is hashed
    password::confirm(&app.platform, caller.user, &post.body.password).await?;
    let mut tx = post.begin().await?;
    let erasure = erasure_requested::mine(&mut tx, caller.user).await?;
    post.accepted(tx, None, &erasure).await
}

/// The password now and the one wanted.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    /// The password now.
    #[validate(length(min = 1, max = 1024))]
    current_password: String,
    /// The password wanted: at least 12 characters unless configured otherwise, at most 128 bytes.
    #[validate(length(min = 1, max = 128))]
    password: String,
}

async fn change_password(State(app): State<App>, caller: Caller, post: Post<ChangePassword>) -> Answer {
    let ChangePassword { current_password, password } = &post.body;
    post.begin().await?.rollback().await?; // a repeated key is answered before anything is hashed
    let verified = password::check_change(&app.platform, caller.user, current_password, password).await?;
    let hash = passwords::hash(&app.platform.config, password).await?;
    let mut tx = post.begin().await?;
    password::change(&mut tx, caller.user, caller.session, &verified, &hash).await?;
    post.done(tx).await
}
