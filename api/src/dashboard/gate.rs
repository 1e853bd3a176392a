//! The gate before every page and action: who asks, whether a form is ours, whether the right is there. Errors leave
//! through it too, as pages.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use shared::domain::identity::sessions::Identity;
use shared::kernel::Error;
use shared::platform::tx::Origin;

use crate::app::App;
use crate::dashboard::desk::{Desk, see_other};
use crate::dashboard::fault;
use crate::dashboard::forms::{self, Fields};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::look;
use crate::dashboard::note::Note;
use crate::dashboard::pulse::Pulse;
use crate::dashboard::session;
use crate::error::{self, Answer, ApiError};
use crate::watch;

/// Nothing from elsewhere, nothing inline; `connect-src` is for the page that renews itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Stands beside what was answered to somebody who is signed in.
#[derive(Clone)]
pub struct Passed;

/// A group of routes and the right it needs.
#[derive(Clone)]
pub struct Gate {
    /// The services.
    pub app: App,
    /// The queue's health.
    pub pulse: Pulse,
    /// The right; none: it is enough to be signed in.
    pub right: Option<&'static str>,
}

/// Lets a request through, or answers in its place.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let operator = match session::operator(&gate.app, request.headers()).await {
        Ok(Some(operator)) => operator,
        Ok(None) => return sign_in(&gate.app, &request).unwrap_or_else(IntoResponse::into_response),
        Err(error) => {
            return fault::alone(&gate.app, ApiError::from(error).into_response(), request.uri()).await;
        }
    };
    let look = look::chosen(&gate.app, request.headers(), &operator.locale);
    let desk = desk(&gate, operator, &request);
    let mut response = look::with(look, answer(&gate, &desk, request, next)).await;
    response.extensions_mut().insert(Passed);
    response
}

async fn answer(gate: &Gate, desk: &Desk, request: Request, next: Next) -> Response {
    let response = match admit(gate, desk, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => ApiError::from(error).into_response(),
    };
    fault::framed(desk, response).await
}

fn desk(gate: &Gate, me: Identity, request: &Request) -> Desk {
    let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
    Desk {
        app: gate.app.clone(),
        pulse: gate.pulse.clone(),
        origin: Origin { actor: Some(me.user), ..origin },
        uri: request.uri().clone(),
        here: if request.method() == Method::GET { address(request.uri()) } else { "/admin" }.to_owned(),
        answers_form: request.method() != Method::GET,
        note: Note::read(&gate.app, request.headers(), me.session),
        me,
    }
}

/// Rights, then for everything that may change something: our own page, and its token.
async fn admit(gate: &Gate, desk: &Desk, request: Request) -> Result<Request, Error> {
    if let Some(right) = gate.right.filter(|right| !desk.me.permissions.can(right)) {
        let line = format!("{} {}", request.method(), request.uri().path());
        watch::refused(&gate.app, &desk.origin, right, line).await;
        return Err(Error::Forbidden(right.into()));
    }
    let (mut parts, mut body) = request.into_parts();
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        if !forms::from_our_pages(&gate.app, &parts.headers) {
            return Err(Error::Forbidden("form_origin".into()));
        }
        let fields = Fields::read(&parts.headers, std::mem::take(&mut body)).await?;
        if !session::is_form_token(&gate.app, desk.me.session, fields.get("token")) {
            return Err(Error::Forbidden("form_token".into()));
        }
        parts.extensions.insert(fields);
    }
    parts.extensions.insert(desk.clone());
    Ok(Request::from_parts(parts, body))
}

/// Nobody is signed in. A link from elsewhere comes without our `SameSite=Strict` cookie: such a request is sent round
/// once more from a page of ours, and only then asked to sign in.
fn sign_in(app: &App, request: &Request) -> Answer {
    let here = address(request.uri());
    if request.method() == Method::GET && comes_from_elsewhere(request.headers()) {
        let frame = Frame::alone(app, "Dashboard", String::new());
        return Ok(Html(frame::render(app, "bounce", &frame, &json!({ "to": here }))?).into_response());
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = match *request.method() {
        Method::GET if here == "/admin" => return see_other("/admin/login"),
        Method::GET => query.append_pair("next", here),
        // The session ended while they filled in a form: they come back to it, and are told.
        _ => query.append_pair("next", &page_of_form(request.headers())).append_pair("ended", "1"),
    };
    see_other(&format!("/admin/login?{}", query.finish()))
}

/// Pages that answer a form alone, and the page where such a form is found again.
const ONLY_ANSWERS: [(&str, &str); 3] = [("/edit/check", "/edit"), ("/replay/preview", ""), ("/reveal", "")];

/// The page that a form stands on, as the browser tells it; ours alone.
fn page_of_form(headers: &HeaderMap) -> String {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let page = said("referer").and_then(|referer| referer.parse::<Uri>().ok());
    let page = page.filter(|page| page.authority().map(Authority::as_str) == said("host"));
    let Some(page) = page.filter(|page| page.path().starts_with("/admin")) else { return "/admin".into() };
    let found = ONLY_ANSWERS.iter().find_map(|(end, back)| Some(page.path().strip_suffix(end)?.to_owned() + back));
    found.unwrap_or_else(|| address(&page).to_owned())
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    matches!(said("sec-fetch-site"), "cross-site" | "same-site") && said("sec-fetch-mode") == "navigate"
}

/// Path and query.
pub fn address(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/admin", |address| address.as_str())
}

/// An address under `/admin` where nothing is.
pub async fn nothing() -> ApiError {
    Error::NotFound("page").into()
}

/// An address that does not take this method: nothing is done, so neither a right nor a token is asked for.
pub async fn wrong_method(gate: Gate, request: Request) -> Response {
    let refusal = error::plain(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "");
    match session::operator(&gate.app, request.headers()).await {
        Ok(Some(operator)) => {
            let look = look::chosen(&gate.app, request.headers(), &operator.locale);
            look::with(look, fault::framed(&desk(&gate, operator, &request), refusal)).await
        }
        Ok(None) | Err(_) => fault::alone(&gate.app, refusal, request.uri()).await,
    }
}

/// The headers of every answer under `/admin` that has none of its own.
pub async fn dress(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
