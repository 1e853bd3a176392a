//! The cards somebody keeps, and Stripe's own invoices.

use reqwest::Method;

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
async fn a_customer_deleted_at_stripe_is_a_new_one_at_the_next_order() {
    let shop = Shop::open().await;
    shop.paid(1).await;
    let known = "select stripe_customer_id as id from customers where stripe_customer_id is not null";
    for _ in 0..2 {
        let old = text(&shop.app.sql(known).await[0], "id");
        shop.at_stripe(Method::DELETE, &format!("customers/{old}"), &[]).await;
        shop.paid(1).await;
        assert_ne!(text(&shop.app.sql(known).await[0], "id"), old);
        let kept = shop.buyer().get(URL).await.ok();
        assert_eq!(kept.as_array().map(Vec::len), Some(1), "the card of the new one: {kept}");
    }
}

#[tokio::test]
async fn a_subscription_and_its_invoices_are_mirrored() {
    let shop = Shop::open().await;
    shop.paid(1).await;
    let objects = shop.fake.ask("objects").await;
    let objects = objects["data"].as_array().expect("objects");
    let customer = objects.iter().find(|object| object["object"] == "customer").expect("a customer");
    let price =
        [("currency", "eur"), ("unit_amount", "900"), ("recurring[interval]", "month"), ("product_data[name]", "Club")];
    let price = shop.at_stripe(Method::POST, "prices", &price).await;
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
