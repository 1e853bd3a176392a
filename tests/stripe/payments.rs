//! Payment intents and their charges: what a customer does on the checkout page, and what banks do later.

use serde_json::{Value, json};

use super::checkout::details;
use super::customers;
use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::shapes::set;
use super::state::{Due, State, id, integer, text};

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A card that works.
    Card,
    /// A card that is refused.
    Decline,
    /// A card whose bank asks back.
    Challenge,
    /// The bank's question is answered rightly.
    ChallengeMet,
    /// It is not.
    ChallengeFailed,
    /// A direct debit that will be paid.
    Debit,
    /// A direct debit that will come back.
    DebitReturned,
}

impl Act {
    /// By its name on the page.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "card" => Self::Card,
            "card_declined" => Self::Decline,
            "card_3ds" => Self::Challenge,
            "3ds_succeed" => Self::ChallengeMet,
            "3ds_fail" => Self::ChallengeFailed,
            "sepa_debit" => Self::Debit,
            "sepa_debit_fails" => Self::DebitReturned,
            _ => return None,
        })
    }

    fn method(self) -> &'static str {
        if matches!(self, Self::Debit | Self::DebitReturned) { "sepa_debit" } else { "card" }
    }
}

/// A customer acts on the page of an open session; the session afterwards.
pub fn act(state: &mut State, session: &str, act: Act, email: Option<&str>) -> Answer {
    let session = state.get("checkout.session", session, "session")?;
    if session["status"] != "open" {
        return Err(Refusal::state("", "", "This Checkout Session is no longer open."));
    }
    if !session["payment_method_types"].as_array().is_some_and(|types| types.contains(&json!(act.method()))) {
        return Err(Refusal::invalid("action", format!("This session takes no {}.", act.method())));
    }
    let intent = begin(state, &session, act, email)?;
    let (session, intent) = (id(&session), id(&intent));
    match act {
        Act::Card | Act::ChallengeMet => {
            charge_succeeds(state, &intent);
            complete(state, &session, "paid");
        }
        Act::Decline => {
            charge_fails(state, &intent, "card_declined", Some("generic_decline"), "Your card was declined.")
        }
        Act::Challenge => {
            let action = json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} });
            let fields = json!({ "status": "requires_action", "next_action": action, "last_payment_error": null });
            state.change_and_tell(&intent, fields, "payment_intent.requires_action");
        }
        Act::ChallengeFailed => {
            let message =
                "We are unable to authenticate your payment method. Please choose a different payment method.";
            payment_fails(state, &intent, "payment_intent_authentication_failure", None, message, Value::Null);
        }
        Act::Debit | Act::DebitReturned => {
            let charge = charge(state, &intent, "pending");
            state.put_and_tell(&charge, "charge.pending");
            let fields = json!({ "status": "processing", "latest_charge": id(&charge), "last_payment_error": null });
            state.change_and_tell(&intent, fields, "payment_intent.processing");
            complete(state, &session, "unpaid");
            state.due.push((state.now() + state.settings.sepa_seconds, Due::Settle(intent, act == Act::Debit)));
        }
    }
    state.get("checkout.session", &session, "session")
}

/// The session's intent, made at the first try, with a new payment method.
fn begin(state: &mut State, session: &Value, act: Act, email: Option<&str>) -> Answer {
    let challenged = session["payment_intent"].as_str().and_then(|intent| state.find(intent)).cloned();
    if matches!(act, Act::ChallengeMet | Act::ChallengeFailed) {
        let waiting = challenged.filter(|intent| intent["status"] == "requires_action");
        return waiting.ok_or_else(|| Refusal::invalid("action", "No bank asks anything here."));
    }
    let known = &session["customer_details"]["email"];
    let email = email.map_or_else(|| known.clone(), |email| json!(email));
    if email.is_null() {
        return Err(Refusal::missing("email"));
    }
    state.change(&id(session), json!({ "customer_details": details(&email, &Value::Null) }));
    let method = customers::method(state, act.method(), &email);
    state.put(&method);
    if let Some(intent) = challenged {
        return Ok(state.change(&id(&intent), json!({ "payment_method": id(&method) })));
    }
    let mut intent = state.make("payment_intent", state.intents.get(&id(session)).cloned().unwrap_or_default());
    let secret = format!("{}_secret_{}", id(&intent), uuid::Uuid::new_v4().simple());
    set(
        &mut intent,
        json!({
            "amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"],
            "client_secret": secret, "payment_method_types": session["payment_method_types"],
        }),
    );
    state.put_and_tell(&intent, "payment_intent.created");
    state.change(&id(session), json!({ "payment_intent": id(&intent) }));
    Ok(state.change(&id(&intent), json!({ "payment_method": id(&method) })))
}

