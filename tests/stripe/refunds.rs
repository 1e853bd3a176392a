//! Refunds: never more than what remains, at once for cards, later for direct debits, and some fail after days.

use serde_json::{Value, json};

use super::form::Form;
use super::payments::remaining;
use super::refusal::{Answer, Refusal};
use super::shapes::readable;
use super::state::{Due, State, id, integer, text};

/// A refund of a direct debit takes this long, in seconds.
const LATER: i64 = 3 * 24 * 60 * 60;

/// POST /v1/refunds
pub fn create(state: &mut State, form: &Form) -> Answer {
    form.only(&[
        "amount",
        "charge",
        "currency",
        "customer",
        "instructions_email",
        "metadata",
        "origin",
        "payment_intent",
        "reason",
        "refund_application_fee",
        "reverse_transfer",
    ])?;
    let charge = charge_of(state, form)?;
    let reason = form.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let asked = form.integer("amount")?;
    if asked.is_some_and(|amount| amount < 1) {
        return Err(Refusal::invalid("amount", "This value must be greater than or equal to 1.")
            .with_code("parameter_invalid_integer"));
    }
    let (charge_id, rest) = (id(&charge), remaining(&charge));
    if charged_back(state, &charge_id) {
        let message = format!("Charge {charge_id} has been charged back; cannot issue a refund.");
        return Err(Refusal::state("charge_disputed", "", message));
    }
    if rest <= 0 {
        let message = format!("Charge {charge_id} has already been refunded.");
        return Err(Refusal::state("charge_already_refunded", "", message));
    }
    let amount = asked.unwrap_or(rest);
    if amount > rest {
        let currency = text(&charge, "currency");
        let of = if rest == integer(&charge, "amount") { "charge amount" } else { "unrefunded amount on charge" };
        let (asked, rest) = (readable(amount, &currency, '.'), readable(rest, &currency, '.'));
        return Err(Refusal::state("", "amount", format!("Refund amount ({asked}) is greater than {of} ({rest})")));
    }
    let debit = charge["payment_method_details"]["type"] == "sepa_debit";
    let status = match &*state.settings.refunds {
        "succeed" if debit => "pending",
        "succeed" => "succeeded",
        "pending" => "pending",
        _ => "failed",
    };
    let mut refund = state.make("refund", json!({
        "amount": amount, "charge": charge_id, "currency": charge["currency"], "payment_intent": charge["payment_intent"],
        "reason": reason, "status": status,
        "destination_details": if debit { json!({ "type": "sepa_bank_transfer", "sepa_bank_transfer": {} }) }
            else { json!({ "type": "card", "card": { "type": "refund" } }) },
    }));
    form.metadata(&mut refund["metadata"])?;
    if status == "failed" {
        refund["failure_reason"] = json!("unknown");
        state.put_and_tell(&refund, "refund.created");
        state.tell("refund.failed", &refund);
        return Ok(refund);
    }
    state.put_and_tell(&refund, "refund.created");
    let total = integer(&charge, "amount_refunded") + amount;
    settle_charge(state, &charge_id, total, "charge.refunded");
    if status == "pending" && debit {
        state.due.push((state.now() + LATER, Due::Refund(id(&refund))));
    }
    Ok(refund)
}

/// The successful charge that a refund names.
fn charge_of(state: &State, form: &Form) -> Answer {
    match (form.text("charge"), form.text("payment_intent")) {
        (Some(charge), _) => {
            let charge = state.get("charge", charge, "charge")?;
            if charge["status"] == "succeeded" {
                return Ok(charge);
            }
            let message = format!("Charge {} is not successful; it cannot be refunded.", id(&charge));
            Err(Refusal::state("", "charge", message))
        }
        (None, Some(intent)) => {
            let intent = state.get("payment_intent", intent, "payment_intent")?;
            let charge = state.find(&text(&intent, "latest_charge")).filter(|charge| charge["status"] == "succeeded");
            charge.cloned().ok_or_else(|| {
                let message =
                    format!("This PaymentIntent ({}) does not have a successful charge to refund.", id(&intent));
                Refusal::state("", "payment_intent", message)
            })
        }
        _ => Err(Refusal::invalid(
            "",
            "One of the following params should be provided for this request: payment_intent or \
             charge.",
        )),
    }
}

/// Is the money at the bank, because of a dispute that is not won?
fn charged_back(state: &State, charge: &str) -> bool {
    let back = |status: String| !status.starts_with("warning") && status != "won";
    state.all("dispute").any(|dispute| dispute["charge"] == charge && back(text(dispute, "status")))
}

fn settle_charge(state: &mut State, charge: &str, refunded: i64, event: &str) {
    let whole = state.find(charge).is_some_and(|found| integer(found, "amount_captured") == refunded);
    state.change_and_tell(charge, json!({ "amount_refunded": refunded, "refunded": whole }), event);
}

/// POST /v1/refunds/{id}
pub fn update(state: &mut State, form: &Form, refund: &str) -> Answer {
    form.only(&["metadata"])?;
    let mut refund = state.get("refund", refund, "refund")?;
    form.metadata(&mut refund["metadata"])?;
    Ok(state.change_and_tell(&id(&refund), refund, "refund.updated"))
}

/// A pending refund reached the customer.
pub fn arrive(state: &mut State, refund: &str) {
    if state.find(refund).is_some_and(|found| found["status"] == "pending") {
        let refund = state.change_and_tell(refund, json!({ "status": "succeeded" }), "refund.updated");
        state.tell("charge.refund.updated", &refund);
    }
}

/// The bank sends a refund back: the money is ours again.
pub fn fail(state: &mut State, refund: &str, reason: &str) -> Answer {
    let found = state.get("refund", refund, "refund")?;
    if !["succeeded", "pending"].contains(&&*text(&found, "status")) {
        return Err(Refusal::state("", "", format!("This refund is {}.", text(&found, "status"))));
    }
    let fields = json!({ "status": "failed", "failure_reason": reason });
    let failed = state.change_and_tell(refund, fields, "refund.updated");
    state.tell("refund.failed", &failed);
    state.tell("charge.refund.updated", &failed);
    let charge = text(&found, "charge");
    let total = state.find(&charge).map_or(0, |charge| integer(charge, "amount_refunded")) - integer(&found, "amount");
    settle_charge(state, &charge, total, "charge.updated");
    Ok(failed)
}

/// GET /v1/charges/{id}/refunds
pub fn of_charge(state: &State, form: &Form, charge: &str) -> Answer {
    let charge = state.get("charge", charge, "charge")?;
    let own = |refund: &&Value| refund["charge"] == charge["id"];
    super::lists::page(form, state.all("refund").filter(own), &format!("/v1/charges/{}/refunds", id(&charge)))
}
