//! `/_fake/…`: what tests and the demonstration order, in JSON.

use axum::extract::{Path, State as Part};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::deliveries::Plan;
use super::faults::Fault;
use super::payments::{self, Act};
use super::refusal::{Answer, Refusal};
use super::state::{State, id, text};
use super::{Shared, Webhook, billing, courier, disputes, refunds, server};

const HELP: &str = "\
The fake Stripe's control. Bodies are JSON; what is left out has its default.

POST /_fake/webhook                     {url, secrets[], events[] (*), signed_at}   where events go
GET  /_fake/deliveries                  what was sent, how often, what was answered
POST /_fake/deliveries                  {hold, duplicates, delay_ms, shuffle_ms, seed, drop[], retry_ms}   from now on
POST /_fake/deliveries/release          {seed, duplicates, parallel}   sends what is held, in its order or shuffled
POST /_fake/deliver                     {events[], parallel}   sends these events now, in this order, once
GET  /_fake/faults, DELETE, POST        {method, path, times, how: limit|error|gateway|lost|hang|slow, done, retry_after, ms}
POST /_fake/advance                     {seconds}   sessions expire, direct debits settle
POST /_fake/clock                       {}   the clock is right again
POST /_fake/settings                    {sepa_seconds, refunds: succeed|pending|failed}
POST /_fake/sessions/{id}/act           {action: card|card_declined|card_3ds|3ds_succeed|3ds_fail|sepa_debit|sepa_debit_fails, email}
POST /_fake/disputes                    {charge, amount, reason, inquiry}
POST /_fake/disputes/{id}/close         {status: won|lost|warning_closed}
POST /_fake/refunds/{id}/fail           {reason}
POST /_fake/refunds/{id}/arrive         {}   a pending refund succeeds
POST /_fake/subscriptions               {customer, price, metadata}
POST /_fake/subscriptions/{id}/cycle    {paid}   the next period and its invoice
POST /_fake/objects/{id}                {set: {…}, event}   changes fields as no call can, and tells of it
POST /_fake/emit                        {type, object: id or {…}}   any event
GET  /_fake/objects                     every object, the oldest first
GET  /_fake/counts                      calls per path, the most in one second, connections
POST /_fake/reset                       forgets everything but the webhook
";

/// GET /_fake
pub async fn help() -> &'static str {
    HELP
}

/// Everything below it.
pub async fn order(Part(shared): Part<Shared>, method: Method, Path(path): Path<String>, body: String) -> Response {
    let body = match body.trim() {
        "" => Ok(json!({})),
        text => serde_json::from_str(text).map_err(|error| Refusal::invalid("", error.to_string())),
    };
    let answer = match body {
        Ok(body) => obey(&shared, method.as_str(), &path, body).await,
        Err(refusal) => Err(refusal),
    };
    server::told(answer)
}

