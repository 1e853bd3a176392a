//! Disputes: opened and decided by the bank (that is, by `/_fake`), answered by us.

use serde_json::{Value, json};

use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::state::{State, id, integer, text};

/// Banks wait for an answer this long, in seconds.
const TERM: i64 = 7 * 24 * 60 * 60;

/// The customer's bank disputes a charge; as an inquiry, no money moves.
pub fn open(state: &mut State, charge: &str, amount: Option<i64>, reason: &str, inquiry: bool) -> Answer {
    let charge = state.get("charge", charge, "charge")?;
    if charge["status"] != "succeeded" {
        return Err(Refusal::state("", "charge", "Only a successful charge can be disputed."));
    }
    let status = if inquiry { "warning_needs_response" } else { "needs_response" };
    let mut dispute = state.make(
        "dispute",
        json!({
            "amount": amount.unwrap_or_else(|| integer(&charge, "amount")), "charge": id(&charge), "reason": reason,
            "currency": charge["currency"], "payment_intent": charge["payment_intent"], "status": status,
            "is_charge_refundable": inquiry,
        }),
    );
    dispute["evidence_details"]["due_by"] = json!(state.now() + TERM);
    dispute["payment_method_details"]["card"]["case_type"] = json!(if inquiry { "inquiry" } else { "chargeback" });
    state.put_and_tell(&dispute, "charge.dispute.created");
    state.change_and_tell(&id(&charge), json!({ "disputed": true }), "charge.updated");
    if !inquiry {
        dispute = withdrawn(state, &dispute);
    }
    Ok(dispute)
}

/// The disputed money leaves our account.
fn withdrawn(state: &mut State, dispute: &Value) -> Value {
    let moved = movement(state, dispute, -1);
    state.change_and_tell(&id(dispute), json!({ "balance_transactions": [moved] }), "charge.dispute.funds_withdrawn")
}

fn movement(state: &State, dispute: &Value, sign: i64) -> Value {
    let amount = integer(dispute, "amount") * sign;
    json!({
        "id": super::shapes::new_id("txn"), "object": "balance_transaction", "amount": amount, "available_on": state.now(),
        "balance_type": "payments", "created": state.now(), "currency": dispute["currency"], "description": null,
        "exchange_rate": null, "fee": 0, "fee_details": [], "net": amount, "reporting_category": "dispute",
        "source": dispute["id"], "status": "available", "type": "adjustment",
    })
}

/// The bank decides: `won`, `lost` or `warning_closed`.
pub fn decide(state: &mut State, dispute: &str, verdict: &str) -> Answer {
    let found = state.get("dispute", dispute, "dispute")?;
    if over(&found) {
        return Err(Refusal::state("", "", "This dispute is already closed."));
    }
    if !["won", "lost", "warning_closed"].contains(&verdict) {
        return Err(Refusal::invalid("status", "won, lost or warning_closed"));
    }
    if verdict == "won" {
        let mut moved = found["balance_transactions"].as_array().cloned().unwrap_or_default();
        moved.push(movement(state, &found, 1));
        let fields = json!({ "balance_transactions": moved, "status": "won" });
        state.change_and_tell(dispute, fields, "charge.dispute.funds_reinstated");
    }
    Ok(state.change_and_tell(dispute, json!({ "status": verdict }), "charge.dispute.closed"))
}

fn over(dispute: &Value) -> bool {
    ["won", "lost", "warning_closed"].contains(&&*text(dispute, "status"))
}

/// POST /v1/disputes/{id}: evidence, sent to the bank unless `submit` is false.
pub fn update(state: &mut State, form: &Form, dispute: &str) -> Answer {
    form.only(&["evidence", "metadata", "submit"])?;
    let mut dispute = state.get("dispute", dispute, "dispute")?;
    form.metadata(&mut dispute["metadata"])?;
    if form.has("evidence") {
        if over(&dispute) {
            return Err(Refusal::state("", "evidence", "This dispute is already closed."));
        }
        let evidence = form.part("evidence");
        for key in evidence.value().as_object().into_iter().flat_map(serde_json::Map::keys) {
            if dispute["evidence"].get(key).is_none() {
                let name = evidence.name(key);
                return Err(Refusal::invalid(&name, format!("Received unknown parameter: {name}")));
            }
            dispute["evidence"][key] = evidence.json(key);
        }
        dispute["evidence_details"]["has_evidence"] = json!(true);
        if form.flag("submit")?.unwrap_or(true) {
            let count = integer(&dispute["evidence_details"], "submission_count") + 1;
            dispute["evidence_details"]["submission_count"] = json!(count);
            dispute["evidence_details"]["submission_method"] = json!("manual");
            let inquiry = text(&dispute, "status").starts_with("warning");
            dispute["status"] = json!(if inquiry { "warning_under_review" } else { "under_review" });
        }
    }
    Ok(state.change_and_tell(&id(&dispute), dispute, "charge.dispute.updated"))
}

/// POST /v1/disputes/{id}/close: we give in.
pub fn close(state: &mut State, dispute: &str) -> Answer {
    decide(state, dispute, "lost")
}