/// The session is complete; customers and saved methods come into being.
fn complete(state: &mut State, session: &str, payment_status: &str) {
    let found = state.find(session).cloned().unwrap_or_default();
    let intent = state.find(&text(&found, "payment_intent")).cloned().unwrap_or_default();
    let saves = !intent["setup_future_usage"].is_null();
    let mut customer = found["customer"].clone();
    if customer.is_null() && (saves || found["customer_creation"] == "always") {
        let new = state.make("customer", json!({ "email": found["customer_details"]["email"] }));
        customer = new["id"].clone();
        state.put_and_tell(&new, "customer.created");
        state.change(&id(&intent), json!({ "customer": customer }));
        state.change(&text(&intent, "latest_charge"), json!({ "customer": customer }));
    }
    if saves {
        state.change_and_tell(
            &text(&intent, "payment_method"),
            json!({ "customer": customer }),
            "payment_method.attached",
        );
    }
    let fields = json!({ "status": "complete", "payment_status": payment_status, "customer": customer, "url": null });
    state.change_and_tell(session, fields, "checkout.session.completed");
}

/// A new charge of an intent; the caller keeps it.
fn charge(state: &State, intent: &str, status: &str) -> Value {
    let intent = state.find(intent).cloned().unwrap_or_default();
    let method = state.find(&text(&intent, "payment_method")).cloned().unwrap_or_default();
    let kind = text(&method, "type");
    let mut charge = state.make(
        "charge",
        json!({
            "amount": intent["amount"], "billing_details": method["billing_details"], "currency": intent["currency"],
            "customer": intent["customer"], "description": intent["description"], "metadata": intent["metadata"],
            "payment_intent": intent["id"], "payment_method": method["id"], "receipt_email": intent["receipt_email"],
            "statement_descriptor": intent["statement_descriptor"], "status": status,
        }),
    );
    let details = match &*kind {
        "sepa_debit" => json!({
            "bank_code": "19043", "branch_code": "", "country": "AT", "fingerprint": "bcFf9Zy8YGVMBs0j", "last4": "3201",
            "mandate": null,
        }),
        _ => json!({
            "amount_authorized": intent["amount"], "authorization_code": null, "brand": "visa",
            "checks": method["card"]["checks"], "country": "FR", "exp_month": 8, "exp_year": 2030,
            "fingerprint": method["card"]["fingerprint"], "funding": "credit", "installments": null, "last4": "4242",
            "mandate": null, "network": "visa", "network_token": { "used": false }, "network_transaction_id": null,
            "regulated_status": "unregulated", "three_d_secure": null, "wallet": null,
        }),
    };
    charge["payment_method_details"] = json!({ "type": kind, kind: details });
    charge
}

/// Money comes: the pending charge, or a new one.
pub fn charge_succeeds(state: &mut State, intent: &str) {
    let pending = text(&state.find(intent).cloned().unwrap_or_default(), "latest_charge");
    let pending = state.find(&pending).filter(|charge| charge["status"] == "pending").cloned();
    let mut charge = pending.unwrap_or_else(|| charge(state, intent, "succeeded"));
    let outcome = json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
        "seller_message": "Payment complete.", "type": "authorized",
    });
    let fields = json!({
        "status": "succeeded", "paid": true, "captured": true, "amount_captured": charge["amount"], "outcome": outcome,
        "receipt_url": format!("{}/receipts/{}", state.settings.base, id(&charge)),
    });
    set(&mut charge, fields);
    state.put_and_tell(&charge, "charge.succeeded");
    let fields = json!({
        "status": "succeeded", "amount_received": charge["amount"], "latest_charge": id(&charge), "next_action": null,
        "last_payment_error": null,
    });
    state.change_and_tell(intent, fields, "payment_intent.succeeded");
    state.tell("charge.updated", &charge); // at Stripe, when the fee is known
}

/// The charge is refused; the intent wants another payment method.
pub fn charge_fails(state: &mut State, intent: &str, code: &str, decline: Option<&str>, message: &str) {
    let latest = text(&state.find(intent).cloned().unwrap_or_default(), "latest_charge");
    let pending = state.find(&latest).filter(|charge| charge["status"] == "pending").cloned();
    let mut charge = pending.unwrap_or_else(|| charge(state, intent, "failed"));
    let outcome = json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": "declined_by_network", "reason": decline, "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
    });
    let fields = json!({ "status": "failed", "failure_code": code, "failure_message": message, "outcome": outcome });
    set(&mut charge, fields);
    state.put_and_tell(&charge, "charge.failed");
    state.change(intent, json!({ "latest_charge": id(&charge) }));
    payment_fails(state, intent, code, decline, message, charge["id"].clone());
}