/// Sending takes time; everything else happens at once.
async fn obey(shared: &Shared, method: &str, path: &str, body: Value) -> Answer {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Send {
        events: Vec<String>,
        seed: Option<u64>,
        duplicates: usize,
        parallel: bool,
    }
    let numbers = match (method, path) {
        ("POST", "deliveries/release") => {
            let send: Send = read(body.clone())?;
            shared.lock().deliveries.take_held(send.duplicates, send.seed)
        }
        ("POST", "deliver") => {
            let send: Send = read(body.clone())?;
            let mut state = shared.lock();
            let events = send.events.iter().map(|id| state.get("event", id, "events"));
            let events = events.collect::<Result<Vec<_>, _>>()?;
            events.iter().map(|event| state.deliveries.add_now(&id(event), &text(event, "type"))).collect()
        }
        _ => return change(&mut shared.lock(), method, path, body),
    };
    Ok(courier::send(shared, numbers, body["parallel"] == true).await)
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Refusal> {
    serde_json::from_value(body).map_err(|error| Refusal::invalid("", error.to_string()))
}

fn change(state: &mut State, method: &str, path: &str, body: Value) -> Answer {
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let word = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    match (method, segments.as_slice()) {
        ("GET", ["deliveries"]) => Ok(state.deliveries.report()),
        ("GET", ["counts"]) => Ok(state.usage.report()),
        ("GET", ["faults"]) => Ok(json!({ "data": state.faults.0 })),
        ("GET", ["objects"]) => {
            let mut all: Vec<Value> = state.all("").cloned().collect();
            all.reverse();
            Ok(json!({ "data": all }))
        }
        ("DELETE", ["faults"]) => {
            state.faults.0.clear();
            Ok(json!({}))
        }
        ("POST", ["faults"]) => {
            state.faults.0.push(read::<Fault>(body)?);
            Ok(json!({}))
        }
        ("POST", ["webhook"]) => {
            state.deliveries.webhook = Some(read::<Webhook>(body)?);
            Ok(json!({}))
        }
        ("POST", ["deliveries"]) => {
            state.deliveries.set(read::<Plan>(body)?);
            Ok(json!({}))
        }
        ("POST", ["advance"]) => {
            state.advance(body["seconds"].as_i64().unwrap_or_default());
            Ok(json!({ "now": state.now() }))
        }
        ("POST", ["clock"]) => {
            state.set_clock_right();
            Ok(json!({ "now": state.now() }))
        }
        ("POST", ["settings"]) => settings(state, &body),
        ("POST", ["reset"]) => {
            state.reset();
            Ok(json!({}))
        }
        ("POST", ["emit"]) => {
            let object = match body["object"].as_str() {
                Some(id) => state.find(id).cloned().ok_or_else(|| Refusal::no_such("object", id, "object"))?,
                None => body["object"].clone(),
            };
            Ok(state.tell(&word("type"), &object))
        }
        ("POST", ["objects", id]) => {
            if state.find(id).is_none() {
                return Err(Refusal::no_such("object", id, "id"));
            }
            let fields = body["set"].clone();
            Ok(match body["event"].as_str() {
                Some(event) => state.change_and_tell(id, fields, event),
                None => state.change(id, fields),
            })
        }
        ("POST", segments) => bank(state, segments, &body),
        _ => Err(Refusal::no_route(method, path)),
    }
}

/// What customers and banks do.
fn bank(state: &mut State, segments: &[&str], body: &Value) -> Answer {
    let word = |key: &str, default: &str| body[key].as_str().unwrap_or(default).to_owned();
    match *segments {
        ["sessions", id, "act"] => {
            let act =
                Act::named(&word("action", "card")).ok_or_else(|| Refusal::invalid("action", "No such action."))?;
            payments::act(state, id, act, body["email"].as_str())
        }
        ["disputes"] => {
            let (charge, reason) = (word("charge", ""), word("reason", "fraudulent"));
            disputes::open(state, &charge, body["amount"].as_i64(), &reason, body["inquiry"] == true)
        }
        ["disputes", id, "close"] => disputes::decide(state, id, &word("status", "")),
        ["refunds", id, "fail"] => refunds::fail(state, id, &word("reason", "lost_or_stolen_card")),
        ["refunds", id, "arrive"] => {
            refunds::arrive(state, id);
            state.get("refund", id, "id")
        }
        ["subscriptions"] => {
            let metadata = if body["metadata"].is_object() { body["metadata"].clone() } else { json!({}) };
            billing::subscribe(state, &word("customer", ""), &word("price", ""), metadata)
        }
        ["subscriptions", id, "cycle"] => billing::cycle(state, id, body["paid"] != false),
        _ => Err(Refusal::no_route("POST", &segments.join("/"))),
    }
}

fn settings(state: &mut State, body: &Value) -> Answer {
    if let Some(seconds) = body["sepa_seconds"].as_i64() {
        state.settings.sepa_seconds = seconds;
    }
    match body["refunds"].as_str() {
        Some(how @ ("succeed" | "pending" | "failed")) => how.clone_into(&mut state.settings.refunds),
        Some(_) => return Err(Refusal::invalid("refunds", "succeed, pending or failed")),
        None => {}
    }
    Ok(json!({ "sepa_seconds": state.settings.sepa_seconds, "refunds": state.settings.refunds }))
}
