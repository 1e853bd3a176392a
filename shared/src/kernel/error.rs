//! The one error of the house. It has two faces: `api/error.rs` (problem+json) and `worker/failure.rs` (verdict).
//! `?` is right by default in a handler (500) and in a job (retry).

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FieldError {
    /// Path in the body, `lines[2].price`; empty for the body as a whole.
    pub path: String,
    /// Stable word for programs: `required`, `email`, `length`, `unknown_field` …
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl FieldError {
    /// A wrong field.
    pub fn new(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: Cow::Borrowed(code), message: message.into() }
    }
}

/// Everything that can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404: no such row, or not yours. The word is the row's noun.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// 422: the input does not validate.
    #[error("invalid input: {}", .0.iter().map(|e| format!("{} {}", e.path, e.code)).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<FieldError>),
    /// 409: the row is in a state that does not allow this.
    #[error("{message}")]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// 410: a token that was used, replaced or is too old.
    #[error("{message}")]
    Gone {
        /// Stable word for programs.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// 401: not identified, or not with these credentials.
    #[error("not identified: {0}")]
    Unauthenticated(&'static str),
    /// 403: identified and not allowed.
    #[error("not allowed: {0}")]
    Forbidden(Cow<'static, str>),
    /// 429: too many; may be tried again.
    #[error("too many requests")]
    TooMany {
        /// How long to wait.
        retry_after: Duration,
    },
    /// 503: something we need is away.
    #[error("{what} is unavailable")]
    Unavailable {
        /// What is away.
        what: &'static str,
        /// How long to wait.
        retry_after: Duration,
    },
    /// 503: switched off in the configuration, by its code: `payments_off`.
    #[error("switched off: {0}")]
    Off(&'static str),
    /// A partner refused for good: trying again cannot help.
    #[error("{0}")]
    Refused(String),
    /// A partner failed.
    #[error("{message}")]
    Upstream {
        /// What it said.
        message: String,
        /// When it said how long to wait.
        retry_after: Option<Duration>,
    },
    /// 503: the store of files failed. The text is for the operator: it is logged, never sent.
    #[error("{0}")]
    Storage(String),
    /// 500: the database refused a statement.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// 500: our own fault. The text is logged, never sent.
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// 422 for one field.
    pub fn field(path: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(path, code, message)])
    }

    /// 409 with a stable code.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    /// 500 with a text for the log.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::Internal(anyhow::anyhow!("{message}"))
    }

    /// Whether a unique or foreign key of this name refused the statement.
    pub fn on_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(e)) if e.constraint() == Some(name))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => true,
            // 08: connection; 53: out of resources; 57P: shutdown, crash, terminated; 55P03, 57014: waited too long.
            sqlx::Error::Database(e) => e
                .code()
                .is_some_and(|c| c.starts_with("08") || c.starts_with("53") || c.starts_with("57") || c == "55P03"),
            _ => false,
        };
        if away {
            tracing::warn!(%error, "PostgreSQL is unavailable");
            return Self::Unavailable { what: "PostgreSQL", retry_after: Duration::from_secs(2) };
        }
        // 22021, 22P05: a NUL, the one character that PostgreSQL's text and jsonb cannot hold.
        if let sqlx::Error::Database(e) = &error
            && e.code().is_some_and(|c| c == "22021" || c == "22P05")
        {
            return Self::field("", "characters", "contains a NUL character");
        }
        Self::Database(error)
    }
}

impl From<validator::ValidationErrors> for Error {
    fn from(errors: validator::ValidationErrors) -> Self {
        let mut fields = Vec::new();
        flatten("", &errors, &mut fields);
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Self::Invalid(fields)
    }
}

fn flatten(prefix: &str, errors: &validator::ValidationErrors, out: &mut Vec<FieldError>) {
    use validator::ValidationErrorsKind::{Field, List, Struct};
    for (name, kind) in errors.errors() {
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        match kind {
            Struct(inner) => flatten(&path, inner, out),
            List(items) => items.iter().for_each(|(i, inner)| flatten(&format!("{path}[{i}]"), inner, out)),
            Field(list) => out.extend(list.iter().map(|e| FieldError {
                path: path.clone(),
                code: e.code.clone(),
                message: e.message.as_ref().map_or_else(|| sentence(e), ToString::to_string),
            })),
        }
    }
}

fn sentence(error: &validator::ValidationError) -> String {
    let bound = |name: &str| error.params.get(name).map(ToString::to_string);
    match (error.code.as_ref(), bound("min"), bound("max")) {
        ("length", Some(min), Some(max)) => format!("must have {min} to {max} characters"),
        ("length", Some(min), None) => format!("must have at least {min} characters"),
        ("length", None, Some(max)) => format!("must have at most {max} characters"),
        ("range", Some(min), Some(max)) => format!("must be {min} to {max}"),
        ("email", ..) => "is not an e-mail address".into(),
        (code, ..) => format!("does not satisfy `{code}`"),
    }
}
