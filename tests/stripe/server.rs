//! Connections, and what every call of `/v1` meets before and after its work: the key, faults, idempotency.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State as Part};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::faults::{Fault, How};
use super::form::Form;
use super::idempotency::{Begun, Kept};
use super::refusal::Refusal;
use super::shapes::new_id;
use super::{API_VERSION, Shared, control, page, routes, state};

/// Instead of an answer the connection is closed.
#[derive(Clone)]
struct Lost;

/// Accepts connections for ever.
pub async fn listen(listener: TcpListener, shared: Shared) {
    let router = Router::new()
        .route("/v1/{*path}", any(call))
        .route("/c/pay/{session}", get(page::show).post(page::act))
        .route("/receipts/{charge}", get(page::receipt))
        .route("/_fake", get(control::help))
        .route("/_fake/{*path}", any(control::order))
        .layer(DefaultBodyLimit::max(1024 * 1024))
        .with_state(shared.clone());
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, router.clone(), shared.clone()));
    }
}

async fn connection(stream: TcpStream, router: Router, shared: Shared) {
    let _ = stream.set_nodelay(true);
    {
        let usage = &mut shared.lock().usage;
        usage.connections += 1;
        usage.open += 1;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let answer = router.oneshot(request.map(Body::new)).await.expect("a router answers");
            // hyper closes the connection on an error, without a word.
            if answer.extensions().get::<Lost>().is_some() { Err(std::io::Error::other("lost")) } else { Ok(answer) }
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    shared.lock().usage.open -= 1;
}

/// A call of `/v1`.
struct Call {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    /// Its `Request-Id`.
    id: String,
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }

    /// The key, which only a POST may have.
    fn key(&self) -> Option<String> {
        self.header("idempotency-key").filter(|_| self.method == "POST").map(str::to_owned)
    }
}

async fn call(Part(shared): Part<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1024 * 1024).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        id: new_id("req"),
    };
    // A task of its own: who hangs up does not stop what Stripe has begun.
    tokio::spawn(serve(shared, call)).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn serve(shared: Shared, call: Call) -> Response {
    let fault = {
        let mut state = shared.lock();
        state.usage.count(&call.method, &call.path);
        if let Err(refusal) = admit(&call, &state.settings.key) {
            return refused(&call, &refusal);
        }
        state.faults.take(&call.method, &call.path)
    };
    let Some(fault) = fault else { return work(&shared, &call, None).await };
    let done = fault.done.unwrap_or(fault.how == How::Lost);
    match fault.how {
        How::Slow => return work(&shared, &call, Some(Duration::from_millis(fault.ms))).await,
        How::Error if !done => return broken(&shared, &call),
        _ if done => drop(work(&shared, &call, None).await),
        _ => {}
    }
    fail(&call, &fault).await
}

/// The answer of a call that is to fail.
async fn fail(call: &Call, fault: &Fault) -> Response {
    match fault.how {
        How::Limit => {
            let mut answer = refused(call, &Refusal::too_many());
            let headers = answer.headers_mut();
            headers.insert("retry-after", fault.retry_after.into());
            headers.insert("stripe-rate-limited-reason", "global-rate".parse().expect("a header"));
            answer
        }
        How::Gateway => {
            let page =
                "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
            (StatusCode::BAD_GATEWAY, [("content-type", "text/html")], page).into_response()
        }
        How::Hang => {
            tokio::time::sleep(Duration::from_millis(fault.ms)).await;
            lost()
        }
        How::Lost => lost(),
        How::Error | How::Slow => refused(call, &Refusal::broken()),
    }
}

fn lost() -> Response {
    let mut answer = ().into_response();
    answer.extensions_mut().insert(Lost);
    answer
}

