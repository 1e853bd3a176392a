//! Payments with the real programs: API and worker processes on stores of their own, a fake Stripe, something going
//! wrong, judged from outside.

use std::time::Duration;

use harness::Stage;
use harness::judge::Line;
use harness::process::{eventually, free_port};
use reqwest::Method;
use shared::domain::identity::passwords;
use tokio::process::Child;

use super::webhook::{event, sign};
use super::*;

mod canary;
mod erased;
mod killed;
mod numbered;
mod outages;
mod replay;
mod together;

/// Jobs that have something to do soon; the end of an order's time is hours away.
const OPEN: &str = "select count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled')
                    and run_at < now() + interval '20 minutes' and kind <> 'stripe.reconcile'";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A shop of real processes, its Stripe, and people who call over sockets. Events are held until they are asked for.
struct Branch {
    apis: Vec<Child>,
    doors: Vec<String>,
    workers: Vec<Child>,
    fake: FakeStripe,
    http: reqwest::Client,
    buyer: String,
    admin: String,
    product: String,
    stage: Stage,
}

impl Branch {
    /// With so many API processes and no worker yet.
    async fn open(apis: usize) -> Self {
        Self::with(apis, None, &[]).await
    }

    /// On a migrated database elsewhere, when one is named, and with some variables changed.
    async fn with(apis: usize, database: Option<&str>, changes: &[(&str, &str)]) -> Self {
        let fake = FakeStripe::start().await;
        let stripe = [("STRIPE_SECRET_KEY", KEY), ("STRIPE_WEBHOOK_SECRET", SECRET), ("STRIPE_API_BASE", &fake.url)];
        let changes = [&stripe, changes].concat();
        let stage = match database {
            Some(url) => Stage::at(url, &changes).await,
            None => Stage::new(&changes).await,
        };
        let http = reqwest::Client::builder().no_proxy().timeout(seconds(30)).build().expect("a client");
        let (apis_, doors, workers) = (Vec::new(), Vec::new(), Vec::new());
        let (buyer, admin, product) = Default::default();
        let mut branch = Self { apis: apis_, doors, workers, fake, http, buyer, admin, product, stage };
        for _ in 0..apis {
            branch.add_api().await;
        }
        branch.hook().await;
        branch.fake.tell("deliveries", json!({ "hold": true })).await;
        branch.buyer = branch.person("claire", "user").await;
        branch.admin = branch.person("chef", "admin").await;
        let price = json!({ "amount": 1800, "currency": "EUR" });
        let product = json!({ "slug": "texte", "name": "Le texte", "vat_rate_bp": 2000, "unit_price": price });
        let product = branch.asked(Method::POST, "/api/v1/admin/products", &branch.admin, product, 201).await;
        branch.product = text(&product, "id");
        branch
    }

    /// Stripe tells of things at the first door.
    async fn hook(&self) {
        let hook = json!({ "url": format!("{}/webhooks/stripe", self.doors[0]), "secrets": [SECRET] });
        self.fake.tell("webhook", hook).await;
    }

    /// Everything that Stripe has to tell comes, again where it was not taken at once.
    async fn news(&self) {
        self.fake.tell("deliveries/release", json!({ "parallel": true })).await;
        eventually(seconds(30), "all news is taken", || async { self.fake.ask("deliveries").await["pending"] == 0 })
            .await;
    }

    /// One more API process.
    async fn add_api(&mut self) {
        let (api, door) = self.stage.api_at(free_port(), &[]).await;
        self.apis.push(api);
        self.doors.push(door);
    }

    /// One more worker process.
    fn add_worker(&mut self) {
        self.workers.push(self.stage.worker());
    }

    /// Somebody with an account, signed in: a token.
    async fn person(&self, name: &str, role: &str) -> String {
        let hash = passwords::hash(&self.stage.platform.config, PASSWORD).await.expect("a hash").to_string();
        sqlx::query(
            "insert into users (id, email, password_hash, first_name, last_name, role, status, activated_at)
             values ($1, $2, $3, $4, 'Test', $5, 'active', now())",
        )
        .bind(uuid::Uuid::now_v7())
        .bind(format!("{name}@example.org"))
        .bind(hash)
        .bind(name)
        .bind(role)
        .execute(&self.stage.platform.db)
        .await
        .expect("a person");
        let login = json!({ "login": format!("{name}@example.org"), "password": PASSWORD });
        text(&self.asked(Method::POST, "/api/v1/auth/login", "", login, 200).await, "token")
    }

    /// A call at the first door.
    fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> reqwest::RequestBuilder {
        let call = self.http.request(method, format!("{}{path}", self.doors[0])).json(body);
        if token.is_empty() { call } else { call.bearer_auth(token) }
    }

