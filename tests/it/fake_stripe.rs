//! The fake Stripe does what Stripe does: whoever develops against it must not be surprised by the real one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use harness::process::eventually;
use harness::stripe::{API_VERSION, FakeStripe};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

mod kept;
mod sdk;
mod shapes;

const KEY: &str = "sk_test_fake";
const SECRET: &str = "whsec_of_a_test";

/// A fake, and a client of it.
struct Shop {
    fake: FakeStripe,
    http: reqwest::Client,
}

impl Shop {
    async fn open() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { fake: FakeStripe::start().await, http: http.build().expect("a client") }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.fake.url)).bearer_auth(KEY)
    }

    /// POST of a form; status and body.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        read(self.call(Method::POST, path).form(form).send().await.expect("an answer")).await
    }

    /// The same, which must succeed.
    async fn made(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.post(path, form).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = read(self.call(Method::GET, path).send().await.expect("an answer")).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn session(&self, amount: &str, currency: &str) -> Value {
        self.made("/v1/checkout/sessions", &session(amount, currency)).await
    }

    /// A session that a customer paid by card; it and the charge.
    async fn paid(&self, amount: &str, currency: &str) -> (Value, Value) {
        let session = self.session(amount, currency).await;
        let session = self.act(&session, "card").await;
        let intent =
            self.get(&format!("/v1/payment_intents/{}?expand[]=latest_charge", id(&session, "payment_intent"))).await;
        (session, intent["latest_charge"].clone())
    }

    async fn act(&self, session: &Value, action: &str) -> Value {
        let body = json!({ "action": action, "email": "claire@example.org" });
        self.fake.tell(&format!("sessions/{}/act", id(session, "id")), body).await
    }

    /// Types of all events, the oldest first.
    async fn events(&self) -> Vec<String> {
        let page = self.get("/v1/events?limit=100").await;
        let mut types: Vec<String> = data(&page).iter().map(|event| id(event, "type")).collect();
        types.reverse();
        types
    }
}

fn session<'a>(amount: &'a str, currency: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("mode", "payment"),
        ("success_url", "https://shop.test/merci?session={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://shop.test/panier"),
        ("client_reference_id", "order-1"),
        ("locale", "fr"),
        ("metadata[order_id]", "1"),
        ("payment_intent_data[metadata][order_id]", "1"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", currency),
        ("line_items[0][price_data][unit_amount]", amount),
        ("line_items[0][price_data][product_data][name]", "Correction <b>d’une page</b>"),
    ]
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn id(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

fn data(list: &Value) -> Vec<Value> {
    list["data"].as_array().expect("a list").clone()
}

/// A signature and the body it is of.
type Sent = (String, Vec<u8>);

/// A webhook that keeps what comes, and answers what it is told.
#[derive(Clone, Default)]
struct Inbox {
    url: String,
    letters: Arc<Mutex<Vec<Sent>>>,
    /// Refusals still to be given.
    refusals: Arc<Mutex<usize>>,
}

impl Inbox {
    async fn of(shop: &Shop) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let inbox = Self { url, ..Self::default() };
        let keeping = inbox.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            let signature = headers["stripe-signature"].to_str().expect("text").to_owned();
            let mut refusals = keeping.refusals.lock().expect("a count");
            let refused = *refusals > 0;
            *refusals = refusals.saturating_sub(1);
            if !refused {
                keeping.letters.lock().expect("the letters").push((signature, body.to_vec()));
            }
            std::future::ready(if refused { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK })
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await });
        shop.fake.tell("webhook", json!({ "url": inbox.url, "secrets": [SECRET] })).await;
        inbox
    }

    fn events(&self) -> Vec<Value> {
        let letters = self.letters.lock().expect("the letters");
        letters.iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.events().iter().map(|event| id(event, "id")).collect()
    }

    async fn until(&self, count: usize) {
        let question = format!("{count} events came");
        eventually(Duration::from_secs(10), &question, || async { self.events().len() >= count }).await;
    }
}

/// HMAC-SHA256 by the book (RFC 2104), not by the crate that the fake uses.
fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|b| b ^ 0x36)[..], message].concat());
    hex::encode(Sha256::digest([&block.map(|b| b ^ 0x5c)[..], &inner].concat()))
}

