//! What comes to `POST /webhooks/stripe`, genuine or not, and what an administrator does with it.

use axum::http::Method;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

/// The header over a body.
pub(super) fn sign(secret: &str, time: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// An event of Stripe's about an object.
pub(super) fn event(id: &str, kind: &str, object: &str) -> String {
    json!({ "id": id, "object": "event", "type": kind, "created": Utc::now().timestamp(), "livemode": false,
            "api_version": "2026-09-30.endive", "data": { "object": { "id": object, "object": "payment_intent" } } })
    .to_string()
}

async fn post(client: &Client, header: Option<&str>, body: &str) -> Reply {
    let client = header.map_or_else(|| client.header("x-none", ""), |header| client.header("stripe-signature", header));
    client.raw(Method::POST, "/webhooks/stripe", body.as_bytes().to_vec()).await
}

async fn app() -> TestApp {
    let secrets = format!("whsec_old,{SECRET}");
    let mut app = TestApp::with(&[
        ("STRIPE_SECRET_KEY", KEY),
        ("STRIPE_WEBHOOK_SECRET", &secrets),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
    ])
    .await;
    app.leave_jobs();
    app
}

#[tokio::test]
async fn only_what_stripe_signed_is_kept() {
    let app = app().await;
    let client = app.anonymous();
    let now = Utc::now().timestamp();
    let body = event("evt_1", "payment_intent.succeeded", "pi_1");
    let good = sign(SECRET, now, &body);
    let respaced = body.replace(':', ": ");
    let deep = format!("{{\"id\":\"evt_d\",\"type\":\"x\",\"data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (why, header, body) in [
        ("no signature", None, body.as_str()),
        ("nonsense", Some("nonsense".to_owned()), &body),
        ("another secret", Some(sign("whsec_other", now, &body)), &body),
        ("no secret", Some(sign("", now, &body)), &body),
        ("too old", Some(sign(SECRET, now - 301, &body)), &body),
        ("too early, and for as long as this takes", Some(sign(SECRET, now + 360, &body)), &body),
        ("an older scheme alone", Some(good.replace("v1=", "v0=")), &body),
        ("another body", Some(good.clone()), &respaced),
        ("one byte more", Some(good.clone()), &format!("{body} ")),
        ("no event", Some(sign(SECRET, now, "{}")), "{}"),
        ("no JSON", Some(sign(SECRET, now, "hello")), "hello"),
        ("deep JSON, not signed", Some(good.clone()), &deep),
    ] {
        let reply = post(&client, header.as_deref(), body).await.status(400);
        assert_eq!(reply.code(), "webhook", "{why}");
    }
    let huge = "x".repeat((1 << 20) + 1);
    post(&client, Some(&sign(SECRET, now, &huge)), &huge).await.status(413);
    assert_eq!(app.sql("select count(*) as n from stripe_events").await[0]["n"], 0);
    for (id, header) in
        [("evt_1", good), ("evt_2", sign("whsec_old", now, &event("evt_2", "payment_intent.succeeded", "pi_1")))]
    {
        let body = event(id, "payment_intent.succeeded", "pi_1");
        let reply = post(&client, Some(&header), &body).await;
        if reply.status == 400 {
            continue; // the second of the clock has turned between two bodies
        }
        assert_eq!(reply.status(200).json(), json!({ "received": true }));
    }
    let deep_signed = sign(SECRET, now, &deep);
    let reply = post(&client, Some(&deep_signed), &deep).await;
    assert!(matches!(reply.status.as_u16(), 200 | 400), "{}", reply.status);
}

#[tokio::test]
async fn what_concerns_nobody_is_taken_and_forgotten() {
    let app = app().await;
    let client = app.anonymous();
    let now = Utc::now().timestamp();
    for (id, kind) in [("evt_1", "payout.paid"), ("evt_2", "something.never.heard.of")] {
        let body = event(id, kind, "po_1");
        post(&client, Some(&sign(SECRET, now, &body)), &body).await.status(200);
    }
    let live = event("evt_3", "payment_intent.succeeded", "pi_1").replace("\"livemode\":false", "\"livemode\":true");
    post(&client, Some(&sign(SECRET, now, &live)), &live).await.status(200);
    let kept = app.sql("select event_id, status, payload is null as emptied from stripe_events order by id").await;
    assert_eq!(
        kept,
        json!([{ "event_id": "evt_1", "status": "ignored", "emptied": true },
               { "event_id": "evt_2", "status": "ignored", "emptied": true },
               { "event_id": "evt_3", "status": "quarantined", "emptied": false }])
    );
    assert_eq!(app.sql("select count(*) as n from jobs where lane = 'stripe'").await[0]["n"], 0);
    app.drain().await;
    let told = subjects(&app.mails());
    assert!(told.iter().any(|subject| subject.contains("other mode")), "{told:?}");
}

#[tokio::test]
async fn the_bytes_are_kept_as_they_came() {
    let app = app().await;
    let body = format!(
        "{{ \"b\":1, \"a\":\"\\u0000\", \"b\":2,  {}",
        &event("evt_1", "payment_intent.succeeded", "pi_1")[1..]
    );
    post(&app.anonymous(), Some(&sign(SECRET, Utc::now().timestamp(), &body)), &body).await.status(200);
    let kept: Vec<u8> =
        sqlx::query_scalar("select payload from stripe_events").fetch_one(&app.platform.db).await.expect("a row");
    assert_eq!(kept, body.as_bytes());
    app.execute("update stripe_events set received_at = now() - interval '91 days'").await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    assert_eq!(shared::domain::billing::received::purge(&mut tx).await.expect("a purge"), 1);
    tx.commit().await.expect("a commit");
    assert_eq!(app.sql("select payload from stripe_events").await[0]["payload"], json!(null));
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    let body = event("evt_many", "checkout.session.completed", &session);
    let header = sign(SECRET, Utc::now().timestamp(), &body);
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, header, body) = (shop.app.anonymous(), header.clone(), body.clone());
        posts.spawn(async move { post(&client, Some(&header), &body).await.status.as_u16() });
    }
    let answers = posts.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    let kept = shop.app.sql("select deliveries from stripe_events").await;
    assert_eq!(kept, json!([{ "deliveries": 50 }]));
    assert_eq!(shop.app.sql("select count(*) as n from jobs where kind = 'stripe.process_event'").await[0]["n"], 1);
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
}

