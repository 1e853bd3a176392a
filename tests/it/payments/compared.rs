//! Stripe's own list beside ours, orders and events on the dashboard.

use super::*;
use crate::dashboard::{form_token, operator, post};

const EVENTS: &str = "/api/v1/admin/stripe-events";

#[tokio::test]
async fn what_no_webhook_brought_is_named_and_taken_in() {
    let shop = Shop::open().await;
    shop.fake.tell("deliveries", json!({ "hold": false, "drop": ["*"] })).await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await.0, "pending", "its webhooks were lost");
    let named = shop.admin().get(&format!("{EVENTS}/compare")).await.ok();
    let missing: Vec<_> = named["missing"].as_array().expect("a list").iter().map(|one| text(one, "type")).collect();
    assert!(missing.contains(&"checkout.session.completed".to_owned()), "{named}");
    assert_eq!(named["taken"], 0);

    let chef = operator(&shop.app, "chef").await;
    let page = chef.get("/admin/stripe-events/compare?days=3").await.status(200);
    assert!(page.text.contains("checkout.session.completed"), "{}", page.text);
    let token = form_token(&page);
    post(&chef, "/admin/stripe-events/compare", &[("token", &token), ("days", "3")]).await.status(303);
    shop.settle().await;
    assert_eq!(shop.status(&order).await, is("paid", &["succeeded"]));
    let after = shop.admin().post(&format!("{EVENTS}/compare"), json!({})).await.status(202).data();
    assert_eq!((&after["missing"], &after["taken"]), (&json!([]), &json!(0)));
    let old = shop.admin().get(&format!("{EVENTS}/compare?since=2020-01-01T00:00:00Z")).await;
    assert_eq!(old.wrong_fields(), ["since"]);
    shop.buyer().get(&format!("{EVENTS}/compare")).await.status(403);
}

#[tokio::test]
async fn an_order_and_its_events_are_looked_at_and_given_back_on_the_dashboard() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    let chef = operator(&shop.app, "chef").await;
    let path = format!("/admin/orders/{}", text(&order, "id"));
    let page = chef.get(&path).await.status(200);
    for said in ["€21.60", "Succeeded", "Give money back", "what Stripe said", "Buyer"] {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    shop.app.person("autre", "admin").await;
    operator(&shop.app, "autre").await.get(&path).await.status(200);
    let opened = "select count(*) as n from audit_log a join users u on u.id = a.actor_id
                  where action = 'ADMIN_ACCESS' and target_type = 'order' and u.first_name = 'autre'";
    assert_eq!(shop.app.sql(opened).await[0]["n"], 1, "who looked is in the log, here as by REST");
    assert!(chef.get("/admin/orders?status=paid").await.status(200).text.contains(&text(&order, "number")));
    assert!(chef.get("/admin/orders?status=expired").await.status(200).text.contains("No order matches."));
    let list = chef.get("/admin/stripe-events?status=processed").await.status(200);
    assert!(list.text.contains("checkout.session.completed"));
    let events = shop.admin().get(&format!("{EVENTS}?type=checkout.session.completed")).await.ok();
    let event = text(&events[0], "event_id");
    let page = chef.get(&format!("/admin/stripe-events/{event}")).await.status(200);
    assert!(page.text.contains("checkout.session") && page.text.contains(&path), "links to its order: {}", page.text);
    let token = form_token(&page);
    let replay = format!("/admin/stripe-events/{event}/replay");
    post(&chef, &replay, &[("token", &token)]).await.status(303);
    let preview = [("token", &*token), ("type", "checkout.session.completed")];
    let preview = post(&chef, "/admin/stripe-events/replay/preview", &preview).await.status(200);
    assert!(preview.text.contains("Handle 1 events again"), "{}", preview.text);

    let wrong = [("token", &*token), ("amount", "1.234"), ("currency", "EUR"), ("reason", "x")];
    post(&chef, &format!("{path}/refund"), &wrong).await.status(303);
    let part = [("token", &*token), ("amount", "10,00"), ("currency", "EUR"), ("reason", "une page")];
    post(&chef, &format!("{path}/refund"), &part).await.status(303);
    shop.settle().await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, is("paid", &["partially_refunded"]));
    let nobody = shop.app.person("lea", "moderator").await;
    nobody.get("/api/v1/admin/orders").await.status(403);
    operator(&shop.app, "lea").await.get(&path).await.status(403);
}