#[tokio::test]
async fn who_has_no_key_or_a_wrong_one_is_refused_and_every_answer_has_its_id() {
    let shop = Shop::open().await;
    let url = format!("{}/v1/customers", shop.fake.url);
    let none = shop.http.get(&url).send().await.expect("an answer");
    assert!(none.headers().contains_key("request-id"));
    assert_eq!(none.status(), 401);
    let (status, body) = read(shop.http.get(&url).bearer_auth("sk_test_wrong").send().await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["type"]), (401, &json!("invalid_request_error")));
    assert_eq!(body["error"]["message"], "Invalid API Key provided: sk_test_****rong");
    let answer = shop.call(Method::GET, "/v1/customers").send().await.expect("an answer");
    assert_eq!(answer.headers()["stripe-version"], API_VERSION);
    let asked = shop.call(Method::GET, "/v1/customers").header("stripe-version", "2025-03-31.basil").send().await;
    assert_eq!(asked.expect("an answer").headers()["stripe-version"], "2025-03-31.basil");
    let (status, body) = shop.post("/v1/customers", &[("emial", "a@example.org")]).await;
    assert_eq!(
        (status, &body["error"]["code"], &body["error"]["param"]),
        (400, &json!("parameter_unknown"), &json!("emial"))
    );
    let (status, body) = shop.post("/v1/refunds", &[("charge", "ch_none")]).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("resource_missing")));
}

#[tokio::test]
async fn a_key_is_answered_once_and_for_its_parameters_only() {
    let shop = Shop::open().await;
    let send = |key: &str, email: &'static str| {
        let call = shop.call(Method::POST, "/v1/customers").header("idempotency-key", key);
        call.form(&[("email", email)]).send()
    };
    let first = send("k1", "a@example.org").await.expect("an answer");
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let request = first.headers()["request-id"].clone();
    let first = first.text().await.expect("a body");
    let again = send("k1", "a@example.org").await.expect("an answer");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.headers()["original-request"], request);
    assert_eq!(again.text().await.expect("a body"), first);
    let (status, body) = read(send("k1", "b@example.org").await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("idempotency_error")));
    // What does not validate is not kept.
    assert_eq!(send("k2", "nonsense").await.expect("an answer").status(), 400);
    assert_eq!(send("k2", "c@example.org").await.expect("an answer").status(), 200);
    // A key is forgotten after a day.
    shop.fake.tell("advance", json!({ "seconds": 24 * 60 * 60 })).await;
    assert_eq!(send("k1", "b@example.org").await.expect("an answer").status(), 200);
    assert_eq!(data(&shop.get("/v1/customers").await).len(), 3);
}

#[tokio::test]
async fn twenty_at_once_with_one_key_make_one_object_and_the_second_of_a_slow_first_is_told_so() {
    let shop = Shop::open().await;
    let call = |key: &str| {
        let call = shop.call(Method::POST, "/v1/customers").header("idempotency-key", key);
        tokio::spawn(call.form(&[("email", "a@example.org")]).send())
    };
    let mut answers = Vec::new();
    for sent in (0..20).map(|_| call("k")).collect::<Vec<_>>() {
        answers.push(sent.await.expect("sent").expect("an answer").status().as_u16());
    }
    assert!(answers.contains(&200) && answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
    assert_eq!(data(&shop.get("/v1/customers").await).len(), 1);
    shop.fake.tell("faults", json!({ "path": "/v1/customers", "how": "slow", "ms": 1500 })).await;
    let slow = call("slow");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, body) = read(call("slow").await.expect("sent").expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (409, &json!("idempotency_key_in_use")));
    assert_eq!(slow.await.expect("sent").expect("an answer").status(), 200);
    assert_eq!(call("slow").await.expect("sent").expect("an answer").headers()["idempotent-replayed"], "true");
    assert_eq!(data(&shop.get("/v1/customers").await).len(), 2);
}

