//! `shared::Error` as RFC 9457 problem+json: the only place that knows statuses.

use std::cell::RefCell;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::flows::reauthentication;
use shared::kernel::Error;
use shared::kernel::error::FieldError;
use uuid::Uuid;

tokio::task_local! {
    /// The id of the request being answered, so that every problem names it.
    pub static REQUEST_ID: RefCell<Uuid>;
}

/// What is switched off is not switched on within the hour.
const OFF: std::time::Duration = std::time::Duration::from_hours(1);

/// A full disk takes a person, a store that is away comes back.
const STORAGE: std::time::Duration = std::time::Duration::from_secs(30);

/// What a handler gives back.
pub type Answer = Result<Response, ApiError>;

/// An error on its way out.
#[derive(Debug)]
pub enum ApiError {
    /// Ours.
    Error(Error),
    /// 404 of which more is known: a stable word, and a sentence for people.
    Missing(&'static str, String),
    /// No error: an `Idempotency-Key` was answered before, and this is that answer.
    Replay(Box<Response>),
}

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The body of every error answer.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the meaning is in `code`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable word for programs.
    pub code: String,
    /// Name it when you write to us.
    pub request_id: Option<Uuid>,
    /// The wrong fields, for 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Replay(response) => *response,
            Self::Missing(code, detail) => respond(StatusCode::NOT_FOUND, code, Some(detail), Vec::new(), None),
            Self::Error(error) => problem(error),
        }
    }
}

/// A problem with only a status and a code. Whoever is turned away with 503 hears when to come again.
pub fn plain(status: StatusCode, code: &str, detail: &str) -> Response {
    let wait = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(std::time::Duration::from_secs(2));
    respond(status, code, Some(detail.to_owned()), Vec::new(), wait)
}

fn problem(error: Error) -> Response {
    let detail = Some(error.to_string());
    match error {
        Error::NotFound(_) => respond(StatusCode::NOT_FOUND, "not_found", detail, Vec::new(), None),
        Error::Invalid(errors) => {
            let detail = Some("The request does not validate.".into());
            respond(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail, errors, None)
        }
        Error::Conflict { code, .. } => respond(StatusCode::CONFLICT, code, detail, Vec::new(), None),
        Error::Gone { code, .. } => respond(StatusCode::GONE, code, detail, Vec::new(), None),
        Error::Unauthenticated(code) => {
            let mut response = respond(StatusCode::UNAUTHORIZED, code, None, Vec::new(), None);
            response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Bearer"));
            response
        }
        Error::Forbidden(what) => {
            // `noun.verb` is a permission; anything else is a stable code of its own.
            let permission = what.contains('.').then(|| format!("This needs the permission {what}."));
            let code = if permission.is_some() { "permission_missing" } else { &what };
            let again = (code == reauthentication::REQUIRED)
                .then(|| "This needs your password once more, in `password`, or a session just opened.".into());
            respond(StatusCode::FORBIDDEN, code, permission.or(again), Vec::new(), None)
        }
        Error::TooMany { retry_after } => {
            respond(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail, Vec::new(), Some(retry_after))
        }
        Error::Unavailable { retry_after, .. } => {
            respond(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, Vec::new(), Some(retry_after))
        }
        Error::Off(code) => respond(StatusCode::SERVICE_UNAVAILABLE, code, detail, Vec::new(), Some(OFF)),
        Error::Refused(message) => {
            tracing::warn!(error = message, "a partner refused");
            respond(StatusCode::BAD_GATEWAY, "upstream_refused", None, Vec::new(), None)
        }
        Error::Upstream { retry_after, message } => {
            tracing::warn!(error = message, "a partner failed");
            respond(StatusCode::BAD_GATEWAY, "upstream", None, Vec::new(), retry_after)
        }
        Error::Storage(message) => {
            tracing::error!(request.id = ?request_id(), error = message, "the store of files failed");
            respond(StatusCode::SERVICE_UNAVAILABLE, "storage", None, Vec::new(), Some(STORAGE))
        }
        Error::Database(error) => internal(&error.into()),
        Error::Internal(error) => internal(&error),
    }
}

/// 500: the cause is logged here, once, and never sent.
fn internal(error: &anyhow::Error) -> Response {
    tracing::error!(request.id = ?request_id(), error = format!("{error:#}"), "a request failed");
    let detail = Some("Something went wrong on our side.".into());
    respond(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, Vec::new(), None)
}

fn request_id() -> Option<Uuid> {
    REQUEST_ID.try_with(|id| *id.borrow()).ok()
}

fn respond(
    status: StatusCode,
    code: &str,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<std::time::Duration>,
) -> Response {
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail,
        code: code.to_owned(),
        request_id: request_id(),
        errors,
    };
    let mut response = (status, axum::Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(wait) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
    }
    response
}
