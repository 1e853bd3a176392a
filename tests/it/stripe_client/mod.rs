//! The way to Stripe, against a small real HTTP server: one pool, one object for each of ours whatever happens on the
//! way, errors that give nobody away; and the check of what Stripe posts to us.

mod canary;
mod creating;
mod envelope;
mod failing;
mod objects;
mod sending;
mod server;
mod signature;

use chrono::DateTime;
use harness::TestApp;
use server::Server;
use shared::platform::Platform;
use shared::platform::stripe::{Line, NewRefund, NewSession, Stripe, StripeError, Told};

const KEY: &str = "sk_test_canary_of_the_key";

/// An application whose Stripe is a server of the test's own.
struct Fixture {
    app: TestApp,
    server: Server,
}

impl Fixture {
    async fn new() -> Self {
        let server = Server::start().await;
        let app = TestApp::with(&[
            ("STRIPE_SECRET_KEY", KEY),
            ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
            ("STRIPE_API_BASE", &server.url),
        ])
        .await;
        Self { app, server }
    }

    fn stripe(&self) -> &Stripe {
        self.app.platform.stripe().expect("payments are on")
    }

    /// As after a restart: nothing is left but the database.
    fn restarted(&self) -> Stripe {
        let config = (*self.app.platform.config).clone();
        let platform = Platform::with_db(config, self.app.platform.db.clone()).expect("a platform");
        platform.stripe().expect("payments are on").clone()
    }

    /// The calls that were kept.
    async fn calls(&self) -> serde_json::Value {
        let query = "select idempotency_key as key, state, provider_id, error_code from outgoing_calls order by 1";
        self.app.sql(query).await
    }
}

fn refund(amount: i64) -> NewRefund<'static> {
    NewRefund { refund: "0199", payment_intent: "pi_1", amount }
}

fn session() -> NewSession<'static> {
    NewSession {
        payment: "0198".to_owned(),
        order: "0197".to_owned(),
        customer: None,
        email: Some("canary@example.org"),
        currency: "EUR",
        lines: vec![Line { name: "Relecture", unit_amount: 4990, quantity: 2 }],
        locale: "fr",
        success_url: "https://www.example.org/merci?session={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "https://www.example.org/panier".to_owned(),
        expires_at: DateTime::from_timestamp(1_790_003_600, 0).expect("a time"),
        keep_method: false,
    }
}

#[track_caller]
fn told<T>(outcome: Result<T, StripeError>) -> Told {
    match outcome.err() {
        Some(StripeError::Stripe(told)) => *told,
        other => panic!("not told by Stripe: {other:?}"),
    }
}