#[tokio::test]
async fn calls_fail_as_they_were_told_to() {
    let shop = Shop::open().await;
    let fail = async |how: Value| shop.fake.tell("faults", how).await;
    let send = |key: &str| {
        let call = shop.call(Method::POST, "/v1/customers").header("idempotency-key", key);
        call.form(&[("name", "Claire")]).timeout(Duration::from_secs(5)).send()
    };
    let count = async || data(&shop.get("/v1/customers").await).len();
    fail(json!({ "method": "POST", "path": "/v1/customers", "how": "limit", "retry_after": 7 })).await;
    let limited = send("k1").await.expect("an answer");
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().expect("a header")));
    assert_eq!(send("k1").await.expect("an answer").status(), 200, "a 429 is not kept");
    fail(json!({ "method": "POST", "path": "/v1/customers", "how": "error" })).await;
    assert_eq!(send("k2").await.expect("an answer").status(), 500);
    let again = send("k2").await.expect("an answer");
    assert_eq!((again.status().as_u16(), again.headers().contains_key("idempotent-replayed")), (500, true));
    fail(json!({ "method": "POST", "path": "/v1/customers", "how": "gateway" })).await;
    let gateway = send("k3").await.expect("an answer");
    assert_eq!(gateway.status(), 502);
    assert!(gateway.text().await.expect("a page").starts_with("<html>"));
    assert_eq!(count().await, 1);
    // The answer is lost after the work: the same key finds what was made.
    fail(json!({ "method": "POST", "path": "/v1/customers", "how": "lost" })).await;
    send("k4").await.expect_err("the connection is closed");
    assert_eq!(count().await, 2);
    let found = send("k4").await.expect("an answer");
    assert_eq!((found.status().as_u16(), found.headers().contains_key("idempotent-replayed")), (200, true));
    assert_eq!(count().await, 2);
    fail(json!({ "path": "*", "how": "hang", "ms": 200 })).await;
    send("k5").await.expect_err("silence, then the end");
    let counts = shop.fake.ask("counts").await;
    assert_eq!((&counts["calls"]["POST /v1/customers"], &counts["calls"]["GET /v1/customers"]), (&json!(8), &json!(3)));
    assert!(counts["connections"]["accepted"].as_u64().is_some_and(|n| n >= 3), "{counts}");
}

#[tokio::test]
async fn no_more_is_refunded_than_remains_and_a_failed_refund_gives_back() {
    let shop = Shop::open().await;
    let (session, charge) = shop.paid("10000", "eur").await;
    let (charge, intent) = (id(&charge, "id"), id(&session, "payment_intent"));
    let part = shop.made("/v1/refunds", &[("payment_intent", &intent), ("amount", "3000"), ("metadata[n]", "1")]).await;
    assert_eq!(
        (&part["status"], &part["amount"], &part["metadata"]["n"]),
        (&json!("succeeded"), &json!(3000), &json!("1"))
    );
    let (status, body) = shop.post("/v1/refunds", &[("charge", &charge), ("amount", "7001")]).await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("amount")));
    assert_eq!(
        body["error"]["message"],
        "Refund amount (70.01 EUR) is greater than unrefunded amount on charge (70.00 EUR)"
    );
    for bad in ["0", "-5", "1.5"] {
        assert_eq!(shop.post("/v1/refunds", &[("charge", &charge), ("amount", bad)]).await.0, 400, "{bad}");
    }
    let rest = shop.made("/v1/refunds", &[("charge", &charge)]).await;
    assert_eq!(rest["amount"], 7000);
    let (status, body) = shop.post("/v1/refunds", &[("charge", &charge)]).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("charge_already_refunded")));
    let full = shop.get(&format!("/v1/charges/{charge}?expand[]=refunds")).await;
    assert_eq!((&full["amount_refunded"], &full["refunded"]), (&json!(10000), &json!(true)));
    assert_eq!(data(&full["refunds"]).len(), 2);
    // Days later the bank sends one back.
    let failed = shop.fake.tell(&format!("refunds/{}/fail", id(&rest, "id")), json!({})).await;
    assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!("lost_or_stolen_card")));
    let open = shop.get(&format!("/v1/charges/{charge}")).await;
    assert_eq!((&open["amount_refunded"], &open["refunded"]), (&json!(3000), &json!(false)));
    let told: Vec<String> = shop.events().await.into_iter().filter(|kind| kind.contains("refund")).collect();
    let expected = [
        "refund.created",
        "charge.refunded",
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
    ];
    assert_eq!(told, expected);
    // A disputed charge is not refunded until the dispute is won.
    let dispute = shop.fake.tell("disputes", json!({ "charge": charge })).await;
    let (status, body) = shop.post("/v1/refunds", &[("charge", &charge)]).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("charge_disputed")));
    shop.fake.tell(&format!("disputes/{}/close", id(&dispute, "id")), json!({ "status": "won" })).await;
    assert_eq!(shop.made("/v1/refunds", &[("charge", &charge)]).await["amount"], 7000);
}

