//! Registering, signing in and out, forgotten passwords.
//!
//! What a stranger may ask about an account is answered alike, in words and in time, whether it exists or not. Answers
//! that carry a secret are never kept under an `Idempotency-Key`.

use axum::extract::State;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::identity::users::{Status, User};
use shared::domain::identity::{fields, passwords};
use shared::flows::login::{self, Kind, SignedIn};
use shared::flows::registration::{self, Registration};
use shared::flows::{evenly, password};
use shared::kernel::ids::UserId;
use shared::kernel::text;
use tokio::time::Instant;
use validator::Validate;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Post, data};
use crate::routes::me::Locale;
use crate::table::{Access, Limit, Table};

/// The rows.
pub fn table() -> Table {
    Table::at("/api/v1/auth", "auth")
        .post("/register", Access::Public, register)
        .says("Open an account; its activation link goes out by mail")
        .limit(Limit::Forms)
        .takes::<NewAccount>()
        .gives::<Registered>(201)
        .post("/activate", Access::Public, activate)
        .says("Prove the address with the token of the mail")
        .takes::<Token>()
        .gives::<Activated>(200)
        .post("/activation-email", Access::Public, activation_email)
        .says("Send the activation link again, where there is an account to activate")
        .limit(Limit::Forms)
        .takes::<Address>()
        .gives::<Silence>(202)
        .post("/login", Access::Public, sign_in)
        .says("Sign in with an address or user name and a password")
        .takes::<Login>()
        .gives::<Session>(200)
        .post("/refresh", Access::Public, refresh)
        .says("Change a refresh token, which works once, for a new pair")
        .takes::<Refresh>()
        .gives::<Session>(200)
        .post("/logout", Access::Caller, sign_out)
        .says("End this session")
        .gives_nothing(204)
        .post("/password-reset", Access::Public, password_reset)
        .says("Send a reset link, where there is an active account")
        .limit(Limit::Forms)
        .takes::<Address>()
        .gives::<Silence>(202)
        .post("/password-reset/confirm", Access::Public, confirm_reset)
        .says("Set a new password with the token of the mail; every session ends")
        .takes::<NewPassword>()
        .gives_nothing(204)
}

/// Somebody who registers. Role and status are not theirs to say.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// The address to sign in with.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(email, length(max = 254), custom(function = "fields::address"))]
    email: String,
    /// At least 12 characters unless configured otherwise, at most 128 bytes.
    #[validate(length(min = 1, max = 128))]
    password: String,
    /// First name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    first_name: String,
    /// Last name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    last_name: String,
    /// The language of mails; `Accept-Language` when absent.
    locale: Option<Locale>,
}

/// An account as far as a stranger may know it.
#[derive(Serialize, JsonSchema)]
struct NewUser {
    /// Only where no activation is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<UserId>,
    /// As sent.
    email: String,
    /// As sent.
    first_name: String,
    /// As sent.
    last_name: String,
    /// Whether a mail with a link is on its way.
    status: Status,
    /// The language of mails.
    locale: String,
}

/// The answer to a registration.
#[derive(Serialize, JsonSchema)]
struct Registered {
    /// The account.
    user: NewUser,
}

async fn register(State(app): State<App>, headers: HeaderMap, post: Post<NewAccount>) -> Answer {
    let (came, body) = (Instant::now(), &post.body);
    let language = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let locale = body.locale.map_or_else(|| text::locale(language), Locale::code);
    let mut tx = post.begin().await?; // a repeated key is answered before anything is hashed
    registration::open(&mut tx).await?;
    passwords::check(&mut tx, &body.password, &[&body.email, &body.first_name, &body.last_name]).await?;
    tx.rollback().await?; // the key is free again for the second half
    let password = passwords::hash(&app.platform.config, &body.password).await?;
    let mut tx = post.begin().await?;
    let (email, first_name, last_name) = (&body.email, &body.first_name, &body.last_name);
    let active =
        registration::register(&mut tx, &Registration { email, first_name, last_name, locale }, &password).await?;
    let user = NewUser {
        id: active.as_ref().map(|user| user.id),
        email: email.clone(),
        first_name: first_name.clone(),
        last_name: last_name.clone(),
        status: active.map_or(Status::PendingActivation, |user| user.status),
        locale: locale.into(),
    };
    let answer = post.created(tx, &Registered { user }).await;
    evenly::wait(came).await;
    answer
}

