//! The part of Stripe's API that the fake has: method and path to the function that answers.

use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::state::State;
use super::{billing, catalogue, checkout, customers, disputes, lists, payments, refunds};

/// Kinds that are read by `GET /v1/<name>/{id}` and `GET /v1/<name>`: the name, the kind, the list's filters.
const READABLE: [(&str, &str, &[&str]); 13] = [
    ("charges", "charge", &["customer", "payment_intent"]),
    ("customers", "customer", &["email"]),
    ("disputes", "dispute", &["charge", "payment_intent"]),
    ("invoice_payments", "invoice_payment", &["invoice", "status"]),
    ("invoices", "invoice", &["customer", "status"]),
    ("payment_intents", "payment_intent", &["customer"]),
    ("payment_methods", "payment_method", &["customer", "type"]),
    ("prices", "price", &["active", "currency", "product", "type"]),
    ("products", "product", &["active", "url"]),
    ("refunds", "refund", &["charge", "payment_intent"]),
    ("checkout.sessions", "checkout.session", &["client_reference_id", "customer", "payment_intent", "status"]),
    ("subscriptions", "subscription", &["customer", "status"]),
    ("events", "event", &[]),
];

/// Answers a call of `/v1`.
pub fn answer(state: &mut State, method: &str, path: &str, form: &Form) -> Answer {
    let flat = path.replace("/checkout/sessions", "/checkout.sessions");
    let segments: Vec<&str> = flat.trim_start_matches("/v1/").trim_end_matches('/').split('/').collect();
    let mut answer = match method {
        "GET" => read(state, &segments, form),
        "POST" => write(state, &segments, form),
        "DELETE" => delete(state, &segments),
        _ => None,
    }
    .unwrap_or_else(|| Err(Refusal::no_route(method, path)))?;
    lists::expand(state, form, &mut answer)?;
    Ok(answer)
}

fn read(state: &State, segments: &[&str], form: &Form) -> Option<Answer> {
    let readable = |name: &str| READABLE.iter().find(|(known, ..)| *known == name);
    Some(match *segments {
        ["checkout.sessions", id, "line_items"] => checkout::line_items(state, form, id),
        ["charges", id, "refunds"] => refunds::of_charge(state, form, id),
        ["customers", customer, "payment_methods"] => {
            let own = state.all("payment_method").filter(|method| method["customer"] == customer);
            let typed = own.filter(|method| form.text("type").is_none_or(|wanted| method["type"] == wanted));
            lists::page(form, typed, &format!("/v1/customers/{customer}/payment_methods"))
        }
        ["customers", customer, "payment_methods", id] => {
            let found = state.get("payment_method", id, "payment_method");
            found.and_then(|method| match method["customer"] == customer {
                true => Ok(method),
                false => Err(Refusal::no_such("payment_method", id, "payment_method")),
            })
        }
        ["events"] => events(state, form),
        [name, id] => state.get(readable(name)?.1, id, "id"),
        [name] => {
            let (_, kind, filters) = readable(name)?;
            lists::list(state, form, kind, &format!("/v1/{}", name.replace('.', "/")), filters)
        }
        _ => return None,
    })
}

/// GET /v1/events: of 30 days, by `type` or `types[]`, by whether the webhook took them.
fn events(state: &State, form: &Form) -> Answer {
    form.only(&["created", "delivery_success", "ending_before", "limit", "starting_after", "type", "types"])?;
    let types = form.texts("types");
    if types.len() > 20 || (!types.is_empty() && form.has("type")) {
        return Err(Refusal::invalid("types", "At most 20 types, and not together with `type`."));
    }
    let delivered = form.flag("delivery_success")?;
    let named =
        |wanted: &str, kind: &str| wanted.strip_suffix('*').map_or(wanted == kind, |start| kind.starts_with(start));
    let oldest = state.now() - 30 * 24 * 60 * 60;
    let events = state.all("event").filter(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        event["created"].as_i64().is_some_and(|at| at >= oldest)
            && form.text("type").is_none_or(|wanted| named(wanted, kind))
            && (types.is_empty() || types.iter().any(|wanted| named(wanted, kind)))
            && delivered.is_none_or(|wanted| (event["pending_webhooks"] == 0) == wanted)
    });
    lists::page(form, events, "/v1/events")
}

fn write(state: &mut State, segments: &[&str], form: &Form) -> Option<Answer> {
    Some(match *segments {
        ["customers"] => customers::create(state, form),
        ["customers", id] => customers::update(state, form, id),
        ["payment_methods"] => customers::create_method(state, form),
        ["payment_methods", id, "attach"] => customers::attach(state, form, id),
        ["payment_methods", id, "detach"] => customers::detach(state, id),
        ["products"] => catalogue::create_product(state, form),
        ["products", id] => catalogue::update_product(state, form, id),
        ["prices"] => catalogue::create_price(state, form),
        ["prices", id] => catalogue::update_price(state, form, id),
        ["checkout.sessions"] => checkout::create(state, form),
        ["checkout.sessions", id] => checkout::update(state, form, id),
        ["checkout.sessions", id, "expire"] => checkout::expire_now(state, id),
        ["payment_intents", id] => payments::update(state, form, id),
        ["payment_intents", id, "cancel"] => payments::cancel_now(state, form, id),
        ["refunds"] => refunds::create(state, form),
        ["refunds", id] => refunds::update(state, form, id),
        ["disputes", id] => disputes::update(state, form, id),
        ["disputes", id, "close"] => disputes::close(state, id),
        _ => return None,
    })
}

fn delete(state: &mut State, segments: &[&str]) -> Option<Answer> {
    Some(match *segments {
        ["customers", id] => customers::delete(state, id),
        ["products", id] => catalogue::delete_product(state, id),
        ["subscriptions", id] => billing::cancel(state, id),
        _ => return None,
    })
}
