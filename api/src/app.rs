//! The application: what every handler has at hand, the router, and what surrounds every request.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use shared::kernel::config::Env;
use shared::kernel::telemetry;
use shared::platform::Platform;
use shared::platform::tx::Origin;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Uuid;

use crate::auth::Keys;
use crate::error::{self, ApiError, REQUEST_ID};
use crate::{dashboard, routes};

/// A body larger than this is refused before it is read, except where a route says otherwise.
const BODY_LIMIT: usize = 64 * 1024;
/// A request that takes longer is answered 503: no slow body or lock holds a connection for ever.
const HANDLER: Duration = Duration::from_secs(20);

/// What every handler has at hand.
#[derive(Clone)]
pub struct App {
    /// The services.
    pub platform: Platform,
    /// For access tokens.
    pub keys: Keys,
}

impl App {
    /// The application over its services.
    pub fn new(platform: Platform) -> Self {
        Self { keys: Keys::new(&platform.config.auth), platform }
    }

    /// A connection for reading.
    pub async fn db(&self) -> Result<PoolConnection<Postgres>, ApiError> {
        Ok(self.platform.db.acquire().await?)
    }

    /// Whether this is a developer's machine.
    pub fn is_development(&self) -> bool {
        self.platform.config.env == Env::Development
    }

    /// The whole service.
    pub fn router(self) -> Router {
        let tables =
            routes::tables().into_iter().fold(Router::new(), |router, table| router.merge(table.router(&self)));
        let cors = cors(&self);
        tables
            .merge(routes::documentation())
            .merge(dashboard::router(&self).layer(CompressionLayer::new().gzip(true).compress_when(is_page)))
            .fallback(|| async { error::plain(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address") })
            .method_not_allowed_fallback(|| async {
                error::plain(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    "this address does not take this method",
                )
            })
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(cors)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(self.clone(), surround))
            .with_state(self)
    }
}

/// Pages, style and script are sent compressed; files and streams as they are.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let media = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    [&b"text/html"[..], b"text/css", b"text/javascript", b"image/svg+xml"].iter().any(|text| media.starts_with(text))
}

fn cors(app: &App) -> CorsLayer {
    let origins = app.platform.config.http.frontend_urls.iter().filter_map(|url| url.parse::<HeaderValue>().ok());
    let expose = [
        "x-request-id",
        "retry-after",
        "location",
        "idempotency-replayed",
        "etag",
        "accept-ranges",
        "content-disposition",
        "content-range",
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            [
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "if-range",
                "last-event-id",
                "order-token",
                "range",
                "x-request-id",
                "traceparent",
                "accept-language",
            ]
            .map(HeaderName::from_static),
        )
        .expose_headers(expose.map(HeaderName::from_static))
        .max_age(Duration::from_hours(1))
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    error::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
}

/// Who asks, and from where.
fn origin(app: &App, request: &Request) -> Origin {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let traceparent = header("traceparent").filter(|t| telemetry::is_traceparent(t));
    Origin {
        actor: None,
        ip: client_ip(app, request),
        user_agent: header("user-agent").map(|agent| shared::kernel::text::cut(&agent, 300).into_owned()),
        request_id: Some(header("x-request-id").and_then(|v| Uuid::parse_str(&v).ok()).unwrap_or_else(Uuid::now_v7)),
        traceparent: Some(traceparent.unwrap_or_else(telemetry::new_traceparent)),
        parent: None,
    }
}

/// Around every request: who and from where, a bound on its time, its id in and out, security headers, one log line.
async fn surround(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let origin = origin(&app, &request);
    let id = origin.request_id.unwrap_or_default();
    request.extensions_mut().insert(origin);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = std::time::Instant::now();
    let answer = REQUEST_ID.scope(RefCell::new(id), async {
        match tokio::time::timeout(HANDLER, next.run(request)).await {
            Ok(response) => response,
            Err(_) => error::plain(StatusCode::SERVICE_UNAVAILABLE, "timeout", "this took too long; try again"),
        }
    });
    let mut response = answer.await;
    let status = response.status().as_u16();
    let ms = started.elapsed().as_millis() as u64;
    metrics::histogram!("facteur_http_seconds", "method" => method.to_string(), "status" => status.to_string())
        .record(started.elapsed().as_secs_f64());
    tracing::info!(request.id = %id, %method, path, status, ms, "request");
    secure(&app, &mut response, &path, id);
    response
}

fn secure(app: &App, response: &mut Response, path: &str, id: Uuid) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(name), HeaderValue::from_str(value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &id.to_string());
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if path.starts_with("/api/") {
        set("cache-control", "no-store");
    }
    if !app.is_development() {
        set("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
}

/// The caller's address: the peer, or what trusted proxies say, read from the right.
fn client_ip(app: &App, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let trusted = |ip: IpAddr| app.platform.config.http.trusted_proxies.iter().any(|network| network.contains(ip));
    let mut address = peer;
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !trusted(address) {
            break;
        }
        let Ok(next) = hop.parse::<IpAddr>() else { break };
        address = next.to_canonical();
    }
    Some(address)
}
