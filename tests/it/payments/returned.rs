//! Money goes back: refunds, disputes, and payments that should not have been.

use reqwest::Method;

use super::*;

#[tokio::test]
async fn a_refund_in_two_parts_never_gives_back_more_than_came() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    shop.subjects();
    let all = 2160;
    shop.refund(&order, json!({ "amount": all + 1, "reason": "trop" })).await.status(409);
    let part = shop.refund(&order, json!({ "amount": 1000, "reason": "une page" })).await.status(202).data();
    assert_eq!((&part["status"], &part["amount"]["amount"]), (&json!("requested"), &json!(1000)));
    assert_eq!(shop.refund(&order, json!({ "reason": "encore" })).await.status(409).code(), "refund_pending");
    shop.settle().await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["partially_refunded"]));
    assert_eq!(
        shop.refund(&order, json!({ "amount": 1161, "reason": "trop" })).await.status(409).code(),
        "refund_too_much"
    );
    shop.give_back(&order, json!({ "reason": "le reste" })).await;
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
    assert_eq!(shop.refund(&order, json!({ "reason": "plus rien" })).await.status(409).code(), "not_paid");
    let mails = shop.subjects();
    assert_eq!(mails.iter().filter(|subject| subject.contains("Remboursement")).count(), 2, "{mails:?}");
    let whole = shop.whole(&order).await;
    assert_eq!(whole["payments"][0]["refunded"]["amount"], all);
    assert_eq!(whole["refunds"].as_array().map(Vec::len), Some(2));
}

/// Stripe charges and gives back dinars by tens of their thousandths; VAT of 0.246 is charged as 0.250.
#[tokio::test]
async fn dinars_are_paid_and_given_back_by_tens_of_their_thousandths() {
    let shop = Shop::selling(1_230, "KWD").await;
    let (order, _) = shop.paid(1).await;
    assert_eq!(shop.whole(&order).await["total_gross"]["amount"], 1_480);
    assert_eq!(shop.refund(&order, json!({ "amount": 1_001, "reason": "trop fin" })).await.wrong_fields(), ["amount"]);
    shop.give_back(&order, json!({ "amount": 1_000, "reason": "une page" })).await;
    shop.give_back(&order, json!({ "reason": "le reste" })).await;
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
}

#[tokio::test]
async fn many_clicks_on_refund_are_one_refund() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let clicks = (0..8).map(|_| shop.refund(&order, json!({ "reason": "clic" })));
    let answers = futures(clicks).await;
    assert_eq!(answers.iter().filter(|reply| reply.status.as_u16() == 202).count(), 1);
    shop.settle().await;
    shop.news().await;
    let refunds = shop.fake.ask("objects").await;
    let refunds = refunds["data"].as_array().expect("objects").iter().filter(|object| object["object"] == "refund");
    assert_eq!(refunds.count(), 1);
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
}

async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn a_refund_made_in_stripes_dashboard_is_one_of_ours() {
    let shop = Shop::open().await;
    let (order, session) = shop.paid(1).await;
    let charge = shop.charge(&session).await;
    shop.at_stripe(Method::POST, "refunds", &[("charge", &charge), ("amount", "500")]).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["partially_refunded"]));
    let refund = &shop.whole(&order).await["refunds"][0];
    assert_eq!(
        (&refund["amount"]["amount"], &refund["status"], &refund["reason"]),
        (&json!(500), &json!("succeeded"), &json!(null))
    );
}

#[tokio::test]
async fn a_refund_that_fails_days_later_is_undone_and_somebody_is_told() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    shop.give_back(&order, json!({ "reason": "tout" })).await;
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
    shop.subjects();
    let refund = text(&shop.whole(&order).await["refunds"][0], "stripe_refund_id");
    shop.fake.tell(&format!("refunds/{refund}/fail"), json!({})).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    let mails = shop.subjects();
    assert!(mails.iter().any(|subject| subject.contains("refund failed")), "{mails:?}");
    shop.give_back(&order, json!({ "reason": "encore" })).await;
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_gives_nothing_back() {
    let shop = Shop::open().await;
    let (order, session) = shop.paid(1).await;
    let charge = shop.charge(&session).await;
    // Somebody was faster in Stripe's dashboard, and we have not heard of it yet.
    shop.at_stripe(Method::POST, "refunds", &[("charge", &charge)]).await;
    shop.give_back(&order, json!({ "reason": "trop tard" })).await;
    let refunds = shop.whole(&order).await["refunds"].clone();
    let mut states: Vec<_> = refunds.as_array().expect("refunds").iter().map(|one| text(one, "status")).collect();
    states.sort();
    assert_eq!(states, ["failed", "succeeded"], "{refunds}");
    assert_eq!(shop.status(&order).await, is("refunded", &["refunded"]));
}

