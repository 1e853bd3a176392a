//! The documentation, made of the same rows as the router: `/openapi.json` for programs, `/docs` for people.
//!
//! The page is made once and fetches nothing but its own style sheet; it needs no script.

use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use shared::kernel::Error;

use crate::app::App;
use crate::error::ApiError;
use crate::openapi::{self, page};

const STYLE: &str = include_str!("documentation.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
static PAGE: OnceLock<String> = OnceLock::new();

/// The document and the page, for everybody.
pub fn router() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/api/v1/openapi.json", get(document))
        .route("/docs", get(docs))
        .route("/docs/style.css", get(style))
}

async fn document() -> Response {
    give("application/json", DOCUMENT.as_str())
}

async fn docs(State(app): State<App>) -> Result<Response, ApiError> {
    let page = if let Some(page) = PAGE.get() {
        page
    } else {
        let variables = page::variables(&openapi::document());
        let page = app.platform.templates.page("docs", "en", &variables);
        let page = page.map_err(Error::internal)?;
        PAGE.get_or_init(|| page)
    };
    let policy = [(CONTENT_SECURITY_POLICY, POLICY)];
    Ok((policy, give("text/html; charset=utf-8", page)).into_response())
}

async fn style() -> Response {
    give("text/css; charset=utf-8", STYLE)
}

fn give(kind: &'static str, body: &'static str) -> Response {
    let headers: [(HeaderName, &str); 2] = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")];
    (headers, body).into_response()
}
