//! localstripe, somebody else's imitation of Stripe: what it signs we must find genuine, take and survive, and what its
//! shapes allow our client must do there.
//!
//! `./dev test` names a Python that has it in FACTEUR_LOCALSTRIPE; where it cannot be had, the test says so and passes.

use harness::process::{eventually, free_port};
use shared::platform::stripe::NewCustomer;
use tokio::process::{Child, Command};

use super::*;

/// On loopback alone, and without its file of pickled objects.
const SERVE: &str = "
import sys
from aiohttp import web
from localstripe import resources
resources.Store.dump_to_disk = lambda store: None
from localstripe import server
web.run_app(server.app, host='127.0.0.1', port=int(sys.argv[1]), print=None)";

/// A running localstripe; it ends with the value.
struct Foreign {
    url: String,
    http: reqwest::Client,
    _server: Child,
}

impl Foreign {
    async fn start(python: &str) -> Self {
        let port = free_port();
        let mut server = Command::new(python);
        server.args(["-c", SERVE, &port.to_string()]).current_dir(std::env::temp_dir()).kill_on_drop(true);
        server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let _server = server.spawn().expect("localstripe starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let foreign = Self { url: format!("http://127.0.0.1:{port}"), http, _server };
        eventually(Duration::from_secs(20), "localstripe answers", || async {
            foreign.http.get(format!("{}/v1/customers", foreign.url)).basic_auth(KEY, None::<&str>).send().await.is_ok()
        })
        .await;
        foreign
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let call = self.http.post(format!("{}{path}", self.url)).basic_auth(KEY, None::<&str>).form(form);
        let answer = call.send().await.expect("an answer").error_for_status().unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default()
    }

    async fn card(&self) -> String {
        let card = [
            ("type", "card"),
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        text(&self.post("/v1/payment_methods", &card).await, "id")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stripe_is_understood_and_does_no_harm() {
    let Ok(python) = std::env::var("FACTEUR_LOCALSTRIPE") else {
        eprintln!("SKIPPED: localstripe is not on this machine, no foreign Stripe was spoken with");
        return;
    };
    let foreign = Foreign::start(&python).await;
    let stripe = [("STRIPE_SECRET_KEY", KEY), ("STRIPE_WEBHOOK_SECRET", SECRET), ("STRIPE_API_BASE", &foreign.url)];
    let app = TestApp::with(&stripe).await;
    let listener = api::http::listen("127.0.0.1", 0).await.expect("a port");
    let hook = format!("http://{}/webhooks/stripe", listener.local_addr().expect("an address"));
    let router = App::new(app.platform.clone()).router();
    let served = tokio::spawn(api::http::serve(listener, router, 200, std::future::pending()));
    foreign.post("/_config/webhooks/w1", &[("url", &hook), ("secret", SECRET)]).await;

    let (customer, card) = our_client_speaks_with(&app, &foreign).await;
    let attach = format!("/v1/payment_methods/{card}/attach");
    foreign.post(&attach, &[("customer", &customer)]).await;
    let (amount, currency, confirm) = (("amount", "1000"), ("currency", "eur"), ("confirm", "true"));
    let intent = [amount, currency, confirm, ("customer", &customer), ("payment_method", &card)];
    let intent = foreign.post("/v1/payment_intents", &intent).await;
    assert_eq!(intent["status"], "succeeded");

    let came = "select type, object_id from stripe_events where type = 'payment_intent.succeeded'";
    eventually(Duration::from_secs(20), "its events are taken", || async {
        app.sql(came).await.as_array().is_some_and(|rows| rows.iter().any(|row| row["object_id"] == intent["id"]))
    })
    .await;
    nothing_comes_of_it(&app).await;
    served.abort();
}

/// Customers and cards: what localstripe has in the shapes we read.
async fn our_client_speaks_with(app: &TestApp, foreign: &Foreign) -> (String, String) {
    let stripe = app.platform.stripe().expect("payments are on");
    let new =
        NewCustomer { customer: "0196", email: "claire@example.org", name: Some("Claire"), locale: "fr", after: None };
    let customer = stripe.create_customer(&new).await.expect("a customer");
    assert_eq!(customer.metadata.get("customer_id"), Some("0196"));
    assert!(stripe.customer("cus_none").await.expect("an answer").is_none());
    let card = foreign.card().await;
    let method = stripe.payment_method(&card).await.expect("an answer").expect("a card");
    assert_eq!(method.card.as_ref().and_then(|card| card.last4.as_deref()), Some("4242"));
    assert!(method.customer.is_none());
    foreign.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &customer.id)]).await;
    stripe.set_default_payment_method(&customer.id, &card).await.expect("set");
    let found = stripe.customer(&customer.id).await.expect("an answer").expect("a customer");
    assert_eq!(found.default_method(), Some(card.as_str()));
    assert!(stripe.detach_payment_method(&card).await.expect("a card").customer.is_none());
    (customer.id, foreign.card().await)
}

/// What it tells of is nobody's here: kept, looked for as long as it may be ours, and put away.
async fn nothing_comes_of_it(app: &TestApp) {
    assert_eq!(
        app.sql("select distinct source, deliveries from stripe_events").await,
        json!([{ "source": "webhook", "deliveries": 1 }])
    );
    app.drain().await;
    app.execute(
        "update stripe_events set asked_at = now() - interval '11 minutes';
         update jobs set run_at = now() where state in ('scheduled', 'retrying')",
    )
    .await;
    app.drain().await;
    let open =
        app.sql("select type, status, error_code from stripe_events where status not in ('ignored', 'unmatched')");
    let errors =
        app.sql("select kind, state, last_error from jobs where last_error is not null or state <> 'succeeded'");
    let (open, errors) = (open.await, errors.await);
    assert_eq!(open, json!([]), "{errors}");
    let unmatched = app.sql("select count(*) as n from stripe_events where status = 'unmatched'").await;
    assert!(unmatched[0]["n"].as_i64() > Some(0), "{unmatched}");
    for table in ["payments", "orders", "customers", "payment_methods", "refunds"] {
        let rows = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let rows: i64 = sqlx::query_scalar(rows).fetch_one(&app.platform.db).await.expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
}
