//! What people write to the house: the form of the site, and its reading by those who answer.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::domain::identity::fields;
use shared::domain::requests::{self, NewRequest, Request, RequestFilter, RequestKind, RequestStatus};
use shared::flows::request_submitted;
use shared::kernel::Error;
use shared::kernel::ids::{RequestId, UserId};
use shared::kernel::text;
use validator::{Validate, ValidationError};

use super::me::Locale;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Limit, Table};

/// The form.
pub fn table() -> Table {
    Table::at("/api/v1/requests", "requests")
        .post("", Access::Public, submit)
        .says("Write to the house: contact and free sample for everybody, a complaint when signed in")
        .limit(Limit::Forms)
        .takes::<Submission>()
        .gives::<RequestView>(201)
}

/// Its reading.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/requests", "requests")
        .get("", Access::Can("requests.manage"), list)
        .says("All requests, newest first")
        .queries::<RequestFilter>()
        .paged()
        .gives::<Request>(200)
        .get("/{id}", Access::Can("requests.manage"), show)
        .says("One request")
        .gives::<Request>(200)
        .opens("ADMIN_ACCESS", "request")
}

/// A filled form.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Submission {
    /// What it is.
    kind: RequestKind,
    /// Who writes, one line.
    #[validate(length(max = 120), custom(function = "line"))]
    name: String,
    /// Where we answer.
    #[validate(custom(function = "fields::address"))]
    #[schemars(email, length(max = 254))]
    email: String,
    /// Where we may call.
    #[validate(custom(function = "fields::phone"))]
    #[schemars(length(max = 32))]
    phone: Option<String>,
    /// What it is about, one line.
    #[validate(length(max = 200), custom(function = "line"))]
    title: String,
    /// The message.
    #[validate(length(min = 1, max = 10000), custom(function = "prose"))]
    body: String,
    /// A word to sort it by: `hr`, `it`, `facilities` …
    #[validate(length(max = 60), custom(function = "line"))]
    category: Option<String>,
    /// What this kind asks besides, at most 4,000 bytes: `{"genre": "roman", "page_count": 320}`.
    #[validate(custom(function = "small"))]
    details: Option<Map<String, Value>>,
    /// The language of our receipt; `Accept-Language` when absent.
    locale: Option<Locale>,
}

/// What its author gets back. The rest is known to them, and is not ours to keep beside an idempotency key.
#[derive(Debug, Serialize, JsonSchema)]
struct RequestView {
    /// Its id.
    id: RequestId,
    /// What to name when writing again: `R-2026-000123`.
    number: String,
    /// What it is.
    kind: RequestKind,
    /// Where it stands.
    status: RequestStatus,
    /// Received.
    created_at: DateTime<Utc>,
}

async fn submit(headers: HeaderMap, post: Post<Submission>) -> Answer {
    if post.body.kind == RequestKind::Complaint && post.origin.actor.is_none() {
        return Err(Error::Unauthenticated("token_missing").into());
    }
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let new = post.body.request(post.origin.actor, accepted);
    let mut tx = post.begin().await?;
    let Request { id, number, kind, status, created_at, .. } = request_submitted::submit(&mut tx, new).await?;
    post.created(tx, &RequestView { id, number, kind, status, created_at }).await
}

async fn list(State(app): State<App>, Query(filter): Query<RequestFilter>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&requests::list(&mut db, &filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<RequestId>) -> Answer {
    let mut db = app.db().await?;
    data(&requests::get(&mut db, id).await?)
}

impl Submission {
    fn request(&self, submitter: Option<UserId>, accepted: Option<&str>) -> NewRequest {
        let trimmed = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_owned());
        let locale = match self.locale {
            Some(Locale::Fr) => "fr",
            Some(Locale::En) => "en",
            None => text::locale(accepted),
        };
        NewRequest {
            kind: self.kind,
            submitter,
            name: self.name.trim().into(),
            email: self.email.clone(),
            phone: trimmed(&self.phone),
            title: self.title.trim().into(),
            body: self.body.clone(),
            category: trimmed(&self.category),
            locale: locale.into(),
            details: self.details.clone().unwrap_or_default(),
        }
    }
}

fn refuse(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

/// Names and titles become header lines of mails.
pub(super) fn line(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        return Err(refuse("required", "must not be empty"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(refuse("characters", "must be one line without control characters"));
    }
    Ok(())
}

/// Several lines, and nothing but lines.
pub(super) fn prose(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() { Err(refuse("required", "must not be empty")) } else { words(text) }
}

/// The same where nothing may be said as well.
pub(super) fn words(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(refuse("characters", "must not contain control characters"));
    }
    Ok(())
}

fn small(details: &Map<String, Value>) -> Result<(), ValidationError> {
    let text = serde_json::to_string(details).unwrap_or_default();
    if text.len() > 4000 {
        return Err(refuse("length", "must have at most 4000 bytes"));
    }
    // JSON may write a NUL, PostgreSQL cannot keep one.
    if text.contains("\\u0000") { Err(refuse("characters", "must not contain NUL")) } else { Ok(()) }
}
