//! Products and prices.

use serde_json::{Value, json};

use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::shapes::decimals;
use super::state::{State, id};

/// POST /v1/products
pub fn create_product(state: &mut State, form: &Form) -> Answer {
    form.only(&[
        "id",
        "active",
        "default_price_data",
        "description",
        "images",
        "metadata",
        "name",
        "shippable",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "url",
    ])?;
    let name = form.needed("name")?;
    let mut product = state.make("product", json!({ "name": name, "updated": state.now() }));
    if let Some(chosen) = form.text("id") {
        if state.find(chosen).is_some() {
            return Err(Refusal::state("resource_already_exists", "id", "Product already exists."));
        }
        product["id"] = json!(chosen);
    }
    fill_product(form, &mut product)?;
    if form.has("default_price_data") {
        let part = form.part("default_price_data");
        part.only(&["currency", "unit_amount", "unit_amount_decimal", "recurring", "tax_behavior", "metadata"])?;
        let price = price(state, &part, &id(&product), true)?;
        product["default_price"] = price["id"].clone();
        state.put_and_tell(&product, "product.created");
        state.put_and_tell(&price, "price.created");
        return Ok(product);
    }
    state.put_and_tell(&product, "product.created");
    Ok(product)
}

/// POST /v1/products/{id}
pub fn update_product(state: &mut State, form: &Form, product: &str) -> Answer {
    form.only(&[
        "active",
        "default_price",
        "description",
        "images",
        "metadata",
        "name",
        "shippable",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "url",
    ])?;
    let mut product = state.get("product", product, "id")?;
    if let Some(price) = form.text("default_price") {
        product["default_price"] = state.get("price", price, "default_price")?["id"].clone();
    }
    if let Some(name) = form.text("name") {
        product["name"] = json!(name);
    }
    fill_product(form, &mut product)?;
    product["updated"] = json!(state.now());
    Ok(state.change_and_tell(&id(&product), product, "product.updated"))
}

fn fill_product(form: &Form, product: &mut Value) -> Result<(), Refusal> {
    form.metadata(&mut product["metadata"])?;
    for key in ["description", "statement_descriptor", "tax_code", "unit_label", "url"] {
        if form.has(key) {
            product[key] = form.json(key);
        }
    }
    if form.has("images") {
        product["images"] = json!(form.texts("images"));
    }
    for key in ["active", "shippable"] {
        if let Some(flag) = form.flag(key)? {
            product[key] = json!(flag);
        }
    }
    Ok(())
}

/// DELETE /v1/products/{id}: only without prices.
pub fn delete_product(state: &mut State, product: &str) -> Answer {
    let product = state.get("product", product, "id")?;
    if state.all("price").any(|price| price["product"] == product["id"]) {
        let message = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(Refusal::state("", "", message));
    }
    state.remove(&id(&product));
    state.tell("product.deleted", &product);
    Ok(json!({ "id": product["id"], "object": "product", "deleted": true }))
}

/// POST /v1/prices
pub fn create_price(state: &mut State, form: &Form) -> Answer {
    form.only(&[
        "active",
        "billing_scheme",
        "currency",
        "lookup_key",
        "metadata",
        "nickname",
        "product",
        "product_data",
        "recurring",
        "tax_behavior",
        "transfer_lookup_key",
        "unit_amount",
        "unit_amount_decimal",
    ])?;
    let (product, new) = product_of(state, form)?;
    let mut price = price(state, form, &id(&product), true)?;
    price["active"] = json!(form.flag("active")?.unwrap_or(true));
    price["nickname"] = form.json("nickname");
    price["lookup_key"] = form.json("lookup_key");
    if new {
        state.put_and_tell(&product, "product.created");
    }
    state.put_and_tell(&price, "price.created");
    Ok(price)
}

