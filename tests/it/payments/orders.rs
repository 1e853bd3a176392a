//! An order and its page.

use super::*;

#[tokio::test]
async fn an_order_is_paid_by_card_and_everybody_hears_of_it_once() {
    let shop = Shop::open().await;
    let order = shop.order(3).await;
    let opened = shop.ask_checkout(&order).await.created();
    let session = text(&opened, "session_id");
    assert!(text(&opened, "url").contains("/c/pay/"), "{opened}");
    shop.settle().await;
    shop.subjects();
    let page = format!("/api/v1/checkout-sessions/{session}");
    let status = shop.buyer().get(&page).await.ok();
    assert_eq!((&status["order_status"], &status["payment_status"]), (&json!("pending"), &json!("pending")));
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    let mails = shop.subjects();
    assert_eq!(
        mails.iter().filter(|subject| subject.contains("Paiement reçu pour la commande")).count(),
        1,
        "{mails:?}"
    );
    assert_eq!(mails.len(), 4, "the buyer, with the invoice in a mail of its own, and two administrators: {mails:?}");
    let status = shop.buyer().get(&page).await.ok();
    assert_eq!((&status["order_status"], &status["payment_status"]), (&json!("paid"), &json!("succeeded")));
    let log = shop.app.sql("select action from audit_log where target_type = 'payment' order by id").await;
    assert_eq!(log, json!([{ "action": "PAYMENT_SESSION_CREATED" }, { "action": "PAYMENT_SUCCEEDED" }]));
    // All of it again: nothing happens.
    let events = shop.app.sql("select event_id from stripe_events order by id").await;
    let events: Vec<_> = events.as_array().expect("events").iter().map(|row| row["event_id"].clone()).collect();
    let before = shop.app.sql("select count(*) from jobs").await;
    shop.fake.tell("deliver", json!({ "events": events, "parallel": true })).await;
    shop.settle().await;
    assert_eq!((shop.app.sql("select count(*) from jobs").await, shop.subjects().len()), (before, 0));
    assert_eq!(shop.app.sql("select distinct deliveries from stripe_events").await, json!([{ "deliveries": 2 }]));
    assert_eq!(shop.ask_checkout(&order).await.status(409).code(), "order_status");
}

#[tokio::test]
async fn two_clicks_share_a_page_and_a_lost_answer_makes_no_second_one() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    shop.fake
        .tell(
            "faults",
            json!({ "method": "POST", "path": "/v1/checkout/sessions", "times": 1, "how": "lost", "done": true }),
        )
        .await;
    let first = shop.checkout(&order).await;
    assert_eq!(shop.checkout(&order).await, first);
    let counts = shop.fake.ask("counts").await;
    assert_eq!(counts["calls"]["POST /v1/checkout/sessions"], 2, "the lost one, and again under its key: {counts}");
    let sessions = shop.fake.ask("objects").await;
    let sessions = sessions["data"].as_array().expect("objects").iter().filter(|o| o["object"] == "checkout.session");
    assert_eq!(sessions.count(), 1);
    shop.settle().await;
}

#[tokio::test]
async fn a_guest_pays_with_their_token_and_nobody_elses() {
    let shop = Shop::open().await;
    let guest = json!({ "email": "helene@example.org", "first_name": "Hélène", "last_name": "Martin", "locale": "fr" });
    let wish = json!({ "lines": [{ "product_id": shop.product, "quantity": 1 }], "guest": guest });
    let order = shop.app.anonymous().post("/api/v1/orders", wish).await.created();
    let path = format!("/api/v1/orders/{}/checkout", text(&order, "id"));
    shop.app.anonymous().post(&path, json!({})).await.status(404);
    shop.buyer().post(&path, json!({})).await.status(404);
    shop.app.anonymous().header("order-token", "nonsense").post(&path, json!({})).await.status(404);
    let guest = shop.app.anonymous().header("order-token", &text(&order, "token"));
    let session = text(&guest.post(&path, json!({})).await.created(), "session_id");
    shop.act(&session, "card").await;
    shop.news().await;
    let status = guest.get(&format!("/api/v1/checkout-sessions/{session}")).await.ok();
    assert_eq!(status["payment_status"], "succeeded");
    shop.buyer().get(&format!("/api/v1/checkout-sessions/{session}")).await.status(404);
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    shop.settle().await;
}

