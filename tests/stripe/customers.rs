//! Customers and their payment methods.

use serde_json::{Value, json};

use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::state::{State, id, text};

const PARAMS: [&str; 12] = [
    "address",
    "balance",
    "description",
    "email",
    "invoice_prefix",
    "invoice_settings",
    "metadata",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
];

/// POST /v1/customers
pub fn create(state: &mut State, form: &Form) -> Answer {
    form.only(&[&PARAMS[..], &["payment_method"]].concat())?;
    let prefix = uuid::Uuid::new_v4().simple().to_string()[..8].to_uppercase();
    let mut customer = state.make("customer", json!({ "invoice_prefix": prefix }));
    fill(state, form, &mut customer)?;
    state.put_and_tell(&customer, "customer.created");
    Ok(customer)
}

/// POST /v1/customers/{id}
pub fn update(state: &mut State, form: &Form, customer: &str) -> Answer {
    form.only(&PARAMS)?;
    let mut customer = state.get("customer", customer, "id")?;
    fill(state, form, &mut customer)?;
    Ok(state.change_and_tell(&id(&customer), customer, "customer.updated"))
}

fn fill(state: &State, form: &Form, customer: &mut Value) -> Result<(), Refusal> {
    form.metadata(&mut customer["metadata"])?;
    for key in ["description", "email", "name", "phone"] {
        if form.has(key) {
            customer[key] = form.json(key);
        }
    }
    if let Some(email) = form.text("email").filter(|email| !email.contains('@')) {
        return Err(Refusal::invalid("email", format!("Invalid email address: {email}")).with_code("email_invalid"));
    }
    if form.has("address") {
        customer["address"] = address(&form.part("address"));
    }
    if form.has("preferred_locales") {
        customer["preferred_locales"] = json!(form.texts("preferred_locales"));
    }
    if let Some(exempt) = form.choice("tax_exempt", &["none", "exempt", "reverse"])? {
        customer["tax_exempt"] = json!(exempt);
    }
    let settings = form.part("invoice_settings");
    if settings.has("default_payment_method") {
        if let Some(method) = settings.text("default_payment_method") {
            let method = state.get("payment_method", method, "invoice_settings[default_payment_method]")?;
            if method["customer"] != customer["id"] {
                let message =
                    "The customer does not have a payment method with this ID. The payment method must be attached.";
                return Err(Refusal::invalid("invoice_settings[default_payment_method]", message));
            }
        }
        customer["invoice_settings"]["default_payment_method"] = settings.json("default_payment_method");
    }
    Ok(())
}

/// An address, all of whose fields are there.
fn address(form: &Form) -> Value {
    let fields = ["city", "country", "line1", "line2", "postal_code", "state"];
    Value::Object(fields.into_iter().map(|field| (field.to_owned(), form.json(field))).collect())
}

/// DELETE /v1/customers/{id}
pub fn delete(state: &mut State, customer: &str) -> Answer {
    let customer = state.get("customer", customer, "id")?;
    state.remove(&id(&customer));
    state.tell("customer.deleted", &customer);
    Ok(json!({ "id": customer["id"], "object": "customer", "deleted": true }))
}

/// A new payment method: `card` or `sepa_debit`. The caller keeps it.
pub fn method(state: &State, kind: &str, email: &Value) -> Value {
    let mut method = state.make("payment_method", json!({ "type": kind }));
    method["billing_details"]["email"] = email.clone();
    if kind == "sepa_debit" {
        method.as_object_mut().expect("a shape").remove("card");
        method["sepa_debit"] = json!({
            "bank_code": "19043", "branch_code": "", "country": "AT", "fingerprint": "bcFf9Zy8YGVMBs0j", "last4": "3201",
            "generated_from": { "charge": null, "setup_attempt": null },
        });
    }
    method
}

/// POST /v1/payment_methods
pub fn create_method(state: &mut State, form: &Form) -> Answer {
    form.only(&["type", "card", "sepa_debit", "billing_details", "metadata", "allow_redisplay"])?;
    form.needed("type")?;
    let kind = form.choice("type", &["card", "sepa_debit"])?.unwrap_or_default();
    let mut method = method(state, kind, &form.part("billing_details").json("email"));
    method["billing_details"]["name"] = form.part("billing_details").json("name");
    form.metadata(&mut method["metadata"])?;
    state.put(&method);
    Ok(method)
}

/// POST /v1/payment_methods/{id}/attach; `pm_card_visa` makes a card, as in Stripe's sandbox.
pub fn attach(state: &mut State, form: &Form, method: &str) -> Answer {
    form.only(&["customer"])?;
    let customer = id(&state.get("customer", form.needed("customer")?, "customer")?);
    let method = match method {
        "pm_card_visa" => self::method(state, "card", &Value::Null),
        id => state.get("payment_method", id, "payment_method")?,
    };
    if !method["customer"].is_null() && method["customer"] != customer {
        let message = "The payment method you provided has already been attached to a customer.";
        return Err(Refusal::state("", "payment_method", message));
    }
    state.put(&method);
    Ok(state.change_and_tell(&id(&method), json!({ "customer": customer }), "payment_method.attached"))
}

/// POST /v1/payment_methods/{id}/detach
pub fn detach(state: &mut State, method: &str) -> Answer {
    let method = state.get("payment_method", method, "payment_method")?;
    if method["customer"].is_null() {
        let message = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(Refusal::state("", "", message));
    }
    let customer = text(&method, "customer");
    let default = |found: &Value| found["invoice_settings"]["default_payment_method"] == method["id"];
    if let Some(mut owner) = state.find(&customer).filter(|found| default(found)).cloned() {
        owner["invoice_settings"]["default_payment_method"] = Value::Null;
        state.change_and_tell(&customer, owner, "customer.updated");
    }
    Ok(state.change_and_tell(&id(&method), json!({ "customer": null }), "payment_method.detached"))
}