/// A token from a mail.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Token {
    /// As in the link.
    #[validate(length(min = 1, max = 128))]
    token: String,
}

/// An account that is active now.
#[derive(Serialize, JsonSchema)]
struct Activated {
    /// The account.
    user: User,
}

async fn activate(post: Post<Token>) -> Answer {
    let mut tx = post.begin().await?;
    let user = registration::activate(&mut tx, &post.body.token).await?;
    post.ok(tx, &Activated { user }).await
}

/// An address that may or may not have an account.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Address {
    /// The account's.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(email, length(max = 254), custom(function = "fields::address"))]
    email: String,
}

/// The answer that tells nothing.
#[derive(Serialize, JsonSchema)]
struct Silence {}

async fn activation_email(post: Post<Address>) -> Answer {
    let came = Instant::now();
    let mut tx = post.begin().await?;
    registration::resend(&mut tx, &post.body.email).await?;
    let answer = post.accepted(tx, None, &Silence {}).await;
    evenly::wait(came).await;
    answer
}

async fn password_reset(post: Post<Address>) -> Answer {
    let came = Instant::now();
    let mut tx = post.begin().await?;
    password::request_reset(&mut tx, &post.body.email).await?;
    let answer = post.accepted(tx, None, &Silence {}).await;
    evenly::wait(came).await;
    answer
}

/// A token from a mail and the password it allows.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// As in the link.
    #[validate(length(min = 1, max = 128))]
    token: String,
    /// At least 12 characters unless configured otherwise, at most 128 bytes.
    #[validate(length(min = 1, max = 128))]
    password: String,
}

async fn confirm_reset(State(app): State<App>, post: Post<NewPassword>) -> Answer {
    let body = &post.body;
    post.begin().await?.rollback().await?; // a repeated key is answered before anything is hashed
    password::check_reset(&app.platform, &post.origin, &body.token, &body.password).await?;
    let hash = passwords::hash(&app.platform.config, &body.password).await?;
    let mut tx = post.begin().await?;
    password::reset(&mut tx, &body.token, &hash).await?;
    post.done(tx).await
}

/// What one signs in with.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The address or the user name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 254))]
    login: String,
    /// The password.
    #[validate(length(min = 1, max = 1024))]
    password: String,
}

/// A session's tokens.
#[derive(Serialize, JsonSchema)]
struct Session {
    /// Goes into `Authorization: Bearer …`.
    token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Until when `token` works.
    expires_at: DateTime<Utc>,
    /// Works once, at `auth/refresh`. A second use ends the session.
    refresh_token: String,
    /// When the session ends.
    refresh_expires_at: DateTime<Utc>,
    /// Who signed in.
    user: User,
}

async fn sign_in(State(app): State<App>, post: Post<Login>) -> Answer {
    let Login { login, password } = &post.body;
    let signed_in = login::sign_in(&app.platform, &post.origin, Kind::Api, login, password).await?;
    session(&app, signed_in)
}

/// A refresh token.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The last one received.
    #[validate(length(min = 1, max = 128))]
    refresh_token: String,
}

async fn refresh(State(app): State<App>, post: Post<Refresh>) -> Answer {
    session(&app, login::refresh(&app.platform, &post.origin, &post.body.refresh_token).await?)
}

fn session(app: &App, signed_in: SignedIn) -> Answer {
    let now = app.platform.clock.now();
    let (token, expires_at) = app.keys.issue(signed_in.user.id, signed_in.session, now)?;
    let mut response = data(&Session {
        token,
        token_type: "Bearer",
        expires_at,
        refresh_token: signed_in.secret,
        refresh_expires_at: signed_in.expires_at,
        user: signed_in.user,
    })?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn sign_out(caller: Caller, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    login::sign_out(&mut tx, caller.user, caller.session).await?;
    post.done(tx).await
}
