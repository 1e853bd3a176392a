//! Everything the fake tells of has the shape of Stripe's fixtures, whatever happened to it.

use std::path::Path;

use super::*;

/// Kinds that Stripe's fixtures describe, as they are in tests/stripe/fixtures/.
fn fixture(kind: &str) -> Option<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("stripe/fixtures/{kind}.json"));
    Some(serde_json::from_str(&std::fs::read_to_string(file).ok()?).expect("a fixture is JSON"))
}

/// Fields of the fixture that the object lacks, or whose kind of value is another one.
fn faults(object: &Value) -> Vec<String> {
    let kind = id(object, "object");
    let Some(Value::Object(fields)) = fixture(&kind) else { return vec![format!("{kind}: no fixture")] };
    let alien = |name: &str, wanted: &Value| match object.get(name) {
        // A payment method has the field of its type.
        None => !(kind == "payment_method" && name == "card" && object["type"] == "sepa_debit"),
        Some(Value::Null) => matches!(name, "id" | "object" | "created" | "amount" | "livemode" | "metadata"),
        Some(found) => !wanted.is_null() && std::mem::discriminant(found) != std::mem::discriminant(wanted),
    };
    fields.iter().filter(|(name, wanted)| alien(name, wanted)).map(|(name, _)| format!("{kind}.{name}")).collect()
}

/// Lets everything happen that the fake can let happen.
pub async fn live(shop: &Shop) {
    let (_, charge) = shop.paid("5000", "eur").await;
    let charge = id(&charge, "id");
    let refund = shop.made("/v1/refunds", &[("charge", &charge), ("amount", "100")]).await;
    shop.fake.tell(&format!("refunds/{}/fail", id(&refund, "id")), json!({})).await;
    let dispute = shop.fake.tell("disputes", json!({ "charge": charge })).await;
    let dispute = format!("/v1/disputes/{}", id(&dispute, "id"));
    let answered = shop.made(&dispute, &[("evidence[uncategorized_text]", "Livré"), ("submit", "true")]).await;
    assert_eq!(answered["status"], "under_review");
    shop.made(&format!("{dispute}/close"), &[]).await;
    for act in ["card_declined", "card_3ds", "3ds_fail", "sepa_debit"] {
        let session = shop.session("700", "eur").await;
        if act == "3ds_fail" {
            shop.act(&session, "card_3ds").await;
        }
        shop.act(&session, act).await;
    }
    let debited = shop.session("800", "eur").await;
    shop.act(&debited, "sepa_debit_fails").await;
    let customer = shop.made("/v1/customers", &[("email", "claire@example.org")]).await;
    let price = shop
        .made(
            "/v1/prices",
            &[
                ("currency", "eur"),
                ("unit_amount", "900"),
                ("recurring[interval]", "month"),
                ("product_data[name]", "Abonnement"),
            ],
        )
        .await;
    let subscribed = json!({ "customer": customer["id"], "price": price["id"] });
    let subscription = id(&shop.fake.tell("subscriptions", subscribed).await, "id");
    shop.fake.tell(&format!("subscriptions/{subscription}/cycle"), json!({ "paid": false })).await;
    shop.fake.tell("advance", json!({ "seconds": 4 * 86_400 })).await;
}

#[tokio::test]
async fn every_event_is_complete() {
    let shop = Shop::open().await;
    live(&shop).await;
    let mut faulty: Vec<String> = Vec::new();
    let (mut after, mut kinds) = (String::new(), BTreeSet::new());
    loop {
        let page = shop.get(&format!("/v1/events?limit=100{after}")).await;
        for event in data(&page) {
            faulty.extend(faults(&event));
            faulty.extend(
                faults(&event["data"]["object"]).into_iter().map(|fault| format!("{}: {fault}", event["type"])),
            );
            kinds.insert(id(&event, "type"));
            after = format!("&starting_after={}", id(&event, "id"));
        }
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(faulty, [""; 0]);
    for expected in [
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.failed",
        "charge.pending",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "price.created",
        "product.created",
        "refund.created",
        "refund.failed",
        "refund.updated",
    ] {
        assert!(kinds.contains(expected), "{expected} was never told: {kinds:?}");
    }
}

#[test]
fn an_incomplete_object_is_noticed() {
    let mut refund = fixture("refund").expect("a fixture");
    refund["id"] = json!("re_1");
    assert_eq!(faults(&refund), [""; 0]);
    refund["amount"] = json!("100");
    refund.as_object_mut().expect("an object").remove("charge");
    assert_eq!(faults(&refund), ["refund.amount", "refund.charge"]);
}