/// POST /v1/prices/{id}: an amount never changes.
pub fn update_price(state: &mut State, form: &Form, price: &str) -> Answer {
    form.only(&["active", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key"])?;
    let mut price = state.get("price", price, "price")?;
    form.metadata(&mut price["metadata"])?;
    for key in ["lookup_key", "nickname", "tax_behavior"] {
        if form.has(key) {
            price[key] = form.json(key);
        }
    }
    if let Some(active) = form.flag("active")? {
        let default = state.all("product").any(|product| product["default_price"] == price["id"]);
        if default && !active {
            let message = "This price cannot be archived because it is the default price of its product.";
            return Err(Refusal::state("", "", message));
        }
        price["active"] = json!(active);
    }
    Ok(state.change_and_tell(&id(&price), price, "price.updated"))
}

/// The product a price is for: named, or a new one that the caller keeps.
pub fn product_of(state: &State, form: &Form) -> Result<(Value, bool), Refusal> {
    if let Some(product) = form.text("product") {
        return Ok((state.get("product", product, &form.name("product"))?, false));
    }
    if !form.has("product_data") {
        return Err(Refusal::missing(&form.name("product")));
    }
    let data = form.part("product_data");
    data.only(&[
        "active",
        "description",
        "id",
        "images",
        "metadata",
        "name",
        "statement_descriptor",
        "tax_code",
        "tax_details",
        "unit_label",
    ])?;
    let mut product = state.make("product", json!({ "name": data.needed("name")?, "updated": state.now() }));
    fill_product(&data, &mut product)?;
    Ok((product, true))
}

/// A price from `currency`, `unit_amount`, `recurring`; the caller keeps it.
pub fn price(state: &State, form: &Form, product: &str, active: bool) -> Answer {
    let currency = form.currency("currency")?.ok_or_else(|| Refusal::missing(&form.name("currency")))?;
    let amount = match (form.integer("unit_amount")?, form.text("unit_amount_decimal")) {
        (Some(amount), _) => amount,
        (None, Some(text)) => text.parse().map_err(|_| {
            let name = form.name("unit_amount_decimal");
            Refusal::invalid(&name, "The fake has no fractions of minor units.")
        })?,
        (None, None) => return Err(Refusal::missing(&form.name("unit_amount"))),
    };
    check_amount(amount, &currency, &form.name("unit_amount"))?;
    let mut price = state.make(
        "price",
        json!({
            "active": active, "currency": currency, "product": product, "unit_amount": amount,
            "unit_amount_decimal": amount.to_string(),
        }),
    );
    if form.has("recurring") {
        let recurring = form.part("recurring");
        recurring.needed("interval")?;
        let interval = recurring.choice("interval", &["day", "week", "month", "year"])?;
        price["type"] = json!("recurring");
        price["recurring"] = json!({
            "interval": interval, "interval_count": recurring.integer("interval_count")?.unwrap_or(1), "meter": null,
            "trial_period_days": null, "usage_type": "licensed",
        });
    }
    if let Some(behaviour) = form.choice("tax_behavior", &["exclusive", "inclusive", "unspecified"])? {
        price["tax_behavior"] = json!(behaviour);
    }
    form.metadata(&mut price["metadata"])?;
    Ok(price)
}

/// Not negative, not above eight digits, and with three decimals the last one is 0.
pub fn check_amount(amount: i64, currency: &str, param: &str) -> Result<(), Refusal> {
    if amount < 0 {
        return Err(Refusal::invalid(param, "Invalid non-negative integer").with_code("parameter_invalid_integer"));
    }
    if amount > 99_999_999 {
        let message = "Amount must be no more than 999,999.99 (or the same number of digits).";
        return Err(Refusal::invalid(param, message).with_code("amount_too_large"));
    }
    if decimals(currency) == 3 && amount % 10 != 0 {
        let currency = currency.to_uppercase();
        return Err(Refusal::invalid(param, format!("Amounts in {currency} must end with 0.")));
    }
    Ok(())
}
