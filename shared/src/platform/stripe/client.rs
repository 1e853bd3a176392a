//! The HTTP under every call to Stripe: one pool of connections, a bound on time, a turn at the shared rate limit, and
//! the same key over all tries of a call.
//!
//! The stock client opens a connection per call, hides request ids and `Retry-After`, and prints people's addresses in
//! its errors; so only the library's request builders are used, and the sending is ours.

use std::time::Duration;

use rand::RngExt;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::time::Instant;

use super::fault::{Head, Told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Rate;
use crate::platform::ratelimit::RateLimits;

/// The version we speak and whose shapes `objects` reads, whatever the account's own is.
pub const VERSION: &str = "2026-09-30.endive";
/// Less than 20 calls a second for each endpoint over all processes (Stripe allows 25), evenly spaced, and with 100 ms to
/// spare: of two calls the earlier one may be the one that is late on its way.
pub const PACE: Rate = Rate { count: 1, per: Duration::from_millis(60) };
/// The first wait before another try; it doubles.
const BACKOFF: Duration = Duration::from_millis(400);
/// No answer we ask for is longer: 100 events of 64 kB.
const LONGEST: usize = 16 << 20;

/// How much time a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// One try.
    pub attempt: Duration,
    /// All of it, waiting included.
    pub total: Duration,
    /// How many tries.
    pub attempts: u32,
    /// For a turn at our own limit. Whose turn is later is told when, and holds up nobody else.
    pub turn: Duration,
}

impl Patience {
    /// In a job: within its 30 seconds.
    pub const JOB: Self = Self {
        attempt: Duration::from_secs(20),
        total: Duration::from_secs(25),
        attempts: 3,
        turn: Duration::from_secs(5),
    };
    /// Somebody waits for the answer: within a handler's 20 seconds.
    pub const REQUEST: Self = Self {
        attempt: Duration::from_secs(8),
        total: Duration::from_secs(17),
        attempts: 2,
        turn: Duration::from_secs(8),
    };
}

/// An answer with a success.
pub(super) struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

/// An error is large and rare.
type Outcome<T> = Result<T, Box<Told>>;

/// The pool and what goes with every call.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    limits: RateLimits,
}

impl Client {
    pub fn new(base: &str, key: &SecretString, limits: RateLimits) -> Result<Self> {
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).map_err(Error::internal)?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert("stripe-version", HeaderValue::from_static(VERSION));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("facteur/", env!("CARGO_PKG_VERSION"))));
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false);
        let http = if base.starts_with("https://") { http } else { http.no_proxy() };
        Ok(Self { http: http.build().map_err(Error::internal)?, base: base.to_owned(), limits })
    }

    /// Sends, and sends again what may pass, with the same key. `endpoint` names the call, without ids.
    pub async fn call(
        &self,
        endpoint: &'static str,
        request: &RequestBuilder,
        key: Option<&str>,
        patience: Patience,
    ) -> Outcome<Answer> {
        let until = Instant::now() + patience.total;
        let mut tries = 0;
        loop {
            self.turn(endpoint, patience.turn.min(until.saturating_duration_since(Instant::now()))).await?;
            tries += 1;
            let bound = patience.attempt.min(until.saturating_duration_since(Instant::now()));
            let begun = Instant::now();
            let outcome = self.send(endpoint, request, key, bound).await;
            note(endpoint, &outcome, tries, begun.elapsed());
            let told = match outcome {
                Ok(answer) => return Ok(answer),
                Err(told) => told,
            };
            let wait = told.retry_after.unwrap_or_else(|| jitter(BACKOFF * 2_u32.pow(tries - 1)));
            if tries >= patience.attempts || !told.again() || Instant::now() + wait >= until {
                return Err(told);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits for a turn at this endpoint, over all processes: first come, first served.
    async fn turn(&self, endpoint: &'static str, most: Duration) -> Outcome<()> {
        match self.limits.reserve(&format!("stripe:{endpoint}"), PACE, most).await {
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(Error::TooMany { retry_after }) => return Err(Told::limited(endpoint, retry_after).into()),
            Err(_) => tokio::time::sleep(PACE.per).await,
        }
        Ok(())
    }

    async fn send(
        &self,
        endpoint: &'static str,
        request: &RequestBuilder,
        key: Option<&str>,
        bound: Duration,
    ) -> Outcome<Answer> {
        let mut url = format!("{}/v1{}", self.base, request.path);
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            url = format!("{url}?{query}");
        }
        let mut call = match request.method {
            StripeMethod::Get => self.http.get(url),
            StripeMethod::Post => self.http.post(url),
            StripeMethod::Delete => self.http.delete(url),
        };
        if let Some(form) = &request.body {
            call = call.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
        }
        if let Some(key) = key {
            call = call.header("idempotency-key", key);
        }
        let silence = |error: reqwest::Error| Box::new(Told::silence(endpoint, cause(&error)));
        let mut answer = call.timeout(bound).send().await.map_err(silence)?;
        let head = head(&answer);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(silence)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Told::unreadable(endpoint, head).into());
            }
            body.extend_from_slice(&chunk);
        }
        if answer.status().is_success() {
            return Ok(Answer { head, body });
        }
        Err(Told::answer(endpoint, head, &body).into())
    }
}

/// Never the error's own text: it names the address.
fn cause(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "connect",
        _ => "broken_off",
    }
}

fn head(answer: &reqwest::Response) -> Head {
    let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let seconds = text(RETRY_AFTER.as_str()).and_then(|value| value.parse::<u64>().ok());
    Head {
        status: answer.status().as_u16(),
        request_id: text("request-id").filter(plain).map(str::to_owned),
        retry_after: seconds.map(|seconds| Duration::from_secs(seconds.min(86_400))),
        should_retry: text("stripe-should-retry").and_then(|value| value.parse().ok()),
    }
}

fn note(endpoint: &'static str, outcome: &Outcome<Answer>, tries: u32, took: Duration) {
    let (word, request_id) = match outcome {
        Ok(answer) => ("ok", &answer.head.request_id),
        Err(told) => (if told.status.is_some() { "refused" } else { "silent" }, &told.request_id),
    };
    metrics::histogram!("facteur_stripe_seconds", "endpoint" => endpoint, "outcome" => word).record(took.as_secs_f64());
    let (ms, request_id) = (took.as_millis() as u64, request_id.as_deref().unwrap_or_default());
    match outcome {
        Ok(_) => tracing::debug!(endpoint, request_id, tries, ms, "Stripe answered"),
        Err(told) => tracing::warn!(error = %told, tries, ms, "a call to Stripe failed"),
    }
}

/// Between half of it and all of it.
#[expect(clippy::disallowed_methods, reason = "jitter needs no secret randomness")]
fn jitter(most: Duration) -> Duration {
    most.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_the_builders_are_made_for() {
        assert_eq!(super::VERSION, stripe_client_core::VERSION.as_str());
    }
}