#[tokio::test]
async fn lists_are_paged_by_cursors_in_both_directions() {
    let shop = Shop::open().await;
    let mut made = Vec::new();
    for n in 0..5 {
        let customer = shop.made("/v1/customers", &[("name", &n.to_string())]).await;
        made.insert(0, id(&customer, "id"));
    }
    let page = async |query: &str| {
        let page = shop.get(&format!("/v1/customers?{query}")).await;
        let ids: Vec<String> = data(&page).iter().map(|customer| id(customer, "id")).collect();
        (ids, page["has_more"] == true)
    };
    assert_eq!(page("limit=2").await, (made[..2].to_vec(), true));
    assert_eq!(page(&format!("limit=2&starting_after={}", made[1])).await, (made[2..4].to_vec(), true));
    assert_eq!(page(&format!("limit=2&starting_after={}", made[3])).await, (made[4..].to_vec(), false));
    assert_eq!(page(&format!("limit=2&ending_before={}", made[4])).await, (made[2..4].to_vec(), true));
    assert_eq!(page(&format!("limit=2&ending_before={}", made[2])).await, (made[..2].to_vec(), false));
    assert_eq!(page("created[lt]=1000").await, (vec![], false));
    let refused = shop.call(Method::GET, "/v1/customers?limit=101").send().await.expect("an answer");
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn events_are_found_by_type_time_and_whether_they_arrived() {
    let shop = Shop::open().await;
    let inbox = Inbox::of(&shop).await;
    shop.fake.tell("deliveries", json!({ "drop": ["product.created"] })).await;
    shop.made("/v1/products", &[("name", "Page")]).await;
    shop.made("/v1/customers", &[("name", "Claire")]).await;
    inbox.until(1).await;
    let types = async |query: &str| {
        let page = shop.get(&format!("/v1/events?{query}")).await;
        data(&page).iter().map(|event| id(event, "type")).collect::<Vec<_>>()
    };
    let undelivered = || async { types("delivery_success=false").await == ["product.created"] };
    eventually(Duration::from_secs(5), "one event did not arrive", undelivered).await;
    assert_eq!(types("delivery_success=true").await, ["customer.created"]);
    assert_eq!(types("type=product.*").await, ["product.created"]);
    assert_eq!(types("types[]=customer.created&types[]=price.created").await, ["customer.created"]);
    assert_eq!(types("created[gte]=99999999999").await, [""; 0]);
    let event = &data(&shop.get("/v1/events?limit=1").await)[0];
    assert_eq!(shop.get(&format!("/v1/events/{}", id(event, "id"))).await, *event);
    assert_eq!((&event["api_version"], &event["livemode"]), (&json!(API_VERSION), &json!(false)));
    assert!(id(&event["request"], "id").starts_with("req_"), "a call caused it: {event}");
}

#[tokio::test]
async fn an_event_is_signed_over_its_bytes_and_sent_until_it_is_taken() {
    let shop = Shop::open().await;
    let inbox = Inbox::of(&shop).await;
    shop.fake.tell("deliveries", json!({ "retry_ms": 20 })).await;
    *inbox.refusals.lock().expect("a count") = 2;
    shop.made("/v1/customers", &[("name", "Élodie")]).await;
    inbox.until(1).await;
    let (header, body) = inbox.letters.lock().expect("the letters")[0].clone();
    let (at, signature) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("t=…,v1=…");
    let signed = [at.as_bytes(), b".", &body].concat();
    assert_eq!(hmac(SECRET.as_bytes(), &signed), signature);
    assert_ne!(hmac(b"whsec_of_another", &signed), signature);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now - at.parse::<u64>().expect("seconds") < 60);
    let statuses = || async {
        let log = data(&shop.fake.ask("deliveries").await);
        let attempts = data(&json!({ "data": log[0]["attempts"] }));
        attempts.iter().map(|attempt| attempt["status"].clone()).collect::<Vec<_>>() == [503, 503, 200]
    };
    eventually(Duration::from_secs(5), "two refusals, then taken", statuses).await;
    // While secrets are exchanged, both sign.
    let secrets = ["whsec_new", SECRET];
    shop.fake.tell("webhook", json!({ "url": inbox.url, "secrets": secrets, "signed_at": 1_700_000_000 })).await;
    shop.made("/v1/customers", &[("name", "Anne")]).await;
    inbox.until(2).await;
    let (header, body) = inbox.letters.lock().expect("the letters")[1].clone();
    let signed = [b"1700000000.", &body[..]].concat();
    let [new, old] = secrets.map(|secret| hmac(secret.as_bytes(), &signed));
    assert_eq!(header, format!("t=1700000000,v1={new},v1={old}"));
}

