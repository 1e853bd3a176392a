//! The cards somebody keeps, and Stripe's own invoices.

use super::*;

const URL: &str = "/api/v1/payment-methods";

#[tokio::test]
async fn a_card_is_kept_shown_preferred_and_forgotten() {
    let shop = Shop::open().await;
    assert_eq!(shop.buyer().get(URL).await.ok(), json!([]));
    let (first, second) = (shop.paid(1).await, shop.paid(1).await);
    assert_ne!(first.1, second.1);
    let kept = shop.buyer().get(URL).await.ok();
    let kept = kept.as_array().expect("cards");
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!((&kept[0]["type"], &kept[0]["last4"]), (&json!("card"), &json!("4242")), "{kept:?}");
    let older = text(&kept[1], "id");
    shop.buyer().put(&format!("{URL}/{older}/default"), json!({})).await.status(204);
    let now = shop.buyer().get(URL).await.ok();
    assert_eq!(
        (&now[0]["id"], &now[0]["is_default"], &now[1]["is_default"]),
        (&json!(older), &json!(true), &json!(false))
    );
    shop.news().await;
    assert_eq!(shop.buyer().get(URL).await.ok(), now, "what Stripe tells agrees");
    let stranger = shop.app.person("paul", "user").await;
    stranger.delete(&format!("{URL}/{older}")).await.status(404);
    stranger.put(&format!("{URL}/{older}/default"), json!({})).await.status(404);
    shop.buyer().delete(&format!("{URL}/{older}")).await.status(204);
    shop.news().await;
    let left = shop.buyer().get(URL).await.ok();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
}

#[tokio::test]
async fn a_subscription_and_its_invoices_are_mirrored() {
    let shop = Shop::open().await;
    shop.paid(1).await;
    let objects = shop.fake.ask("objects").await;
    let objects = objects["data"].as_array().expect("objects");
    let customer = objects.iter().find(|object| object["object"] == "customer").expect("a customer");
    let price = reqwest::Client::new()
        .post(format!("{}/v1/prices", shop.fake.url))
        .bearer_auth(KEY)
        .form(&[
            ("currency", "eur"),
            ("unit_amount", "900"),
            ("recurring[interval]", "month"),
            ("product_data[name]", "Club"),
        ])
        .send()
        .await
        .expect("an answer");
    let price: Value = price.json().await.expect("JSON");
    let subscription = json!({ "customer": customer["id"], "price": price["id"] });
    let subscription = shop.fake.tell("subscriptions", subscription).await;
    let id = text(&subscription, "id");
    shop.fake.tell(&format!("subscriptions/{id}/cycle"), json!({ "paid": false })).await;
    shop.news().await;
    let mirrored = shop.app.sql("select id, status from stripe_subscriptions").await;
    assert_eq!(mirrored, json!([{ "id": id, "status": "past_due" }]));
    let invoices = shop.app.sql("select status, total_cents, currency from stripe_invoices order by status").await;
    let events = shop.app.sql("select type, status, error_code from stripe_events where type like 'invoice%'").await;
    let jobs = shop.app.sql("select state, last_error from jobs where last_error is not null").await;
    assert_eq!(invoices.as_array().map(Vec::len), Some(2), "{invoices} {events} {jobs}");
    assert!(invoices[0]["total_cents"] == 900 && invoices[0]["currency"] == "EUR", "{invoices}");
}
