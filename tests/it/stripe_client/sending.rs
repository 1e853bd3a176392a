//! What is sent: one connection, the pinned version, the forms, the ids; and how fast.

use std::time::Duration;

use chrono::DateTime;
use harness::db::TestDb;
use harness::env;
use harness::redis::RedisServer;
use serde_json::json;
use shared::kernel::Error;
use shared::kernel::config::Config;
use shared::platform::Platform;
use shared::platform::stripe::{Line, NewCustomer, NewPrice, NewProduct, NewSession, VERSION};

use super::server::Server;
use super::{Fixture, KEY, refund, session, told};

#[tokio::test]
async fn twenty_calls_in_a_row_use_one_connection() {
    let f = Fixture::new().await;
    f.server.put(json!({ "id": "pi_1", "status": "succeeded", "amount": 4990, "currency": "eur" }));
    for _ in 0..20 {
        let intent = f.stripe().payment_intent("pi_1").await.expect("an answer").expect("an intent");
        assert_eq!((intent.id.as_str(), intent.status.as_str()), ("pi_1", "succeeded"));
    }
    assert_eq!((f.server.seen().len(), f.server.connections()), (20, 1));
    for seen in f.server.seen() {
        assert_eq!(seen.headers["stripe-version"], VERSION);
        assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
        assert_eq!(seen.query["expand[0]"], "latest_charge");
    }
}

#[tokio::test]
async fn a_session_carries_the_order_everywhere_and_integers_for_money() {
    let f = Fixture::new().await;
    let made = f.stripe().hurried().create_session(&session()).await.expect("a session");
    assert_eq!(made.metadata.get("payment_id"), Some("0198"));
    let form = &f.server.seen()[0].form;
    for (name, value) in [
        ("mode", "payment"),
        ("client_reference_id", "0197"),
        ("metadata[order_id]", "0197"),
        ("metadata[payment_id]", "0198"),
        ("payment_intent_data[metadata][order_id]", "0197"),
        ("payment_intent_data[metadata][payment_id]", "0198"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "4990"),
        ("line_items[0][price_data][product_data][name]", "Relecture"),
        ("line_items[0][quantity]", "2"),
        ("customer_email", "canary@example.org"),
        ("expires_at", "1790003600"),
        ("locale", "fr"),
        ("success_url", "https://www.example.org/merci?session={CHECKOUT_SESSION_ID}"),
    ] {
        assert_eq!(form.get(name).map(String::as_str), Some(value), "{name} of {form:?}");
    }
    assert!(!form.keys().any(|name| name.starts_with("payment_method_types")), "Stripe chooses: {form:?}");
    for (payment, currency, unit_amount) in [("jpy", "JPY", 500), ("kwd", "KWD", 1_230), ("chf", "chf", 1)] {
        let lines = vec![Line { name: "x", unit_amount, quantity: 1 }];
        f.stripe()
            .create_session(&NewSession { payment: payment.to_owned(), currency, lines, ..session() })
            .await
            .expect("a session");
        let form = f.server.seen().pop().expect("a call").form;
        assert_eq!(form["line_items[0][price_data][unit_amount]"], unit_amount.to_string());
        assert_eq!(form["line_items[0][price_data][currency]"], currency.to_lowercase());
    }
}

#[tokio::test]
async fn every_call_reaches_its_place() {
    let f = Fixture::new().await;
    let stripe = f.stripe();
    let id = stripe.create_session(&session()).await.expect("a session").id;
    assert_eq!(stripe.expire_session(&id).await.expect("a session").status.as_deref(), Some("expired"));
    assert_eq!(stripe.session(&id).await.expect("an answer").expect("a session").id, id);
    let new = NewCustomer { customer: "0196", email: "a@example.org", name: Some("A"), locale: "fr", after: None };
    let customer = stripe.create_customer(&new).await.expect("a customer").id;
    f.server.put(
        json!({ "id": "pm_1", "type": "card", "customer": customer, "card": { "brand": "visa", "last4": "4242" } }),
    );
    let method = stripe.payment_method("pm_1").await.expect("an answer").expect("a method");
    assert_eq!(method.card.and_then(|card| card.last4).as_deref(), Some("4242"));
    stripe.set_default_payment_method(&customer, "pm_1").await.expect("set");
    assert_eq!(stripe.detach_payment_method("pm_1").await.expect("a method").customer, None);
    assert_eq!(stripe.payment_method("pm_1").await.expect("an answer").expect("a method").kind, "card");
    let made = stripe.create_refund(&refund(100)).await.expect("a refund");
    assert_eq!(stripe.refunds("pi_1", None).await.expect("a list").data[0].id, made.id);
    assert_eq!(stripe.refund(&made.id).await.expect("an answer").expect("a refund").amount, 100);
    let product = NewProduct { id: "0195", revision: "1", name: "Relecture", description: None, active: true };
    assert_eq!(stripe.create_product(&product).await.expect("a product").id, "0195");
    stripe.update_product(&NewProduct { active: false, ..product }).await.expect("a product");
    let price = NewPrice { product: "0195", revision: "1", unit_amount: 4990, currency: "EUR" };
    let price = stripe.create_price(&price).await.expect("a price");
    assert_eq!(price.unit_amount, Some(4990));
    assert_eq!(stripe.prices(Some("0195"), None).await.expect("a list").data.len(), 1);
    assert!(!stripe.deactivate_price(&price.id).await.expect("a price").active);
    assert_eq!(stripe.products(None).await.expect("a list").data.len(), 0, "its id is ours, not prod_…");
    for id in ["du_1", "sub_1", "in_1", "cus_9", "ch_1"] {
        f.server.put(json!({ "id": id, "status": "x", "amount": 1, "total": 1, "currency": "eur", "customer": "cus_1",
                             "items": { "data": [] } }));
    }
    assert!(stripe.dispute("du_1").await.expect("an answer").is_some());
    assert!(stripe.subscription("sub_1").await.expect("an answer").is_some());
    assert!(stripe.invoice("in_1").await.expect("an answer").is_some());
    assert!(stripe.customer("cus_9").await.expect("an answer").is_some());
    assert!(stripe.charge("ch_1").await.expect("an answer").is_some());
    assert!(stripe.dispute("du_2").await.expect("an answer").is_none(), "404 is nothing");
    let default = f.server.seen().into_iter().find(|seen| seen.call == format!("POST /v1/customers/{customer}"));
    assert_eq!(default.expect("the call").form["invoice_settings[default_payment_method]"], "pm_1");
}

