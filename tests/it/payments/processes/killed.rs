//! Processes that are killed while Stripe is asked for something: it is done once.

use super::*;

const KEYS: &str = "outgoing_calls where purpose =";

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_whose_api_was_killed_is_the_same_page_at_the_next_try() {
    let _line = Line::of("F38", "API killed between Stripe's answer and its own");
    let mut branch = Branch::open(1).await;
    let order = branch.order().await;
    let path = "/v1/checkout/sessions";
    branch.fake.tell("faults", json!({ "method": "POST", "path": path, "how": "hang", "done": true })).await;
    let call = branch.call(Method::POST, &format!("/api/v1/orders/{order}/checkout"), &branch.buyer, &json!({}));
    let lost = tokio::spawn(call.send());
    eventually(seconds(10), "Stripe has made the page", || async {
        branch.at_stripe("checkout.session").await.len() == 1
    })
    .await;
    branch.apis[0].kill().await.expect("kill -9");
    assert!(lost.await.expect("no panic").is_err(), "nobody was told of the page");
    assert_eq!(branch.count(&format!("{KEYS} 'checkout' and state = 'sent'")).await, 1, "its key was kept before");
    let (api, door) = branch.stage.api().await;
    (branch.apis[0], branch.doors[0]) = (api, door);
    let session = branch.checkout(&order).await;
    let made = branch.at_stripe("checkout.session").await;
    assert_eq!((made.len(), text(&made[0], "id")), (1, session.clone()), "one page, and it is the one that is shown");
    assert_eq!(branch.calls(&format!("POST {path}")).await, 2, "Stripe was asked again");
    assert_eq!(branch.count(&format!("{KEYS} 'checkout'")).await, 1, "under the same key");
    assert_eq!(branch.count(&format!("{KEYS} 'checkout' and state = 'done' and provider_id = '{session}'")).await, 1);
    assert_eq!(branch.count("payments").await, 1);
    branch.act(&session).await;
    branch.add_worker();
    assert_eq!(branch.tell_paid("evt_paid", &session).await, 200);
    branch.assert_paid_once(&[&order]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_worker_was_killed_is_given_once() {
    let _line = Line::of("F38", "worker killed in the middle of a refund");
    let mut branch = Branch::open(1).await;
    branch.add_worker();
    let order = branch.paid().await;
    branch.fake.tell("faults", json!({ "method": "POST", "path": "/v1/refunds", "how": "hang", "done": true })).await;
    let path = format!("/api/v1/admin/orders/{order}/refunds");
    branch.asked(Method::POST, &path, &branch.admin, json!({ "reason": "raté" }), 202).await;
    eventually(seconds(10), "Stripe has given the money back", || async {
        branch.at_stripe("refund").await.len() == 1
    })
    .await;
    branch.workers[0].kill().await.expect("kill -9");
    assert_eq!(branch.count("refunds where status = 'requested'").await, 1, "nobody here knows of it");
    branch.add_worker();
    let refunded = format!("select count(*) from orders where id = '{order}' and status = 'refunded'");
    branch.stage.until(seconds(25), &refunded, 1).await; // 20 s are promised
    assert_eq!(branch.calls("POST /v1/refunds").await, 2, "Stripe was asked again");
    assert_eq!(branch.count(&format!("{KEYS} 'refund'")).await, 1, "under the same key");
    assert_eq!(branch.at_stripe("refund").await.len(), 1);
    branch.news().await;
    branch.settled().await;
    assert_eq!(branch.count("refunds").await, 1);
    assert_eq!(branch.count("refunds where status = 'succeeded'").await, 1);
    assert_eq!(branch.mails_to_buyer("Remboursement"), 1);
    let lost =
        "job_attempts where outcome = 'lost' and job_id in (select id from jobs where kind = 'stripe.create_refund')";
    assert_eq!(branch.count(lost).await, 1, "the killed one left its trace");
}
