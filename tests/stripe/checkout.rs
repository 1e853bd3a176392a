//! Checkout sessions: made, shown, paid on a page of ours (page.rs), expired.

use serde_json::{Value, json};

use super::catalogue;
use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::state::{Due, State, id, integer, text};

/// A session lives between these, in seconds.
const LIFE: std::ops::RangeInclusive<i64> = 30 * 60..=24 * 60 * 60;

const PARAMS: [&str; 31] = [
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "currency",
    "custom_fields",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_options",
    "phone_number_collection",
    "saved_payment_method_options",
    "submit_type",
    "success_url",
    "tax_id_collection",
    "ui_mode",
];

/// POST /v1/checkout/sessions
pub fn create(state: &mut State, form: &Form) -> Answer {
    form.only(&PARAMS)?;
    if form.choice("mode", &["payment", "setup", "subscription"])? != Some("payment") {
        return Err(Refusal::invalid("mode", "The fake has sessions of mode `payment` only."));
    }
    let success_url = form.needed("success_url")?;
    if form.has("customer") && form.has("customer_email") {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(Refusal::invalid("customer_email", message));
    }
    let customer = form.text("customer").map(|customer| state.get("customer", customer, "customer")).transpose()?;
    let (lines, made) = lines(state, form)?;
    let currency = text(&lines[0], "currency");
    let amount: i64 = lines.iter().map(|line| integer(line, "amount_total")).sum();
    if lines.iter().any(|line| line["currency"] != currency) {
        return Err(Refusal::invalid("line_items", "All line items must have the same currency."));
    }
    if amount < 50 && ["eur", "usd"].contains(&&*currency) {
        let message = "The Checkout Session's total amount must convert to at least 50 cents.";
        return Err(Refusal::invalid("", message).with_code("amount_too_small"));
    }
    let intent = intent(form)?;
    let expires_at = expiry(state, form)?;
    // Named `payment_method_types` before 2026-09-30.endive; the session still says it so.
    let types = if form.has("allowed_payment_method_types") {
        form.texts("allowed_payment_method_types")
    } else if currency == "eur" {
        vec!["card".to_owned(), "sepa_debit".to_owned()]
    } else {
        vec!["card".to_owned()]
    };
    let email = customer.as_ref().map_or(form.json("customer_email"), |customer| customer["email"].clone());
    let mut session = state.make(
        "checkout.session",
        json!({
            "amount_subtotal": amount, "amount_total": amount, "currency": currency, "customer": form.json("customer"),
            "customer_email": form.json("customer_email"), "client_reference_id": form.json("client_reference_id"),
            "success_url": success_url, "cancel_url": form.json("cancel_url"), "locale": form.json("locale"),
            "expires_at": expires_at, "payment_method_types": types,
        }),
    );
    if !email.is_null() {
        session["customer_details"] = details(&email, &Value::Null);
    }
    if customer.is_none() {
        let choice = form.choice("customer_creation", &["always", "if_required"])?.unwrap_or("if_required");
        session["customer_creation"] = json!(choice);
    } else {
        session["customer_creation"] = Value::Null;
    }
    session["url"] = json!(format!("{}/c/pay/{}", state.settings.base, id(&session)));
    form.metadata(&mut session["metadata"])?;
    for (object, event) in made {
        state.put_and_tell(&object, event);
    }
    state.lines.insert(id(&session), lines);
    state.intents.insert(id(&session), intent);
    state.due.push((expires_at, Due::Expire(id(&session))));
    state.put(&session); // Stripe tells of no new session
    Ok(session)
}

