//! For load balancers: is the process alive, can it serve?
//!
//! Alive asks nobody. Ready asks PostgreSQL, within a second, whether it answers and has this version's tables. Redis
//! is told of and never decides: without it jobs are accepted all the same and only start a little later.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::kernel::{Error, secret};
use shared::platform::jobs::VERSION;
use shared::platform::jobs::alarms::{self, Alarm};
use shared::platform::schema;
use shared::platform::tx::Origin;

use crate::app::App;
use crate::error::{Answer, ApiError};
use crate::extract::data;
use crate::table::{Access, Limit, Table};

/// A store that answers later than this is away.
const PATIENCE: Duration = Duration::from_secs(1);

/// Both questions.
pub fn table() -> Table {
    Table::at("/health", "health")
        .get("/live", Access::Public, live)
        .says("Whether the process is alive")
        .limit(Limit::None)
        .gives::<Health>(200)
        .get("/ready", Access::Public, ready)
        .says("Whether the service can serve: PostgreSQL answers and is migrated. Details with METRICS_TOKEN or from loopback")
        .limit(Limit::None)
        .gives::<Health>(200)
}

/// How we are.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// `live` or `ready`.
    status: &'static str,
    /// Only for those who may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<ReadyDetails>,
}

/// What readiness is made of.
#[derive(Debug, Serialize, JsonSchema)]
struct ReadyDetails {
    /// Our version.
    version: &'static str,
    /// PostgreSQL's answer, in milliseconds.
    postgresql_ms: f64,
    /// `up`, `down` (jobs are accepted and start a little later) or `unused`.
    redis: &'static str,
    /// What is wrong with the queue; null when it could not be read in time. No reason not to be ready.
    alarms: Option<Vec<Alarm>>,
}

async fn live() -> Answer {
    data(&Health { status: "live", details: None })
}

async fn ready(State(app): State<App>, Extension(origin): Extension<Origin>, headers: HeaderMap) -> Answer {
    let started = Instant::now();
    let lacking = tokio::time::timeout(PATIENCE, lacking(&app)).await.map_err(|_| away("PostgreSQL"))??;
    if !lacking.is_empty() {
        tracing::warn!(?lacking, "not ready: run `facteur migrate`");
        return Err(away("the migrated database").into());
    }
    let postgresql_ms = started.elapsed().as_secs_f64() * 1000.0;
    let details = if may_know(&app, &origin, &headers) {
        let (redis, alarms) = (redis(&app).await, alarms(&app).await);
        Some(ReadyDetails { version: VERSION, postgresql_ms, redis, alarms })
    } else {
        None
    };
    data(&Health { status: "ready", details })
}

async fn lacking(app: &App) -> Result<Vec<String>, ApiError> {
    let mut db = app.db().await?;
    schema::pending(&mut db).await.map_err(|trouble| {
        tracing::warn!(error = trouble.text, "not ready");
        away("PostgreSQL").into()
    })
}

async fn redis(app: &App) -> &'static str {
    if !app.platform.tickets.in_redis() {
        return "unused";
    }
    match tokio::time::timeout(PATIENCE, app.platform.tickets.ping()).await {
        Ok(Ok(_)) => "up",
        Ok(Err(_)) | Err(_) => "down",
    }
}

async fn alarms(app: &App) -> Option<Vec<Alarm>> {
    let read = async { alarms::open(&mut *app.db().await.ok()?).await.ok() };
    tokio::time::timeout(PATIENCE, read).await.ok()?
}

fn away(what: &'static str) -> Error {
    Error::Unavailable { what, retry_after: Duration::from_secs(2) }
}

/// The bearer of METRICS_TOKEN; this very machine, unless it speaks for somebody else.
fn may_know(app: &App, origin: &Origin, headers: &HeaderMap) -> bool {
    let bearer = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let token = app.platform.config.telemetry.metrics_token.as_ref();
    if let (Some(bearer), Some(token)) = (bearer, token) {
        return secret::same(bearer, token.expose_secret());
    }
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    !forwarded && origin.ip.is_some_and(|ip| ip.is_loopback())
}
