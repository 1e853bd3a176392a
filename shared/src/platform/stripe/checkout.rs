//! Checkout sessions: the page on which an order is paid.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, CreateCheckoutSessionPaymentIntentDataSetupFutureUsage, ProductData,
};
use stripe_client_core::{StripeMethod, StripeRequest};
use stripe_shared::{CheckoutSessionLocale, CheckoutSessionMode};

use super::{Created, Once, Result, Session, Stripe};

const CREATE: &str = "POST /checkout/sessions";
const RETRIEVE: &str = "GET /checkout/sessions/:id";
const EXPIRE: &str = "POST /checkout/sessions/:id/expire";

/// A session to be made. All of it comes from rows: a repetition must be the same call.
#[derive(Clone)]
pub struct NewSession<'a> {
    /// Our payment: another try to pay the same order is another payment.
    pub payment: String,
    /// Our order: `client_reference_id`, and in the metadata of the session and of its payment intent.
    pub order: String,
    /// `cus_…`, when there is one.
    pub customer: Option<&'a str>,
    /// The address on the page, when there is no customer.
    pub email: Option<&'a str>,
    /// ISO 4217.
    pub currency: &'a str,
    /// What is paid; their sum is the order's total.
    pub lines: Vec<Line<'a>>,
    /// `fr` or `en`.
    pub locale: &'a str,
    /// Where the buyer goes afterwards.
    pub success_url: String,
    /// Where the buyer goes instead.
    pub cancel_url: String,
    /// Between 30 minutes and 24 hours from its making, says Stripe.
    pub expires_at: DateTime<Utc>,
    /// Keeps the card with the customer for later orders.
    pub keep_method: bool,
}

/// One line of the page.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// What it is.
    pub name: &'a str,
    /// With VAT, in minor units.
    pub unit_amount: i64,
    /// How many.
    pub quantity: u32,
}

impl Created for Session {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Makes the session of a payment; asked again, it is the same one.
    pub async fn create_session(&self, new: &NewSession<'_>) -> Result<Session> {
        let once = Once { purpose: "checkout", subject: &new.payment, endpoint: CREATE, request: build(new).build() };
        // A page whose address nobody heard cannot be paid; it expires by itself. So there is nothing to look for.
        let look = |id: Option<String>| async move {
            match id {
                Some(id) => self.session(&id).await,
                None => Ok(None),
            }
        };
        self.create(once, look).await
    }

    /// The session as it is now.
    pub async fn session(&self, id: &str) -> Result<Option<Session>> {
        self.find(RETRIEVE, super::one(RETRIEVE, "checkout/sessions", id)?).await
    }

    /// Ends an open session, so that nobody can pay it any more. Refused for one that has ended.
    pub async fn expire_session(&self, id: &str) -> Result<Session> {
        self.post(EXPIRE, super::at(EXPIRE, StripeMethod::Post, "checkout/sessions", id, "/expire")?).await
    }
}

fn build(new: &NewSession<'_>) -> CreateCheckoutSession {
    let line = |line: &Line<'_>| {
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(super::currency(new.currency));
        price.unit_amount = Some(line.unit_amount);
        price.product_data = Some(ProductData::new(line.name));
        let mut item = CreateCheckoutSessionLineItems::new();
        item.price_data = Some(price);
        item.quantity = Some(line.quantity.into());
        item
    };
    let ours = HashMap::from([("order_id", &new.order), ("payment_id", &new.payment)]);
    let ours: HashMap<String, String> = ours.into_iter().map(|(k, v)| (k.to_owned(), v.clone())).collect();
    let mut intent = CreateCheckoutSessionPaymentIntentData::new();
    intent.metadata = Some(ours.clone());
    intent.setup_future_usage =
        new.keep_method.then_some(CreateCheckoutSessionPaymentIntentDataSetupFutureUsage::OnSession);
    let locale = if new.locale == "en" { CheckoutSessionLocale::En } else { CheckoutSessionLocale::Fr };
    let session = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .client_reference_id(&new.order)
        .metadata(ours)
        .payment_intent_data(intent)
        .line_items(new.lines.iter().map(line).collect::<Vec<_>>())
        .locale(locale)
        .success_url(&new.success_url)
        .cancel_url(&new.cancel_url)
        .expires_at(new.expires_at.timestamp());
    match (new.customer, new.email) {
        (Some(customer), _) => session.customer(customer),
        (None, Some(email)) => session.customer_email(email),
        (None, None) => session,
    }
}