/// Who may call, and in which version.
fn admit(call: &Call, key: &str) -> Result<(), Refusal> {
    let Some(given) = call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                       Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        return Err(Refusal::unauthorized(message));
    };
    if given != key {
        let end = given.len().saturating_sub(4);
        let end = given.get(end..).unwrap_or_default();
        return Err(Refusal::unauthorized(format!("Invalid API Key provided: sk_test_****{end}")));
    }
    let version = call.header("stripe-version").unwrap_or(API_VERSION);
    let date = version.split('.').next().unwrap_or_default();
    if chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_err() {
        return Err(Refusal::invalid("", format!("Invalid Stripe API version: {version}.")));
    }
    match call.header("idempotency-key") {
        Some(key) if key.len() > 255 => Err(Refusal::invalid("", "Idempotency keys have 255 characters at most.")),
        _ => Ok(()),
    }
}

/// Does what is asked, once for each key; late, the key is in use meanwhile.
async fn work(shared: &Shared, call: &Call, late: Option<Duration>) -> Response {
    if let Some(answer) = begin(shared, call) {
        return answer;
    }
    if let Some(late) = late {
        tokio::time::sleep(late).await;
    }
    let form = if call.method == "POST" { String::from_utf8_lossy(&call.body) } else { (&*call.query).into() };
    let mut state = shared.lock();
    state.cause = json!({ "id": call.id, "idempotency_key": call.key() });
    let answer = routes::answer(&mut state, &call.method, &call.path, &Form::parse(&form));
    state.cause = state::by_itself();
    let (status, body, kept) = match answer {
        Ok(object) => (200, object, true),
        Err(refusal) => (refusal.status, refusal.body(), refusal.kept),
    };
    let body = serde_json::to_string_pretty(&body).expect("JSON");
    if let Some(key) = call.key() {
        state.keys.end(&key, kept.then(|| Kept { status, body: body.clone(), request_id: call.id.clone() }));
    }
    drop(state);
    respond(call, status, body)
}

/// A 500 that is kept for the key, without any work.
fn broken(shared: &Shared, call: &Call) -> Response {
    if let Some(answer) = begin(shared, call) {
        return answer;
    }
    let body = serde_json::to_string_pretty(&Refusal::broken().body()).expect("JSON");
    if let Some(key) = call.key() {
        let kept = Kept { status: 500, body: body.clone(), request_id: call.id.clone() };
        shared.lock().keys.end(&key, Some(kept));
    }
    respond(call, 500, body)
}

/// The key's answer, when it has one or is refused.
fn begin(shared: &Shared, call: &Call) -> Option<Response> {
    let key = call.key()?;
    let form = Form::parse(&String::from_utf8_lossy(&call.body));
    let request = format!("{} {} {}", call.method, call.path, form.value());
    let mut state = shared.lock();
    let now = state.now();
    match state.keys.begin(&key, &request, now) {
        Ok(Begun::First) => None,
        Ok(Begun::Again(kept)) => {
            let mut answer = respond(call, kept.status, kept.body);
            let headers = answer.headers_mut();
            headers.insert("idempotent-replayed", "true".parse().expect("a header"));
            headers.insert("original-request", kept.request_id.parse().expect("a header"));
            Some(answer)
        }
        Err(refusal) => Some(refused(call, &refusal)),
    }
}

fn refused(call: &Call, refusal: &Refusal) -> Response {
    respond(call, refusal.status, serde_json::to_string_pretty(&refusal.body()).expect("JSON"))
}

fn respond(call: &Call, status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).expect("a status of ours");
    let mut answer = (status, [("content-type", "application/json")], body).into_response();
    let echo = |name: &str| call.header(name).and_then(|value| value.parse().ok());
    let headers = answer.headers_mut();
    headers.insert("request-id", call.id.parse().expect("a header"));
    headers.insert("stripe-version", echo("stripe-version").unwrap_or_else(|| API_VERSION.parse().expect("a header")));
    if let Some(key) = echo("idempotency-key") {
        headers.insert("idempotency-key", key);
    }
    answer
}

/// An answer of `/_fake`.
pub fn told(answer: Result<Value, Refusal>) -> Response {
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, refusal.body()),
    };
    let status = StatusCode::from_u16(status).expect("a status of ours");
    (status, axum::Json(body)).into_response()
}
