//! Subscriptions and their invoices: they exist to be read; `/_fake` starts them and lets their periods pass.

use serde_json::{Value, json};

use super::payments;
use super::refusal::{Answer, Refusal};
use super::shapes::shape;
use super::state::{State, id, integer, text};

const DAY: i64 = 24 * 60 * 60;

/// A customer subscribes to a price; the first invoice is paid at once.
pub fn subscribe(state: &mut State, customer: &str, price: &str, metadata: Value) -> Answer {
    let customer = state.get("customer", customer, "customer")?;
    let price = state.get("price", price, "price")?;
    if price["type"] != "recurring" {
        return Err(Refusal::invalid("price", "The price specified is not recurring."));
    }
    let (from, to) = (state.now(), state.now() + period(&price));
    let mut subscription = state.make("subscription", json!({
        "billing_cycle_anchor": from, "currency": price["currency"], "customer": id(&customer), "metadata": metadata,
        "start_date": from, "status": "active",
    }));
    let item = state.make(
        "subscription_item",
        json!({
            "price": price, "subscription": id(&subscription), "current_period_start": from, "current_period_end": to,
        }),
    );
    subscription["items"] = json!({
        "object": "list", "data": [item], "has_more": false,
        "url": format!("/v1/subscription_items?subscription={}", id(&subscription)),
    });
    state.put_and_tell(&subscription, "customer.subscription.created");
    invoice(state, &id(&subscription), true, "subscription_create");
    state.get("subscription", &id(&subscription), "id")
}

fn period(price: &Value) -> i64 {
    let days = match &*text(&price["recurring"], "interval") {
        "day" => 1,
        "week" => 7,
        "year" => 365,
        _ => 30,
    };
    days * DAY * integer(&price["recurring"], "interval_count").max(1)
}

/// The next period begins; its invoice is paid or not.
pub fn cycle(state: &mut State, subscription: &str, paid: bool) -> Answer {
    let mut found = state.get("subscription", subscription, "id")?;
    if found["status"] == "canceled" {
        return Err(Refusal::state("", "", "This subscription is canceled."));
    }
    let item = &mut found["items"]["data"][0];
    let from = integer(item, "current_period_end");
    let to = from + period(&item["price"]);
    item["current_period_start"] = json!(from);
    item["current_period_end"] = json!(to);
    let items = json!({ "items": found["items"] });
    state.change_and_tell(subscription, items, "customer.subscription.updated");
    invoice(state, subscription, paid, "subscription_cycle");
    state.get("subscription", subscription, "id")
}

/// An invoice of the running period, from its draft to its payment or failure.
fn invoice(state: &mut State, subscription: &str, paid: bool, reason: &str) {
    let found = state.find(subscription).cloned().unwrap_or_default();
    let draft = draft(state, &found, reason);
    let (invoice, total, currency) = (id(&draft), integer(&draft, "total"), text(&draft, "currency"));
    state.put_and_tell(&draft, "invoice.created");
    let number = format!("FAKE-{:04}", state.all("invoice").count());
    let fields = json!({
        "status": "open", "number": number, "auto_advance": true, "effective_at": state.now(),
        "status_transitions": transitions(state.now(), Value::Null),
        "hosted_invoice_url": format!("{}/invoices/{invoice}", state.settings.base),
    });
    state.change_and_tell(&invoice, fields, "invoice.finalized");
    let intent = payments::charge_off_session(state, &text(&found, "customer"), total, &currency, paid);
    let mut payment = state.make(
        "invoice_payment",
        json!({
            "amount_requested": total, "currency": currency, "invoice": invoice,
            "payment": { "type": "payment_intent", "payment_intent": intent["id"] },
        }),
    );
    let (status, event) = if paid {
        payment["status"] = json!("paid");
        payment["amount_paid"] = json!(total);
        payment["status_transitions"]["paid_at"] = json!(state.now());
        let fields = json!({
            "status": "paid", "amount_paid": total, "amount_remaining": 0, "attempted": true, "attempt_count": 1,
            "status_transitions": transitions(state.now(), json!(state.now())),
        });
        state.put_and_tell(&payment, "invoice_payment.paid");
        let invoice = state.change_and_tell(&invoice, fields, "invoice.paid");
        state.tell("invoice.payment_succeeded", &invoice);
        ("active", "customer.subscription.updated")
    } else {
        state.put(&payment);
        let again = state.now() + 3 * DAY;
        let fields = json!({ "attempted": true, "attempt_count": 1, "next_payment_attempt": again });
        state.change_and_tell(&invoice, fields, "invoice.payment_failed");
        ("past_due", "customer.subscription.updated")
    };
    state.change_and_tell(subscription, json!({ "status": status, "latest_invoice": invoice }), event);
}

fn transitions(finalized: i64, paid: Value) -> Value {
    json!({ "finalized_at": finalized, "marked_uncollectible_at": null, "paid_at": paid, "voided_at": null })
}

fn draft(state: &State, subscription: &Value, reason: &str) -> Value {
    let item = &subscription["items"]["data"][0];
    let (price, quantity) = (&item["price"], integer(item, "quantity"));
    let amount = integer(price, "unit_amount") * quantity;
    let customer = state.find(&text(subscription, "customer")).cloned().unwrap_or_default();
    let (from, to) = (&item["current_period_start"], &item["current_period_end"]);
    let mut invoice = state.make("invoice", json!({
        "amount_due": amount, "amount_remaining": amount, "subtotal": amount, "subtotal_excluding_tax": amount,
        "total": amount, "total_excluding_tax": amount, "billing_reason": reason, "currency": subscription["currency"],
        "customer": customer["id"], "customer_email": customer["email"], "customer_name": customer["name"],
        "metadata": {}, "period_start": from, "period_end": to,
        "parent": {
            "quote_details": null, "type": "subscription_details",
            "subscription_details": { "metadata": subscription["metadata"], "subscription": subscription["id"] },
        },
    }));
    let mut line = shape("line_item");
    let fields = json!({
        "id": super::shapes::new_id("line_item"), "amount": amount, "currency": subscription["currency"],
        "description": format!("{quantity} × {}", text(price, "product")), "invoice": id(&invoice),
        "period": { "start": from, "end": to }, "quantity": quantity, "subscription": subscription["id"],
        "subtotal": amount,
        "pricing": {
            "price_details": { "price": price["id"], "product": price["product"] }, "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "parent": {
            "invoice_item_details": null, "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": null, "proration": false, "proration_details": { "credited_items": null },
                "subscription": subscription["id"], "subscription_item": item["id"],
            },
        },
    });
    super::shapes::set(&mut line, fields);
    invoice["lines"] = json!({
        "object": "list", "data": [line], "has_more": false, "url": format!("/v1/invoices/{}/lines", id(&invoice)),
    });
    invoice
}

/// DELETE /v1/subscriptions/{id}
pub fn cancel(state: &mut State, subscription: &str) -> Answer {
    let found = state.get("subscription", subscription, "id")?;
    if found["status"] == "canceled" {
        return Err(Refusal::no_such("subscription", subscription, "id"));
    }
    let fields = json!({ "status": "canceled", "canceled_at": state.now(), "ended_at": state.now() });
    Ok(state.change_and_tell(subscription, fields, "customer.subscription.deleted"))
}