fn payment_fails(state: &mut State, intent: &str, code: &str, decline: Option<&str>, message: &str, charge: Value) {
    let found = state.find(intent).cloned().unwrap_or_default();
    let method = state.find(&text(&found, "payment_method")).cloned().unwrap_or_default();
    let mut error = json!({
        "code": code, "message": message, "payment_method": method,
        "type": if method["type"] == "card" && decline.is_some() { "card_error" } else { "invalid_request_error" },
    });
    if let Some(decline) = decline {
        error["decline_code"] = json!(decline);
    }
    if !charge.is_null() {
        error["charge"] = charge;
    }
    let fields = json!({
        "status": "requires_payment_method", "last_payment_error": error, "next_action": null, "payment_method": null,
    });
    state.change_and_tell(intent, fields, "payment_intent.payment_failed");
}

/// Days later, a direct debit is paid or comes back.
pub fn settle(state: &mut State, intent: &str, paid: bool) {
    if state.find(intent).is_none_or(|found| found["status"] != "processing") {
        return;
    }
    let session = state.all("checkout.session").find(|session| session["payment_intent"] == intent).map(id);
    let (status, event) = if paid {
        charge_succeeds(state, intent);
        ("paid", "checkout.session.async_payment_succeeded")
    } else {
        charge_fails(state, intent, "insufficient_funds", None, "The customer's account has insufficient funds.");
        ("unpaid", "checkout.session.async_payment_failed")
    };
    if let Some(session) = session {
        state.change_and_tell(&session, json!({ "payment_status": status }), event);
    }
}

/// Cancels an intent that is neither paid nor on its way.
pub fn cancel(state: &mut State, intent: &str, reason: &str) -> bool {
    let final_ones = ["succeeded", "canceled", "processing"];
    if state.find(intent).is_none_or(|found| final_ones.contains(&&*text(found, "status"))) {
        return false;
    }
    let fields = json!({
        "status": "canceled", "canceled_at": state.now(), "cancellation_reason": reason, "next_action": null,
    });
    state.change_and_tell(intent, fields, "payment_intent.canceled");
    true
}

/// POST /v1/payment_intents/{id}/cancel
pub fn cancel_now(state: &mut State, form: &Form, intent: &str) -> Answer {
    form.only(&["cancellation_reason"])?;
    let reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
    let reason = form.choice("cancellation_reason", &reasons)?.unwrap_or("requested_by_customer");
    let found = state.get("payment_intent", intent, "intent")?;
    if !cancel(state, intent, reason) {
        let status = text(&found, "status");
        let message = format!("You cannot cancel this PaymentIntent because it has a status of {status}.");
        return Err(Refusal::state("payment_intent_unexpected_state", "", message));
    }
    state.get("payment_intent", intent, "intent")
}

/// POST /v1/payment_intents/{id}: its description and metadata.
pub fn update(state: &mut State, form: &Form, intent: &str) -> Answer {
    form.only(&["description", "metadata", "receipt_email"])?;
    let mut intent = state.get("payment_intent", intent, "intent")?;
    for key in ["description", "receipt_email"] {
        if form.has(key) {
            intent[key] = form.json(key);
        }
    }
    form.metadata(&mut intent["metadata"])?;
    Ok(state.change(&id(&intent), intent))
}

/// A payment without a page, as a subscription makes it; the intent.
pub fn charge_off_session(state: &mut State, customer: &str, amount: i64, currency: &str, paid: bool) -> Value {
    let email = state.find(customer).map(|found| found["email"].clone()).unwrap_or_default();
    let mut method = customers::method(state, "card", &email);
    method["customer"] = json!(customer);
    state.put(&method);
    let mut intent = state.make(
        "payment_intent",
        json!({
            "amount": amount, "currency": currency, "customer": customer, "description": "Subscription update",
            "payment_method_types": ["card"],
        }),
    );
    intent["client_secret"] = json!(format!("{}_secret_{}", id(&intent), uuid::Uuid::new_v4().simple()));
    state.put_and_tell(&intent, "payment_intent.created");
    let intent = id(&intent);
    state.change(&intent, json!({ "payment_method": id(&method) }));
    if paid {
        charge_succeeds(state, &intent);
    } else {
        charge_fails(state, &intent, "card_declined", Some("insufficient_funds"), "Your card has insufficient funds.");
    }
    state.find(&intent).cloned().unwrap_or_default()
}

/// What can still be paid back of a charge.
pub fn remaining(charge: &Value) -> i64 {
    integer(charge, "amount_captured") - integer(charge, "amount_refunded")
}
