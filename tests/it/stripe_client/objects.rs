//! Stripe's objects in the shapes of several years: before and after 2025-03-31, expanded and not, with more fields.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::platform::stripe::{Customer, Dispute, Invoice, PaymentIntent, Refund, Session, Subscription};

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("a shape we read")
}

#[test]
fn a_subscriptions_period_is_read_where_it_was_and_where_it_is() {
    let base = json!({ "id": "sub_1", "status": "active", "customer": "cus_1", "cancel_at_period_end": true });
    let with = |changes: Value| {
        let mut object = base.clone();
        object.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        read::<Subscription>(object)
    };
    let old = with(
        json!({ "current_period_end": 7, "items": { "data": [{ "id": "si_1", "price": { "id": "price_1", "unit_amount": 3 } }] } }),
    );
    assert_eq!((old.period_end(), old.items.data.len()), (Some(7), 1));
    let items = json!([{ "id": "si_1", "current_period_end": 8 }, { "id": "si_2", "current_period_end": 9 }]);
    let new = with(json!({ "items": { "object": "list", "data": items, "has_more": false },
                           "customer": { "id": "cus_1", "name": "A" }, "latest_invoice": { "id": "in_1" }, "metadata": null }));
    assert_eq!((new.period_end(), &*new.customer), (Some(9), "cus_1"));
}

#[test]
fn an_invoices_subscription_is_read_in_both_places() {
    let old: Invoice = read(json!({ "id": "in_1", "total": 1, "currency": "eur", "subscription": "sub_1",
                                    "charge": "ch_1", "paid": true }));
    assert_eq!(old.subscription(), Some("sub_1"));
    let new: Invoice = read(json!({
        "id": "in_1", "total": 1, "currency": "eur", "status": "paid", "customer": null,
        "parent": { "type": "subscription_details", "subscription_details": { "subscription": "sub_2", "metadata": {} } },
    }));
    assert_eq!(new.subscription(), Some("sub_2"));
    let bare: Invoice = read(json!({ "id": "in_1", "total": 0, "currency": "eur", "parent": null }));
    assert_eq!(bare.subscription(), None);
}

#[test]
fn a_payments_charge_is_read_where_it_was_and_where_it_is() {
    let base = |name: &str, value: Value| {
        let mut object = json!({ "id": "pi_1", "status": "succeeded", "amount": 500, "currency": "jpy" });
        object[name] = value;
        read::<PaymentIntent>(object)
    };
    let charge = json!({ "id": "ch_1", "amount": 500, "amount_refunded": 20, "currency": "jpy", "status": "succeeded",
                         "payment_method_details": { "type": "card", "card": { "brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030 } },
                         "billing_details": { "email": "canary@example.org" } });
    for intent in [base("latest_charge", charge.clone()), base("charges", json!({ "data": [charge] }))] {
        let charge = intent.charge().expect("a charge");
        let method = charge.payment_method_details.as_ref().map(|details| details.kind.as_str());
        assert_eq!((charge.amount_refunded, method), (20, Some("card")));
    }
    for none in [
        base("latest_charge", json!("ch_1")),
        base("latest_charge", Value::Null),
        base("charges", json!({ "data": [] })),
    ] {
        assert!(none.charge().is_none());
    }
    let failed = base(
        "last_payment_error",
        json!({ "code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error", "message": "x" }),
    );
    assert_eq!(failed.last_payment_error.and_then(|error| error.decline_code).as_deref(), Some("insufficient_funds"));
}

#[test]
fn the_rest_is_read_with_less_and_with_more() {
    let session: Session =
        read(json!({ "id": "cs_1", "payment_status": "unpaid", "url": null, "amount_total": null, "metadata": {},
                                        "payment_intent": { "id": "pi_1", "client_secret": "x" }, "mode": "payment" }));
    assert_eq!((session.payment_intent.as_deref(), session.amount_total), (Some("pi_1"), None));
    let refund: Refund = read(
        json!({ "id": "re_1", "amount": 1_230, "currency": "kwd", "status": "a_new_status", "charge": { "id": "ch_1" } }),
    );
    assert_eq!((refund.amount, refund.status.as_deref()), (1_230, Some("a_new_status")));
    let dispute: Dispute = read(json!({ "id": "du_1", "status": "prevented", "amount": 1, "currency": "eur",
                                        "evidence_details": { "due_by": 5, "submission_count": 0 } }));
    assert_eq!(dispute.evidence_details.due_by, Some(5));
    let gone: Customer = read(json!({ "id": "cus_1", "object": "customer", "deleted": true }));
    assert!(gone.deleted && gone.default_method().is_none());
    let kept: Customer = read(
        json!({ "id": "cus_1", "email": "a@example.org", "invoice_settings": { "default_payment_method": { "id": "pm_1" } } }),
    );
    assert_eq!(kept.default_method(), Some("pm_1"));
}

#[test]
fn a_missing_fact_is_an_error_and_not_a_default() {
    for object in [
        json!({ "id": "re_1", "currency": "eur" }),
        json!({ "id": "re_1", "amount": 1 }),
        json!({ "id": "re_1", "amount": 1.5, "currency": "eur" }),
    ] {
        assert!(serde_json::from_value::<Refund>(object.clone()).is_err(), "{object}");
    }
}
