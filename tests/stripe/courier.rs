//! Sends events to the webhook, signed, as Stripe does: at once when they are due, one beside the other.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::deliveries::Status;
use super::{Shared, Webhook, state};

/// A webhook has this long to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends what is due, for ever.
pub async fn run(shared: Shared) {
    let client = client();
    loop {
        let (due, next, wake) = {
            let mut state = shared.lock();
            let (due, next) = state.deliveries.take_due();
            (due, next, state.deliveries.wake.clone())
        };
        for number in due {
            let (shared, client) = (shared.clone(), client.clone());
            tokio::spawn(async move { attempt(&shared, &client, number).await });
        }
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep_until(next.into()) => {}
        }
    }
}

/// Sends these now, in this order, each after the answer to the one before unless `parallel`; what was answered.
pub async fn send(shared: &Shared, numbers: Vec<u64>, parallel: bool) -> Value {
    let client = client();
    let mut answers = Vec::new();
    if parallel {
        let one = |number| {
            let (shared, client) = (shared.clone(), client.clone());
            tokio::spawn(async move { attempt(&shared, &client, number).await })
        };
        for sending in numbers.into_iter().map(one).collect::<Vec<_>>() {
            answers.push(sending.await.unwrap_or_default());
        }
    } else {
        for number in numbers {
            answers.push(attempt(shared, &client, number).await);
        }
    }
    json!({ "data": answers })
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.build().expect("a client")
}

/// Sends one delivery and notes what came of it.
async fn attempt(shared: &Shared, client: &reqwest::Client, number: u64) -> Value {
    let Some((webhook, event)) = letter(shared, number) else { return Value::Null };
    let body = serde_json::to_vec_pretty(&event).expect("JSON");
    let began = Instant::now();
    let sent = client
        .post(&webhook.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature(&webhook, &body))
        .body(body)
        .send()
        .await;
    let (status, error) = match sent {
        Ok(answer) => (Some(answer.status().as_u16()), None),
        Err(error) => (None, Some(if error.is_timeout() { "no answer in 20 s" } else { "no connection" })),
    };
    let taken = status.is_some_and(|status| (200..300).contains(&status));
    let (id, kind) = (state::id(&event), state::text(&event, "type"));
    let attempt = json!({
        "event": id, "at": state::unix(), "status": status, "error": error, "ms": began.elapsed().as_millis() as u64,
    });
    let mut state = shared.lock();
    let first = state.deliveries.get(number).is_some_and(|delivery| delivery.attempts.is_empty());
    state.deliveries.record(number, attempt.clone(), taken);
    if taken && state.find(&id).is_some() {
        state.change(&id, json!({ "pending_webhooks": 0 }));
    }
    if state.settings.talk && (taken || first) {
        let why = error.map_or_else(|| status.unwrap_or_default().to_string(), str::to_owned);
        let what = if taken { "delivered".to_owned() } else { format!("not taken ({why}), tried again quietly") };
        println!("{kind} {id}: {what}");
    }
    attempt
}

/// The webhook and the event as it was made.
fn letter(shared: &Shared, number: u64) -> Option<(Webhook, Value)> {
    let mut state = shared.lock();
    let webhook = state.deliveries.webhook.clone();
    let event = state.deliveries.get(number)?.event.clone();
    let Some((webhook, mut event)) = webhook.zip(state.find(&event).cloned()) else {
        state.deliveries.get(number)?.status = Status::Dropped;
        return None;
    };
    event["pending_webhooks"] = json!(1);
    Some((webhook, event))
}

/// `t=…,v1=…` with one `v1` for each secret, as while a secret is being exchanged.
fn signature(webhook: &Webhook, body: &[u8]) -> String {
    let at = webhook.signed_at.unwrap_or_else(state::unix);
    let mut header = format!("t={at}");
    for secret in &webhook.secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(format!("{at}.").as_bytes());
        mac.update(body);
        header.push_str(&format!(",v1={}", hex::encode(mac.finalize().into_bytes())));
    }
    header
}
