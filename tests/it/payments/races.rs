//! Two things at once, and things that change between two of them.

use harness::process::eventually;
use reqwest::Method;
use shared::domain::billing::payments;
use shared::flows::payment_synced::{self, Asked};
use shared::kernel::ids::OrderId;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

impl Shop {
    /// Waits until Stripe was asked this so often.
    async fn asked(&self, call: &str, times: i64) {
        let asked = async || self.fake.ask("counts").await["calls"][call].as_i64() >= Some(times);
        eventually(PATIENCE, &format!("Stripe is asked {call}"), asked).await;
    }

    async fn fault(&self, method: &str, path: &str, how: &str, times: u32) {
        let fault = json!({ "method": method, "path": path, "how": how, "times": times, "ms": 1500 });
        self.fake.tell("faults", fault).await;
    }

    /// Stripe's object of this type that was made last.
    async fn last(&self, kind: &str) -> Value {
        let objects = self.fake.ask("objects").await["data"].clone();
        let mut objects = objects.as_array().expect("objects").clone();
        objects.retain(|object| object["object"] == kind);
        objects.pop().expect("one of them")
    }
}

/// Stripe is asked about the order's payment, and what it says is written.
async fn sync(shop: &Shop, order: &Value) {
    let order: OrderId = text(order, "id").parse().expect("an id");
    let mut tx = Tx::begin(&shop.app.platform).await.expect("a transaction");
    let payment = payments::of_order(&mut tx, order).await.expect("payments").remove(0);
    let asked = Asked::now(&mut tx).await.expect("the time");
    let asked = payment_synced::ask(&shop.app.platform, &payment, asked).await.expect("an answer");
    payment_synced::apply(&mut tx, payment.id, &asked).await.expect("written");
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn a_dispute_is_kept_although_a_later_answer_is_in() {
    let shop = Shop::open().await;
    let (order, session) = shop.paid(1).await;
    let charge = shop.charge(&session).await;
    shop.fake.tell("disputes", json!({ "charge": charge })).await;
    let events = shop.at_stripe(Method::GET, "events", &[]).await;
    let events = events["data"].as_array().expect("events");
    let created = events.iter().find(|event| event["type"] == "charge.dispute.created").expect("its event");
    shop.fault("GET", "/v1/disputes/{id}", "slow", 1).await;
    shop.fake.tell("deliver", json!({ "events": [created["id"]] })).await;
    // While Stripe takes its time over the dispute, somebody else asks about the payment alone, and is answered first.
    let overtaking = async {
        shop.asked("GET /v1/disputes/{id}", 1).await;
        sync(&shop, &order).await;
    };
    tokio::join!(shop.settle(), overtaking);
    assert_eq!(shop.status(&order).await, is("paid", &["disputed"]));
    shop.news().await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_its_page_is_made_has_no_page() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    shop.fault("POST", "/v1/checkout/sessions", "slow", 1).await;
    let cancelling = async {
        shop.asked("POST /v1/checkout/sessions", 1).await;
        shop.buyer().post(&format!("/api/v1/orders/{}/cancel", text(&order, "id")), json!({})).await.ok();
    };
    let (asked, ()) = tokio::join!(shop.ask_checkout(&order), cancelling);
    assert_eq!(asked.status(409).code(), "order_status");
    shop.settle().await;
    assert_eq!(shop.last("checkout.session").await["status"], "expired");
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("cancelled", &["cancelled"]));
}

#[tokio::test]
async fn a_customer_is_kept_although_their_page_failed() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    shop.fault("POST", "/v1/checkout/sessions", "gateway", 2).await;
    shop.ask_checkout(&order).await.status(502);
    // The name on the invoice was wrong: the next order says it right.
    let lines = json!([{ "product_id": shop.product, "quantity": 1 }]);
    let billing = json!({ "legal_name": "Claire Bernard" });
    let next = shop.buyer().post("/api/v1/orders", json!({ "lines": lines, "billing": billing })).await.created();
    for order in [&next, &order] {
        let session = shop.checkout(order).await;
        shop.act(&session, "card").await;
        shop.news().await;
        assert_eq!(shop.status(order).await.0, "paid");
    }
    let customers = shop.fake.ask("counts").await["calls"]["POST /v1/customers"].clone();
    assert_eq!(customers, 1, "one customer, made once");
}

#[tokio::test]
async fn an_order_is_its_buyers_as_they_are_now() {
    let shop = Shop::open().await;
    shop.paid(1).await;
    shop.buyer().patch("/api/v1/me", json!({ "locale": "en" })).await.ok();
    let (order, _) = shop.paid(1).await;
    let rows = shop.buyer().get(&format!("/api/v1/orders/{}/invoices", text(&order, "id"))).await.ok();
    let invoice = shop.buyer().get(&format!("/api/v1/invoices/{}", text(&rows[0], "id"))).await.ok();
    assert_eq!(invoice["document"]["locale"], "en");
}

#[tokio::test]
async fn a_direct_debit_that_is_stopped_leaves_its_order_a_day_and_not_for_ever() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "sepa_debit").await;
    shop.news().await;
    shop.pass(2 * 24 * 3600).await;
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("pending", &["processing"]));
    let intent = text(&shop.last("payment_intent").await, "id");
    shop.fake.tell(&format!("objects/{intent}"), json!({ "set": { "status": "canceled" } })).await;
    shop.reconcile().await;
    assert_eq!(shop.status(&order).await, is("pending", &["cancelled"]));
    shop.pass(4 * 24 * 3600).await;
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("expired", &["cancelled"]), "its pieces are given back");
}