#[tokio::test]
async fn cancelling_a_paid_order_gives_its_money_back() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let path = format!("/api/v1/orders/{}/cancel", text(&order, "id"));
    assert_eq!(shop.buyer().post(&path, json!({})).await.status(409).code(), "refund_needed");
    shop.admin().delete(&format!("/api/v1/admin/orders/{}", text(&order, "id"))).await.status(204);
    shop.settle().await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("cancelled", &["refunded"]));
}

#[tokio::test]
async fn a_dispute_is_followed_to_its_end() {
    for (end, status) in [("won", "succeeded"), ("lost", "disputed")] {
        let shop = Shop::open().await;
        let (order, session) = shop.paid(1).await;
        shop.subjects();
        let charge = shop.charge(&session).await;
        let dispute = shop.fake.tell("disputes", json!({ "charge": charge })).await;
        shop.news().await;
        assert_eq!(shop.status(&order).await, is("paid", &["disputed"]));
        let mails = shop.subjects();
        assert!(mails.iter().any(|subject| subject.contains("dispute")), "{mails:?}");
        shop.fake.tell(&format!("disputes/{}/close", text(&dispute, "id")), json!({ "status": end })).await;
        shop.news().await;
        assert_eq!(shop.status(&order).await, is("paid", &[status]));
        assert_eq!(shop.whole(&order).await["disputes"][0]["status"], end);
    }
}

#[tokio::test]
async fn a_dispute_whose_time_runs_out_is_told_again() {
    let shop = Shop::open().await;
    let (_, session) = shop.paid(1).await;
    let charge = shop.charge(&session).await;
    shop.fake.tell("disputes", json!({ "charge": charge })).await;
    shop.news().await;
    shop.subjects();
    for (left, told) in [("5 days", 0), ("2 days", 2), ("2 days", 0), ("12 hours", 2), ("12 hours", 0)] {
        // Stripe says the true date again with every look.
        let due = format!("due_by = now() + interval '{left}', updated_at = now() - interval '1 day'");
        shop.app.execute(&format!("update disputes set {due}")).await;
        shop.reconcile().await;
        let mails = shop.subjects();
        let mails: Vec<_> = mails.iter().filter(|subject| subject.contains("dispute")).collect();
        assert_eq!(mails.len(), told, "{left} before it ends: {mails:?}");
    }
}

#[tokio::test]
async fn another_amount_than_was_asked_for_is_a_persons_matter() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    let objects = shop.fake.ask("objects").await;
    let intent = objects["data"]
        .as_array()
        .expect("objects")
        .iter()
        .find(|o| o["object"] == "payment_intent")
        .expect("an intent");
    let set = json!({ "set": { "amount_received": 1 } });
    shop.fake.tell(&format!("objects/{}", text(intent, "id")), set).await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("pending", &["review"]));
    let mails = shop.subjects();
    assert!(mails.iter().any(|subject| subject.contains("payment amount")), "{mails:?}");
    assert_eq!(shop.ask_checkout(&order).await.status(409).code(), "payment_processing");
}

#[tokio::test]
async fn money_for_an_order_that_was_cancelled_or_paid_is_told() {
    let shop = Shop::open().await;
    // The page was being paid when the order was cancelled.
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    shop.buyer().post(&format!("/api/v1/orders/{}/cancel", text(&order, "id")), json!({})).await.ok();
    shop.settle().await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("cancelled", &["succeeded"]));
    let mails = shop.subjects();
    assert!(mails.iter().any(|subject| subject.contains("paid after cancel")), "{mails:?}");
    shop.give_back(&order, json!({ "reason": "annulée" })).await;
    assert_eq!(shop.status(&order).await, is("cancelled", &["refunded"]));
}

#[tokio::test]
async fn an_order_that_was_paid_twice_is_told_and_one_of_them_goes_back() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let first = shop.checkout(&order).await;
    shop.settle().await;
    shop.pass(90 * 60).await;
    let second = shop.checkout(&order).await;
    assert_ne!(first, second, "the first page ends soon");
    // Somebody has both open, and pays at both before the first is closed.
    shop.act(&first, "card").await;
    shop.act(&second, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded", "succeeded"]));
    let mails = shop.subjects();
    assert_eq!(mails.iter().filter(|subject| subject.contains("paid twice")).count(), 2, "{mails:?}");
    assert_eq!(mails.iter().filter(|subject| subject.contains("Paiement reçu pour")).count(), 1, "{mails:?}");
    shop.give_back(&order, json!({ "reason": "payé deux fois" })).await;
    assert_eq!(shop.status(&order).await, is("paid", &["refunded", "succeeded"]), "it is still paid");
}