#[tokio::test]
async fn deliveries_are_held_shuffled_doubled_and_repeated() {
    let shop = Shop::open().await;
    let inbox = Inbox::of(&shop).await;
    shop.fake.tell("deliveries", json!({ "hold": true })).await;
    shop.paid("1200", "eur").await;
    let mut events: Vec<String> = data(&shop.get("/v1/events").await).iter().map(|event| id(event, "id")).collect();
    events.reverse();
    assert!(events.len() > 4);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(inbox.ids(), [""; 0], "all are held");
    shop.fake.tell("deliveries/release", json!({ "seed": 7, "duplicates": 2 })).await;
    let came = inbox.ids();
    assert_eq!(came.len(), events.len() * 3);
    for event in &events {
        assert_eq!(came.iter().filter(|other| *other == event).count(), 3);
    }
    let mut first = Vec::new();
    for event in &came {
        if !first.contains(event) {
            first.push(event.clone());
        }
    }
    assert_ne!(first, events, "the order is another one");
    // Any order, chosen one by one.
    let chosen = [events[2].clone(), events[0].clone(), events[2].clone()];
    let answers = shop.fake.tell("deliver", json!({ "events": chosen })).await;
    assert!(data(&answers).iter().all(|answer| answer["status"] == 200), "{answers}");
    assert_eq!(inbox.ids()[came.len()..], chosen);
    // The same seed gives the same order again.
    let orders = async |seed: u64| {
        shop.fake.tell("reset", json!({})).await;
        shop.fake.tell("deliveries", json!({ "hold": true })).await;
        inbox.letters.lock().expect("the letters").clear();
        shop.paid("1200", "eur").await;
        shop.fake.tell("deliveries/release", json!({ "seed": seed })).await;
        inbox.events().iter().map(|event| id(event, "type")).collect::<Vec<_>>()
    };
    assert_eq!(orders(3).await, orders(3).await);
}

#[tokio::test]
async fn a_customer_pays_on_the_page() {
    let shop = Shop::open().await;
    let session = shop.session("4200", "eur").await;
    assert_eq!((&session["payment_status"], &session["payment_intent"]), (&json!("unpaid"), &Value::Null));
    let url = id(&session, "url");
    let page = async || shop.http.get(&url).send().await.expect("a page").text().await.expect("text");
    let shown = page().await;
    assert!(shown.contains("<html lang=\"fr\">") && shown.contains("42,00 EUR"), "{shown}");
    assert!(shown.contains("Correction &lt;b&gt;") && !shown.contains("<script"), "{shown}");
    let press = async |action: &str, email: &str| {
        shop.http.post(&url).form(&[("action", action), ("email", email)]).send().await.expect("an answer")
    };
    assert_eq!(press("card", "").await.status(), 422, "an address is needed");
    let left = press("leave", "").await;
    assert_eq!(
        (left.status().as_u16(), &left.headers()["location"]),
        (303, &"https://shop.test/panier".parse().expect("a url"))
    );
    assert_eq!(press("card_declined", "claire@example.org").await.status(), 303);
    assert!(page().await.contains("role=\"alert\""));
    assert_eq!(press("card_3ds", "claire@example.org").await.status(), 303);
    assert!(page().await.contains("3ds_succeed"));
    let paid = press("3ds_succeed", "").await;
    let back = format!("https://shop.test/merci?session={}", id(&session, "id"));
    assert_eq!((paid.status().as_u16(), paid.headers()["location"].to_str().expect("a url")), (303, &*back));
    let session = shop
        .get(&format!("/v1/checkout/sessions/{}?expand[]=payment_intent&expand[]=line_items", id(&session, "id")))
        .await;
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!("paid")));
    let intent = &session["payment_intent"];
    assert_eq!((&intent["status"], &intent["amount_received"]), (&json!("succeeded"), &json!(4200)));
    assert_eq!((&intent["metadata"]["order_id"], &session["client_reference_id"]), (&json!("1"), &json!("order-1")));
    assert_eq!(data(&session["line_items"])[0]["amount_total"], 4200);
    assert_eq!(session["customer_details"]["email"], "claire@example.org");
    let expected = [
        "product.created",
        "price.created",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "checkout.session.completed",
    ];
    assert_eq!(shop.events().await, expected);
    let again = press("card", "claire@example.org").await.text().await.expect("a page");
    assert!(again.contains("déjà été payée"), "{again}");
    assert_eq!(shop.events().await.len(), expected.len());
}