#[tokio::test]
async fn what_nobody_knows_is_waited_for_and_then_unmatched() {
    let shop = Shop::open().await;
    // Somebody else sells through the same account.
    let foreign =
        reqwest::Client::new().post(format!("{}/v1/checkout/sessions", shop.fake.url)).bearer_auth(KEY).form(&[
            ("mode", "payment"),
            ("success_url", "https://other.test/merci"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "500"),
            ("line_items[0][price_data][product_data][name]", "Autre chose"),
        ]);
    let foreign: Value = foreign.send().await.expect("an answer").json().await.expect("JSON");
    let foreign = text(&foreign, "id");
    shop.act(&foreign, "card").await;
    shop.fake.tell("deliveries/release", json!({})).await;
    shop.app.drain().await;
    let open = "select distinct status from stripe_events where status <> 'ignored'";
    assert_eq!(shop.app.sql(open).await, json!([{ "status": "received" }]));
    for _ in 0..20 {
        shop.pass(60).await;
        shop.app.drain().await;
    }
    assert_eq!(shop.app.sql(open).await, json!([{ "status": "unmatched" }]));
    assert_eq!(
        shop.app.sql("select distinct attempt from jobs where kind = 'stripe.process_event'").await,
        json!([{ "attempt": 1 }])
    );
}

