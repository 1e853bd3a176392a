//! From order to paid, and back: a fake Stripe that does what Stripe does, our API on a socket, jobs on demand.

use std::sync::Mutex;
use std::time::Duration;

use api::app::App;
use harness::letters::subjects;
use harness::people::PASSWORD;
use harness::stripe::FakeStripe;
use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::ReconcileStripe;
use shared::platform::tx::Tx;
use tokio::task::JoinHandle;

mod cards;
mod compared;
mod foreign;
mod invoiced;
mod orders;
mod permuted;
mod processes;
mod races;
mod returned;
mod webhook;

const KEY: &str = "sk_test_fake";
const SECRET: &str = "whsec_of_a_test";

/// A shop: the application, a fake Stripe whose events are held until they are asked for, and somebody who buys.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) fake: FakeStripe,
    /// Signed in anew when days pass.
    people: Mutex<(Client, Client)>,
    pub(crate) product: String,
    /// Of the webhook.
    url: String,
    served: JoinHandle<()>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::selling(1800, "EUR").await
    }

    /// A shop with one product at this net price, at 20 % VAT.
    pub(crate) async fn selling(price: i64, currency: &str) -> Self {
        Self::with(price, currency, &[]).await
    }

    /// The same with some variables changed.
    pub(crate) async fn with(price: i64, currency: &str, changes: &[(&str, &str)]) -> Self {
        let fake = FakeStripe::start().await;
        let stripe = [("STRIPE_SECRET_KEY", KEY), ("STRIPE_WEBHOOK_SECRET", SECRET), ("STRIPE_API_BASE", &fake.url)];
        let app = TestApp::with(&[&stripe, changes].concat()).await;
        let listener = api::http::listen("127.0.0.1", 0).await.expect("a port");
        let url = format!("http://{}/webhooks/stripe", listener.local_addr().expect("an address"));
        let router = App::new(app.platform.clone()).router();
        let served = tokio::spawn(api::http::serve(listener, router, 200, std::future::pending()));
        fake.tell("webhook", json!({ "url": url, "secrets": [SECRET] })).await;
        fake.tell("deliveries", json!({ "hold": true })).await;
        let (buyer, admin) = (app.person("claire", "user").await, app.admin().await);
        let product = json!({ "slug": "texte", "name": "Le texte", "vat_rate_bp": 2000,
                              "unit_price": { "amount": price, "currency": currency } });
        let product = admin.post("/api/v1/admin/products", product).await.created();
        let product = product["id"].as_str().expect("an id").to_owned();
        Self { app, fake, people: Mutex::new((buyer, admin)), product, url, served }
    }

    /// Where its API is.
    pub(crate) fn base(&self) -> &str {
        self.url.trim_end_matches("/webhooks/stripe")
    }

    pub(crate) fn buyer(&self) -> Client {
        self.people.lock().expect("the people").0.clone()
    }

    pub(crate) fn admin(&self) -> Client {
        self.people.lock().expect("the people").1.clone()
    }

    /// Orders so many pieces; the order.
    pub(crate) async fn order(&self, quantity: i64) -> Value {
        let lines = json!([{ "product_id": self.product, "quantity": quantity }]);
        self.buyer().post("/api/v1/orders", json!({ "lines": lines })).await.created()
    }

    async fn ask_checkout(&self, order: &Value) -> Reply {
        self.buyer().post(&format!("/api/v1/orders/{}/checkout", text(order, "id")), json!({})).await
    }

    /// The page's session.
    pub(crate) async fn checkout(&self, order: &Value) -> String {
        text(&self.ask_checkout(order).await.created(), "session_id")
    }

    /// What a buyer does at a page.
    pub(crate) async fn act(&self, session: &str, action: &str) {
        self.fake
            .tell(&format!("sessions/{session}/act"), json!({ "action": action, "email": "claire@example.org" }))
            .await;
    }

    /// An order that was paid by card, with everything that follows.
    pub(crate) async fn paid(&self, quantity: i64) -> (Value, String) {
        let order = self.order(quantity).await;
        let session = self.checkout(&order).await;
        self.act(&session, "card").await;
        self.news().await;
        assert_eq!(self.status(&order).await, ("paid".to_owned(), vec!["succeeded".to_owned()]));
        (order, session)
    }

    /// Stripe's events come, in their order, and everything that follows from them is done.
    pub(crate) async fn news(&self) {
        self.fake.tell("deliveries/release", json!({})).await;
        self.settle().await;
    }

    /// Everything that waits is done, pauses included.
    pub(crate) async fn settle(&self) {
        loop {
            self.app.drain().await;
            let waiting = "select count(*) as n from jobs where lane = 'stripe' and state in ('scheduled', 'retrying')
                           and run_at < now() + interval '3 minutes'";
            if self.app.sql(waiting).await[0]["n"] == 0 {
                return;
            }
            self.pass(3).await;
        }
    }

    /// So many seconds pass, for payments and events as well.
    async fn pass(&self, seconds: u64) {
        self.app.advance(Duration::from_secs(seconds)).await;
        if seconds > 60 {
            let now = self.app.platform.clock.now().timestamp();
            self.fake.tell("webhook", json!({ "url": self.url, "secrets": [SECRET], "signed_at": now })).await;
        }
        if seconds > 600 {
            let buyer = self.app.login("claire@example.org", PASSWORD).await;
            let admin = self.app.login("chef@example.org", PASSWORD).await;
            *self.people.lock().expect("the people") = (buyer, admin);
        }
        self.app
            .execute(&format!(
                "update payments set synced_at = synced_at - interval '{seconds} s', expires_at = expires_at - interval '{seconds} s';
                 update orders set expires_at = expires_at - interval '{seconds} s';
                 update stripe_events set asked_at = asked_at - interval '{seconds} s', received_at = received_at - interval '{seconds} s'"
            ))
            .await;
    }

    /// Where the order and its payments stand.
    pub(crate) async fn status(&self, order: &Value) -> (String, Vec<String>) {
        let whole = self.whole(order).await;
        let payments = whole["payments"].as_array().expect("payments").iter().map(|one| text(one, "status")).collect();
        (text(&whole, "status"), payments)
    }

    async fn whole(&self, order: &Value) -> Value {
        self.admin().get(&format!("/api/v1/admin/orders/{}", text(order, "id"))).await.ok()
    }

    pub(crate) async fn refund(&self, order: &Value, body: Value) -> Reply {
        self.admin().post(&format!("/api/v1/admin/orders/{}/refunds", text(order, "id")), body).await
    }

    /// A refund is asked for, made, and told.
    async fn give_back(&self, order: &Value, body: Value) {
        self.refund(order, body).await.status(202);
        self.settle().await;
        self.news().await;
    }

    /// Looks for what no webhook brought.
    async fn reconcile(&self) {
        let mut tx = Tx::begin(&self.app.platform).await.expect("a transaction");
        enqueue(&mut tx, &ReconcileStripe {}).await.expect("a job");
        tx.commit().await.expect("a commit");
        self.settle().await;
    }

    /// Somebody does this at Stripe itself, in its dashboard.
    async fn at_stripe(&self, method: reqwest::Method, path: &str, form: &[(&str, &str)]) -> Value {
        let call = reqwest::Client::new().request(method, format!("{}/v1/{path}", self.fake.url)).bearer_auth(KEY);
        let answer = call.form(form).send().await.expect("an answer").error_for_status().expect("it is done");
        answer.json().await.expect("JSON")
    }

    /// The charge that paid it.
    async fn charge(&self, session: &str) -> String {
        let objects = self.fake.ask("objects").await;
        let objects = objects["data"].as_array().expect("objects");
        let session = objects.iter().find(|object| object["id"] == session).expect("the session");
        let charge = objects
            .iter()
            .rfind(|object| object["object"] == "charge" && object["payment_intent"] == session["payment_intent"]);
        text(charge.expect("a charge"), "id")
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        subjects(&self.app.mails())
    }
}

pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

fn is(status: &str, payments: &[&str]) -> (String, Vec<String>) {
    (status.to_owned(), payments.iter().map(|&one| one.to_owned()).collect())
}
