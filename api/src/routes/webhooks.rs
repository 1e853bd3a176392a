//! `POST /webhooks/stripe`: what Stripe tells us. Signature, outside, one transaction, 200.
//!
//! The body is taken as it comes: the signature is over its bytes. Nothing of it is stored before it is found genuine, and
//! a 200 means that the event is committed. Stripe repeats whatever is answered otherwise, for three days.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use schemars::JsonSchema;
use serde::Serialize;
use shared::domain::billing::received::Source;
use shared::flows::stripe_received;
use shared::kernel::Error;
use shared::platform::stripe::{self, Envelope};
use shared::platform::tx::{Origin, Tx};

use crate::app::App;
use crate::error::{Answer, plain};
use crate::table::{Access, Limit, Table};
use crate::watch;

/// The longest event. Stripe's have some kilobytes.
const LONGEST: usize = 1 << 20;

/// The webhook.
pub fn table() -> Table {
    Table::at("/webhooks", "webhooks")
        .post("/stripe", Access::Public, receive)
        .says("Stripe's events, signed by `Stripe-Signature`: kept once, handled by a job")
        .limit(Limit::None)
        .gives::<Received>(200)
}

/// What Stripe hears: that it need not come again.
#[derive(Debug, Serialize, JsonSchema)]
struct Received {
    /// Always.
    received: bool,
}

async fn receive(State(app): State<App>, request: Request) -> Answer {
    let config = &app.platform.config.stripe;
    if config.webhook_secrets.is_empty() {
        return Err(Error::Off("payments_off").into());
    }
    let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
    let header =
        request.headers().get("stripe-signature").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let Some(body) = bytes(request.into_body()).await else {
        count("too_large");
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "body", "the body is too large or was cut off"));
    };
    let now = app.platform.clock.now();
    if let Err(rejected) = stripe::verify(header.as_deref(), &body, &config.webhook_secrets, now) {
        return Ok(refused(&app, &origin, rejected.name()).await);
    }
    let Ok(envelope) = Envelope::read(&body) else { return Ok(refused(&app, &origin, "no_event").await) };
    let mut tx = Tx::begin_for(&app.platform, origin).await?;
    stripe_received::receive(&mut tx, &envelope, &body, Source::Webhook).await?;
    tx.commit().await?;
    Ok(axum::Json(Received { received: true }).into_response())
}

/// Whoever tries to forge an event hears nothing of why it failed.
async fn refused(app: &App, origin: &Origin, reason: &'static str) -> Response {
    count(reason);
    watch::forged(app, origin, reason).await;
    plain(StatusCode::BAD_REQUEST, "webhook", "this is no event of ours")
}

fn count(reason: &'static str) {
    metrics::counter!("facteur_stripe_webhook_rejected_total", "reason" => reason).increment(1);
}

async fn bytes(body: Body) -> Option<axum::body::Bytes> {
    if body.size_hint().lower() > LONGEST as u64 {
        return None; // it says so itself: not a byte is read
    }
    to_bytes(body, LONGEST).await.ok()
}