    /// A call that must be answered so; its `data`.
    async fn asked(&self, method: Method, path: &str, token: &str, body: Value, status: u16) -> Value {
        let answer = self.call(method, path, token, &body).send().await.expect("an answer");
        let (got, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        assert_eq!(got, status, "{path}: {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")["data"].clone()
    }

    /// A new order.
    async fn order(&self) -> String {
        let lines = json!({ "lines": [{ "product_id": self.product, "quantity": 1 }] });
        text(&self.asked(Method::POST, "/api/v1/orders", &self.buyer, lines, 201).await, "id")
    }

    /// Its page: the session.
    async fn checkout(&self, order: &str) -> String {
        let path = format!("/api/v1/orders/{order}/checkout");
        text(&self.asked(Method::POST, &path, &self.buyer, json!({}), 201).await, "session_id")
    }

    /// The buyer pays by card; the shop has not heard of it.
    async fn act(&self, session: &str) {
        let act = json!({ "action": "card", "email": "claire@example.org" });
        self.fake.tell(&format!("sessions/{session}/act"), act).await;
    }

    /// An order that is paid at Stripe: its id and its session.
    async fn bought(&self) -> (String, String) {
        let order = self.order().await;
        let session = self.checkout(&order).await;
        self.act(&session).await;
        (order, session)
    }

    /// An order that is paid here too.
    async fn paid(&self) -> String {
        let (order, _) = self.bought().await;
        self.news().await;
        self.settled().await;
        assert_eq!(self.count(&format!("orders where id = '{order}' and status = 'paid'")).await, 1);
        order
    }

    /// Posts an event as Stripe would, at this door; the status, or 0 without an answer.
    async fn post(&self, door: usize, header: &str, body: &str) -> u16 {
        let call = self.http.post(format!("{}/webhooks/stripe", self.doors[door]));
        let call = call.header("stripe-signature", header).body(body.to_owned());
        call.send().await.map_or(0, |answer| answer.status().as_u16())
    }

    /// Posts that a page was paid.
    async fn tell_paid(&self, event_id: &str, session: &str) -> u16 {
        let body = event(event_id, "checkout.session.completed", session);
        self.post(0, &sign(SECRET, chrono::Utc::now().timestamp(), &body), &body).await
    }

    /// Counts rows: `orders where …`.
    async fn count(&self, rows: &str) -> i64 {
        self.stage.count(&format!("select count(*) from {rows}")).await
    }

    /// Nothing is left to do soon.
    async fn settled(&self) {
        self.stage.until(seconds(60), OPEN, 0).await;
    }

    /// Objects of a type at the fake.
    async fn at_stripe(&self, kind: &str) -> Vec<Value> {
        let all = self.fake.ask("objects").await;
        let all = all["data"].as_array().expect("objects");
        all.iter().filter(|object| object["object"] == kind).cloned().collect()
    }

    /// So many calls of `METHOD /v1/path` came to the fake.
    async fn calls(&self, path: &str) -> u64 {
        self.fake.ask("counts").await["calls"][path].as_u64().unwrap_or(0)
    }

    /// Each of these orders is paid, by one payment, and everybody heard of it once: the buyer and the administrators.
    async fn assert_paid_once(&self, orders: &[&str]) {
        self.settled().await;
        for order in orders {
            assert_eq!(self.count(&format!("orders where id = '{order}' and status = 'paid'")).await, 1, "{order}");
            let payments = format!("payments where order_id = '{order}' and outcome = 'succeeded'");
            assert_eq!(self.count(&payments).await, 1);
        }
        let told = self.count("audit_log where action = 'PAYMENT_SUCCEEDED'").await;
        assert_eq!(told, orders.len() as i64, "each payment came in once");
        assert_eq!(self.mails_to_buyer("Paiement reçu"), orders.len(), "one mail for each order");
        assert_eq!(self.count("emails").await, self.mails().len() as i64, "and all came");
    }

    /// What arrived, each mail once: that of a worker that was killed while it sent it may come again.
    fn mails(&self) -> Vec<harness::relay::Arrived> {
        let mut mails = self.stage.relay.arrived();
        mails.sort_by(|one, other| one.message_id.cmp(&other.message_id));
        mails.dedup_by(|one, other| one.message_id == other.message_id);
        mails
    }

    /// So many mails with this in the subject came to the buyer.
    fn mails_to_buyer(&self, word: &str) -> usize {
        let about = |source: &str| {
            let mail = mail_parser::MessageParser::default().parse(source.as_bytes()).expect("a mail");
            mail.subject().is_some_and(|subject| subject.contains(word))
        };
        self.mails().iter().filter(|mail| mail.to.contains("claire@") && about(&mail.source)).count()
    }
}
