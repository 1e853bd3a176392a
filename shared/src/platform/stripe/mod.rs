//! Payments by Stripe: the only door of async-stripe, of which only the request builders are used.
//!
//! A builder gives path and form; sending, reading and errors are ours (`client`, `objects`, `fault`). What creates
//! something goes through `outgoing`, which keeps its key before it is sent; it needs the database, so call it outside
//! of a transaction: a call may take [`Patience`]. Whatever decides about money re-reads the object here first.

mod catalogue;
mod checkout;
mod client;
mod customers;
mod envelope;
mod events;
mod fault;
mod objects;
mod outgoing;
mod payments;
mod signature;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_types::Currency;

pub use catalogue::{NewPrice, NewProduct};
pub use checkout::{Line, NewSession};
pub use client::{PACE, Patience, VERSION};
pub use customers::NewCustomer;
pub use envelope::{Envelope, NoEvent};
pub use events::RawEvent;
pub use fault::{Class, StripeError, Told};
pub use objects::{
    Account, Card, Charge, Customer, Dispute, Evidence, Invoice, Metadata, MethodDetails, Page, PaymentError,
    PaymentIntent, PaymentMethod, Price, Product, Ref, Refund, Session, Subscription,
};
pub use outgoing::purge;
pub use payments::NewRefund;
pub use signature::{Rejected, verify};

use crate::kernel::secret;
use crate::platform::ratelimit::RateLimits;
use client::{Answer, Client};
use outgoing::Next;

/// What a call gives.
pub type Result<T, E = StripeError> = std::result::Result<T, E>;

/// The way to Stripe: one pool of connections, cloned everywhere.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    db: PgPool,
    patience: Patience,
}

/// A call that must create one object however often it is made.
struct Once<'a> {
    /// What for: `refund`.
    purpose: &'static str,
    /// Our row: everything in the form comes from it, so that a repetition is the same call.
    subject: &'a str,
    endpoint: &'static str,
    request: RequestBuilder,
}

/// What can be created.
trait Created: DeserializeOwned {
    fn id(&self) -> &str;
}

impl Stripe {
    /// A pool to this address; connects at the first call.
    pub fn new(base: &str, key: &SecretString, db: PgPool, limits: RateLimits) -> crate::kernel::Result<Self> {
        Ok(Self { client: Client::new(base, key, limits)?, db, patience: Patience::JOB })
    }

    /// The same for a call somebody waits for.
    #[must_use]
    pub fn hurried(&self) -> Self {
        Self { patience: Patience::REQUEST, ..self.clone() }
    }

    async fn get<T: DeserializeOwned>(&self, endpoint: &'static str, request: RequestBuilder) -> Result<T> {
        read(endpoint, &self.client.call(endpoint, &request, None, self.patience).await?)
    }

    /// None when there is no such object, or none any more.
    async fn find<T: DeserializeOwned>(&self, endpoint: &'static str, request: RequestBuilder) -> Result<Option<T>> {
        match self.get(endpoint, request).await {
            Err(StripeError::Stripe(told)) if told.is_missing() => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// For what may be done twice with the same end: a key of this call alone.
    async fn post<T: DeserializeOwned>(&self, endpoint: &'static str, request: RequestBuilder) -> Result<T> {
        let key = secret::token();
        read(endpoint, &self.client.call(endpoint, &sorted(request), Some(&key), self.patience).await?)
    }

    /// Creates one object, whatever happens on the way. When an older call's fate is not known and Stripe has forgotten
    /// its key, `look` finds what it has created, by the id when that is known.
    async fn create<T, F>(&self, once: Once<'_>, look: impl FnOnce(Option<String>) -> F) -> Result<T>
    where
        T: Created,
        F: Future<Output = Result<Option<T>>>,
    {
        let once = Once { request: sorted(once.request), ..once };
        let form = once.request.body.as_deref().unwrap_or_default();
        let params = secret::sha256(format!("{}\n{form}", once.request.path));
        let mut next = outgoing::open(&self.db, once.purpose, once.subject, &params).await?;
        if let Next::Look(old) = next {
            if let Some(found) = look(old.provider_id.clone()).await? {
                outgoing::done(&self.db, &old.key, None, found.id()).await?;
                return Ok(found);
            }
            next = outgoing::anew(&self.db, once.purpose, once.subject, &params, &old).await?;
        }
        match next {
            Next::Send(key) => self.send(&once, &key).await,
            Next::Look(_) | Next::Mismatch => Err(Told::unsent(once.endpoint, "idempotency_mismatch").into()),
        }
    }

    async fn send<T: Created>(&self, once: &Once<'_>, key: &str) -> Result<T> {
        let outcome = self.client.call(once.endpoint, &once.request, Some(key), self.patience).await;
        let read = outcome.map_err(StripeError::from).and_then(|answer| {
            let object: T = read(once.endpoint, &answer)?;
            Ok((object, answer.head.request_id))
        });
        let noted = match &read {
            Ok((object, request_id)) => outgoing::done(&self.db, key, request_id.as_deref(), object.id()).await,
            Err(StripeError::Stripe(told)) => {
                // Another call had this key: what that one did is not known.
                let refused = told.class == Class::Permanent && told.kind.as_deref() != Some("idempotency_error");
                let code = if told.status == Some(500) { Some("http_500") } else { told.code.as_deref() };
                outgoing::failed(&self.db, key, told.request_id.as_deref(), code, refused).await
            }
            Err(StripeError::House(_)) => Ok(()),
        };
        if let Err(error) = noted {
            // The key stays as sent: the next try repeats it and hears the same answer.
            tracing::warn!(%error, key, "the end of a call to Stripe could not be noted");
        }
        Ok(read?.0)
    }
}

fn read<T: DeserializeOwned>(endpoint: &'static str, answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        // Where, never what: serde's text quotes the value.
        let (line, column) = (error.line(), error.column());
        tracing::error!(endpoint, request_id = answer.head.request_id, line, column, "an answer of Stripe is not read");
        Told::unreadable(endpoint, answer.head.clone()).into()
    })
}

/// GET of one object. Ids come from callers too: nothing but an id may become part of the path.
fn one(endpoint: &'static str, folder: &str, id: &str) -> Result<RequestBuilder> {
    at(endpoint, StripeMethod::Get, folder, id, "")
}

fn at(endpoint: &'static str, method: StripeMethod, folder: &str, id: &str, action: &str) -> Result<RequestBuilder> {
    let fits = (1..=255).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !fits {
        return Err(Told::unsent(endpoint, "no_id").into());
    }
    Ok(RequestBuilder::new(method, format!("/{folder}/{id}{action}")))
}

fn currency(code: &str) -> Currency {
    let Ok(currency) = code.to_ascii_lowercase().parse();
    currency
}

/// The library's maps come in any order; the same call must have the same bytes. Every list has its indexes.
fn sorted(mut request: RequestBuilder) -> RequestBuilder {
    request.body = request.body.map(|form| {
        let mut pairs: Vec<&str> = form.split('&').collect();
        pairs.sort_unstable();
        pairs.join("&")
    });
    request
}