#[tokio::test]
async fn what_no_webhook_brought_is_found() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.fake.tell("deliveries", json!({ "drop": ["*"] })).await;
    shop.act(&session, "card").await;
    shop.settle().await;
    shop.reconcile().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    let sources = shop.app.sql("select distinct source from stripe_events").await;
    assert_eq!(sources, json!([{ "source": "reconcile" }]));
    let known = shop.app.sql("select count(*) from stripe_events").await;
    shop.reconcile().await;
    assert_eq!(shop.app.sql("select count(*) from stripe_events").await, known);
}

#[tokio::test]
async fn a_payment_is_found_even_when_stripe_never_made_an_event() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.fake.tell("deliveries", json!({ "drop": ["*"] })).await;
    shop.act(&session, "card").await;
    shop.app.execute("insert into stripe_sweeps values ('events', now() + interval '1 day')").await;
    shop.pass(11 * 60).await;
    shop.reconcile().await;
    assert_eq!(shop.app.sql("select count(*) as n from stripe_events").await[0]["n"], 0);
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
}

#[tokio::test]
async fn an_administrator_has_events_handled_again() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let url = "/api/v1/admin/stripe-events";
    let all = shop.admin().get(url).await.ok();
    let completed = shop.admin().get(&format!("{url}?type=checkout.session.completed")).await.ok();
    assert_eq!(completed[0]["status"], "processed");
    assert!(all.as_array().map(Vec::len) > Some(1));
    // As if it had never been applied.
    shop.app.execute("update payments set outcome = 'pending', succeeded_at = null; update orders set status = 'pending', paid_at = null").await;
    let id = text(&completed[0], "event_id");
    shop.buyer().post(&format!("{url}/{id}/replay"), json!({})).await.status(403);
    shop.admin().post(&format!("{url}/{id}/replay"), json!({})).await.status(202);
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    shop.admin().post(&format!("{url}/replay"), json!({})).await.status(422);
    let range = json!({ "since": "2020-01-01T00:00:00Z", "dry_run": true });
    let counted = shop.admin().post(&format!("{url}/replay"), range).await.status(202).data();
    assert_eq!(counted["events"].as_u64().map(|n| n as usize), all.as_array().map(Vec::len));
    let range = json!({ "type": "checkout.session.completed" });
    shop.admin().post(&format!("{url}/replay"), range).await.status(202);
    shop.settle().await;
    let again = shop.admin().get(&format!("{url}/{id}")).await.ok();
    assert_eq!((&again["replays"], &again["status"]), (&json!(2), &json!("processed")));
    let simulated = json!({ "type": "payment_intent.succeeded", "object_id": "pi_nothing" });
    let simulated = shop.admin().post("/api/v1/admin/dev/stripe-events", simulated).await.created();
    shop.settle().await;
    let seen = shop.admin().get(&format!("{url}/{}", text(&simulated, "event_id"))).await.ok();
    assert_eq!(
        (&seen["source"], &seen["status"], &seen["error_code"]),
        (&json!("simulate"), &json!("unmatched"), &json!(null))
    );
}

#[tokio::test]
async fn what_people_must_look_at_is_told_and_events_that_were_never_made_are_looked_for() {
    let shop = Shop::open().await;
    let happens = async |kind: &str, object: &str| {
        let event = json!({ "type": kind, "object_id": object });
        shop.admin().post("/api/v1/admin/dev/stripe-events", event).await.created();
        shop.settle().await;
    };
    for (kind, object, told) in [
        ("radar.early_fraud_warning.created", "issfr_1", "early fraud warning"),
        ("payout.failed", "po_1", "a payout failed"),
    ] {
        happens(kind, object).await;
        let mails = shop.subjects();
        assert!(mails.iter().any(|subject| subject.contains(told)), "{kind}: {mails:?}");
    }
    happens("v2.core.health.event_generation_failure.resolved", "pi_1").await;
    let looked = shop.app.sql("select state from jobs where kind = 'stripe.reconcile'").await;
    assert_eq!(looked, json!([{ "state": "succeeded" }]));
    let ends = shop.app.sql("select distinct status from stripe_events where source = 'simulate'").await;
    assert_eq!(ends, json!([{ "status": "processed" }]));
}