#[tokio::test]
async fn events_come_byte_for_byte_and_page_by_page() {
    let f = Fixture::new().await;
    f.server.put(json!({ "id": "evt_1", "type": "charge.refunded", "data": { "object": { "id": "ch_1" } } }));
    f.server.put(json!({ "id": "evt_2", "type": "x.y", "a": { "b": [1, 2.50, null] } }));
    let since = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let page = f.stripe().events(since, Some("evt_9")).await.expect("a list");
    assert_eq!(
        page.data[0].bytes(),
        json!({ "id": "evt_2", "type": "x.y", "a": { "b": [1, 2.50, null] } }).to_string().as_bytes()
    );
    assert_eq!(page.data[1].envelope().expect("an event").object_id.as_deref(), Some("ch_1"));
    let query = &f.server.seen()[0].query;
    for (name, value) in [("created[gte]", "1790000000"), ("starting_after", "evt_9"), ("limit", "100")] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name} of {query:?}");
    }
    let others = ["ending_before", "created[gt]", "created[lt]", "created[lte]"];
    assert!(!others.iter().any(|name| query.contains_key(*name)), "{query:?}");
}

#[tokio::test]
async fn nothing_but_an_id_becomes_part_of_a_path() {
    let f = Fixture::new().await;
    for id in ["", "..", "pm_1/../../customers/cus_1", "pm_1?x=y", "pm_1#", "pm 1", "pm_1%2f..", "é", &"x".repeat(256)]
    {
        let told = told(f.stripe().payment_method(id).await);
        assert_eq!(told.code.as_deref(), Some("no_id"), "{id}");
        assert!(f.stripe().detach_payment_method(id).await.is_err());
        assert!(
            f.stripe().set_default_payment_method(id, "pm_1").await.is_err()
                && f.stripe().deactivate_price(id).await.is_err()
        );
    }
    assert!(f.server.seen().is_empty());
}

#[tokio::test]
async fn without_a_key_payments_are_off() {
    let app = harness::TestApp::new().await;
    let error = app.platform.stripe().map(|_| ()).expect_err("there is no key");
    assert!(matches!(error, Error::Off("payments_off")), "{error}");
    let answer = axum::response::IntoResponse::into_response(api::error::ApiError::from(error));
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"3600".parse().expect("a value")));
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.expect("a body");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).expect("json")["code"], "payments_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_together_keep_to_twenty_calls_a_second() {
    let (server, redis, db) = (Server::start().await, RedisServer::start().await, TestDb::new().await);
    let mut vars = env::base(&db.url);
    let stripe = [("STRIPE_SECRET_KEY", KEY), ("STRIPE_WEBHOOK_SECRET", "whsec_x"), ("STRIPE_API_BASE", &server.url)];
    vars.extend(stripe.map(|(name, value)| (name.to_owned(), value.to_owned())));
    vars.push(("REDIS_URL".into(), redis.url.clone()));
    server.put(json!({ "id": "ch_1", "amount": 1, "currency": "eur" }));
    let config = || Config::read(|name| env::lookup(&vars, name)).expect("a configuration");
    let platforms = [(); 2].map(|()| Platform::new(config()).expect("a platform"));
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..40 {
        let stripe = platforms[n % 2].stripe().expect("payments are on").clone();
        calls.spawn(async move { stripe.charge("ch_1").await });
    }
    while let Some(done) = calls.join_next().await {
        done.expect("no panic").expect("an answer");
    }
    let times: Vec<_> = server.seen().into_iter().map(|seen| seen.at).collect();
    assert_eq!(times.len(), 40);
    let most = times
        .iter()
        .map(|from| times.iter().filter(|at| **at >= *from && **at < *from + Duration::from_secs(1)).count());
    let most = most.max().expect("calls");
    assert!(most <= 20, "{most} calls within a second");
    // The limit is for each endpoint: another one need not wait behind this one.
    let begun = std::time::Instant::now();
    let stripe = platforms[0].stripe().expect("payments are on");
    assert!(stripe.dispute("du_1").await.expect("an answer").is_none());
    assert!(begun.elapsed() < Duration::from_secs(1));
}