#[tokio::test]
async fn a_direct_debit_is_paid_days_later_and_its_order_waits() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "sepa_debit").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("pending", &["processing"]));
    assert_eq!(shop.ask_checkout(&order).await.status(409).code(), "payment_processing");
    shop.pass(2 * 24 * 3600).await;
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("pending", &["processing"]), "no order expires under a payment");
    shop.fake.tell("advance", json!({ "seconds": 4 * 24 * 3600 })).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
}

#[tokio::test]
async fn a_direct_debit_that_fails_gives_the_order_another_day() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "sepa_debit_fails").await;
    shop.news().await;
    shop.pass(2 * 24 * 3600).await;
    shop.subjects();
    shop.fake.tell("advance", json!({ "seconds": 4 * 24 * 3600 })).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("pending", &["failed"]));
    let mails = shop.subjects();
    assert_eq!(mails.iter().filter(|subject| subject.contains("a échoué")).count(), 1, "{mails:?}");
    shop.pass(2 * 24 * 3600).await;
    let again = shop.checkout(&order).await;
    assert_ne!(again, session, "the old page is done");
    shop.act(&again, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["cancelled", "succeeded"]));
}

#[tokio::test]
async fn a_declined_card_is_told_once_and_the_next_one_wins() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.settle().await;
    shop.subjects();
    shop.act(&session, "card_declined").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("pending", &["failed"]));
    let mails = shop.subjects();
    assert_eq!(mails.iter().filter(|subject| subject.contains("a échoué")).count(), 1, "{mails:?}");
    assert_eq!(shop.checkout(&order).await, session, "the page is still open");
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    let payment = &shop.whole(&order).await["payments"][0];
    assert_eq!((&payment["failure_code"], &payment["method"]), (&json!(null), &json!("card")));
}

#[tokio::test]
async fn a_page_that_ends_unpaid_lets_the_order_go() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    shop.checkout(&order).await;
    shop.fake.tell("advance", json!({ "seconds": 3 * 3600 })).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("pending", &["expired"]));
    shop.pass(25 * 3600).await;
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("expired", &["expired"]));
    let late = shop.ask_checkout(&order).await.status(409);
    assert_eq!(late.code(), "order_status");
}

#[tokio::test]
async fn a_cancelled_order_has_its_page_closed() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.buyer().post(&format!("/api/v1/orders/{}/cancel", text(&order, "id")), json!({})).await.ok();
    shop.settle().await;
    let objects = shop.fake.ask("objects").await;
    let page = objects["data"].as_array().expect("objects").iter().find(|object| object["id"] == session.as_str());
    assert_eq!(page.expect("the page")["status"], "expired");
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("cancelled", &["cancelled"]));
}

#[tokio::test]
async fn without_stripe_nothing_is_paid_and_everything_else_goes_on() {
    let app = TestApp::new().await;
    let buyer = app.person("claire", "user").await;
    let id = uuid::Uuid::now_v7();
    let refused = buyer.post(&format!("/api/v1/orders/{id}/checkout"), json!({})).await.status(503);
    assert_eq!(refused.code(), "payments_off");
    assert_eq!(app.anonymous().post("/webhooks/stripe", json!({})).await.status(503).code(), "payments_off");
}

#[tokio::test]
async fn while_stripe_is_away_a_checkout_says_so_and_can_be_repeated() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    shop.fake
        .tell("faults", json!({ "method": "POST", "path": "/v1/checkout/sessions", "times": 1, "how": "error" }))
        .await;
    let away = shop.ask_checkout(&order).await;
    assert!(away.status.as_u16() >= 502, "{} {}", away.status, away.text);
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
}