#[tokio::test]
async fn a_direct_debit_is_settled_days_later_and_a_session_ends() {
    let shop = Shop::open().await;
    for (action, status, event) in [
        ("sepa_debit", "paid", "checkout.session.async_payment_succeeded"),
        ("sepa_debit_fails", "unpaid", "checkout.session.async_payment_failed"),
    ] {
        let session = shop.session("999", "eur").await;
        let session = shop.act(&session, action).await;
        assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!("unpaid")));
        let intent = format!("/v1/payment_intents/{}", id(&session, "payment_intent"));
        assert_eq!(shop.get(&intent).await["status"], "processing");
        shop.fake.tell("advance", json!({ "seconds": 2 * 86_400 })).await;
        assert_eq!(shop.get(&intent).await["status"], "processing");
        shop.fake.tell("advance", json!({ "seconds": 86_400 })).await;
        assert_ne!(shop.get(&intent).await["status"], "processing");
        let session = shop.get(&format!("/v1/checkout/sessions/{}", id(&session, "id"))).await;
        assert_eq!(session["payment_status"], status);
        assert_eq!(shop.events().await.last().map(String::as_str), Some(event));
    }
    let open = shop.session("999", "eur").await;
    shop.fake.tell("advance", json!({ "seconds": 86_401 })).await;
    let ended = shop.get(&format!("/v1/checkout/sessions/{}", id(&open, "id"))).await;
    assert_eq!((&ended["status"], &ended["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(shop.events().await.last().map(String::as_str), Some("checkout.session.expired"));
    let (status, _) = shop.post(&format!("/v1/checkout/sessions/{}/expire", id(&open, "id")), &[]).await;
    assert_eq!(status, 400, "it has ended already");
}

#[tokio::test]
async fn amounts_are_minor_units_of_any_currency() {
    let shop = Shop::open().await;
    for (amount, currency, shown) in
        [("1500", "jpy", "1500 JPY"), ("12340", "kwd", "12,340 KWD"), ("1205", "eur", "12,05 EUR")]
    {
        let session = shop.session(amount, currency).await;
        assert_eq!(session["amount_total"].to_string(), amount);
        let page = shop.http.get(id(&session, "url")).send().await.expect("a page").text().await.expect("text");
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    for (amount, currency) in
        [("12345", "kwd"), ("-1", "eur"), ("49", "eur"), ("100000000", "eur"), ("1.5", "eur"), ("10", "euro")]
    {
        let (status, body) = shop.post("/v1/checkout/sessions", &session(amount, currency)).await;
        assert_eq!(status, 400, "{amount} {currency}: {body}");
    }
    let mut late = session("500", "eur");
    late.push(("expires_at", "1"));
    assert_eq!(shop.post("/v1/checkout/sessions", &late).await.1["error"]["param"], "expires_at");
}

#[tokio::test]
async fn payment_methods_belong_to_customers_and_a_detached_one_is_no_default() {
    let shop = Shop::open().await;
    let customer = id(&shop.made("/v1/customers", &[("email", "claire@example.org")]).await, "id");
    let method = shop.made("/v1/payment_methods/pm_card_visa/attach", &[("customer", &customer)]).await;
    let method = id(&method, "id");
    let path = format!("/v1/customers/{customer}");
    let default = ("invoice_settings[default_payment_method]", &*method);
    let changed = shop.made(&path, &[default]).await;
    assert_eq!(changed["invoice_settings"]["default_payment_method"], method);
    assert_eq!(data(&shop.get(&format!("/v1/payment_methods?customer={customer}&type=card")).await).len(), 1);
    shop.made(&format!("/v1/payment_methods/{method}/detach"), &[]).await;
    assert_eq!(shop.get(&path).await["invoice_settings"]["default_payment_method"], Value::Null);
    assert_eq!(shop.post(&path, &[default]).await.0, 400, "it is nobody's");
    let told: BTreeSet<String> = shop.events().await.into_iter().collect();
    for event in ["customer.created", "customer.updated", "payment_method.attached", "payment_method.detached"] {
        assert!(told.contains(event), "{told:?}");
    }
}