/// An object that was made, and the event that tells of it.
type Made = (Value, &'static str);

/// The lines, and the products and prices that they make.
fn lines(state: &State, form: &Form) -> Result<(Vec<Value>, Vec<Made>), Refusal> {
    let (mut lines, mut made) = (Vec::new(), Vec::new());
    for item in form.parts("line_items") {
        item.only(&["adjustable_quantity", "metadata", "price", "price_data", "quantity", "tax_rates"])?;
        let quantity = item.integer("quantity")?.ok_or_else(|| Refusal::missing(&item.name("quantity")))?;
        if quantity < 1 {
            return Err(Refusal::invalid(&item.name("quantity"), "This value must be greater than or equal to 1."));
        }
        let (price, product) = if let Some(price) = item.text("price") {
            let price = state.get("price", price, &item.name("price"))?;
            let product = state.get("product", &text(&price, "product"), &item.name("price"))?;
            if price["active"] == false {
                let message = format!("The price specified is inactive: {}.", id(&price));
                return Err(Refusal::invalid(&item.name("price"), message));
            }
            (price, product)
        } else if item.has("price_data") {
            let data = item.part("price_data");
            data.only(&[
                "currency",
                "product",
                "product_data",
                "recurring",
                "tax_behavior",
                "unit_amount",
                "unit_amount_decimal",
            ])?;
            let (product, new) = catalogue::product_of(state, &data)?;
            let price = catalogue::price(state, &data, &id(&product), false)?;
            if new {
                made.push((product.clone(), "product.created"));
            }
            made.push((price.clone(), "price.created"));
            (price, product)
        } else {
            return Err(Refusal::missing(&item.name("price")));
        };
        let amount = integer(&price, "unit_amount").checked_mul(quantity).unwrap_or(i64::MAX);
        catalogue::check_amount(amount, &text(&price, "currency"), "line_items")?;
        lines.push(state.make(
            "item",
            json!({
                "amount_subtotal": amount, "amount_total": amount, "currency": price["currency"], "quantity": quantity,
                "description": product["name"], "price": price,
            }),
        ));
    }
    if lines.is_empty() { Err(Refusal::missing("line_items")) } else { Ok((lines, made)) }
}

/// What the payment intent will get. The session's own metadata is not among it, as at Stripe.
fn intent(form: &Form) -> Answer {
    let data = form.part("payment_intent_data");
    data.only(&[
        "capture_method",
        "description",
        "metadata",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
    ])?;
    let mut metadata = json!({});
    data.metadata(&mut metadata)?;
    Ok(json!({
        "description": data.json("description"), "metadata": metadata, "receipt_email": data.json("receipt_email"),
        "setup_future_usage": data.choice("setup_future_usage", &["off_session", "on_session"])?,
        "statement_descriptor": data.json("statement_descriptor"),
        "statement_descriptor_suffix": data.json("statement_descriptor_suffix"),
    }))
}

fn expiry(state: &State, form: &Form) -> Result<i64, Refusal> {
    let Some(at) = form.integer("expires_at")? else { return Ok(state.now() + LIFE.end()) };
    // A second of grace for the clocks.
    if (LIFE.start() - 1..=LIFE.end() + 1).contains(&(at - state.now())) {
        return Ok(at);
    }
    let message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
    Err(Refusal::invalid("expires_at", message))
}

/// `customer_details` of a session.
pub fn details(email: &Value, name: &Value) -> Value {
    json!({
        "address": null, "business_name": null, "email": email, "individual_name": null, "name": name, "phone": null,
        "tax_exempt": "none", "tax_ids": [],
    })
}

/// POST /v1/checkout/sessions/{id}
pub fn update(state: &mut State, form: &Form, session: &str) -> Answer {
    form.only(&["metadata"])?;
    let mut session = state.get("checkout.session", session, "session")?;
    form.metadata(&mut session["metadata"])?;
    Ok(state.change(&id(&session), session))
}

/// POST /v1/checkout/sessions/{id}/expire
pub fn expire_now(state: &mut State, session: &str) -> Answer {
    let session = state.get("checkout.session", session, "session")?;
    if session["status"] != "open" {
        let message = "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status \
                       of ";
        return Err(Refusal::state("", "", format!("{message}`{}`.", text(&session, "status"))));
    }
    expire(state, &id(&session));
    state.get("checkout.session", &id(&session), "session")
}

/// An open session ends, and the payment that was begun in it.
pub fn expire(state: &mut State, session: &str) {
    let Some(found) = state.find(session).filter(|found| found["status"] == "open").cloned() else { return };
    if let Some(intent) = found["payment_intent"].as_str() {
        super::payments::cancel(state, intent, "expired");
    }
    state.change_and_tell(session, json!({ "status": "expired", "url": null }), "checkout.session.expired");
}

/// GET /v1/checkout/sessions/{id}/line_items
pub fn line_items(state: &State, form: &Form, session: &str) -> Answer {
    let session = state.get("checkout.session", session, "session")?;
    let lines = state.lines.get(&id(&session)).map_or(&[][..], Vec::as_slice);
    super::lists::page(form, lines.iter(), &format!("/v1/checkout/sessions/{}/line_items", id(&session)))
}
