//! Payment intents, refunds, disputes, and the subscriptions' objects: what is read before a decision, and money back.

use std::collections::HashMap;

use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::refund::{CreateRefund, ListRefund};

use super::{Charge, Created, Dispute, Invoice, Once, Page, PaymentIntent, Refund, Result, Stripe, Subscription};

const INTENT: &str = "GET /payment_intents/:id";
const CHARGE: &str = "GET /charges/:id";
const REFUND: &str = "GET /refunds/:id";
const REFUNDS: &str = "GET /refunds";
const CREATE_REFUND: &str = "POST /refunds";
const DISPUTE: &str = "GET /disputes/:id";
const SUBSCRIPTION: &str = "GET /subscriptions/:id";
const INVOICE: &str = "GET /invoices/:id";

/// Money to be given back. All of it comes from rows.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    /// Our refund.
    pub refund: &'a str,
    /// `pi_…`
    pub payment_intent: &'a str,
    /// Minor units of the payment's currency.
    pub amount: i64,
}

impl Created for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// A payment as it is now, with its last charge and what that was paid with.
    pub async fn payment_intent(&self, id: &str) -> Result<Option<PaymentIntent>> {
        let request = super::one(INTENT, "payment_intents", id)?;
        self.find(INTENT, with(request, "expand[0]=latest_charge")).await
    }

    /// One try to take money.
    pub async fn charge(&self, id: &str) -> Result<Option<Charge>> {
        self.find(CHARGE, super::one(CHARGE, "charges", id)?).await
    }

    /// Gives money back, once for each of our refunds. Stripe refuses more than what remains.
    pub async fn create_refund(&self, new: &NewRefund<'_>) -> Result<Refund> {
        let request = CreateRefund::new()
            .payment_intent(new.payment_intent)
            .amount(new.amount)
            .metadata(HashMap::from([("refund_id".to_owned(), new.refund.to_owned())]))
            .build();
        let once = Once { purpose: "refund", subject: new.refund, endpoint: CREATE_REFUND, request };
        self.create(once, |id| self.refund_made(id, new)).await
    }

    async fn refund_made(&self, id: Option<String>, new: &NewRefund<'_>) -> Result<Option<Refund>> {
        if let Some(id) = id {
            return self.refund(&id).await;
        }
        let mut after = None;
        loop {
            let page = self.refunds(new.payment_intent, after.as_deref()).await?;
            after = page.data.last().map(|refund| refund.id.clone());
            let ours = page.data.into_iter().find(|refund| refund.metadata.get("refund_id") == Some(new.refund));
            if ours.is_some() || !page.has_more || after.is_none() {
                return Ok(ours);
            }
        }
    }

    /// A refund as it is now.
    pub async fn refund(&self, id: &str) -> Result<Option<Refund>> {
        self.find(REFUND, super::one(REFUND, "refunds", id)?).await
    }

    /// The refunds of a payment, newest first, 100 at a time, those behind the refund `after`.
    pub async fn refunds(&self, payment_intent: &str, after: Option<&str>) -> Result<Page<Refund>> {
        let mut list = ListRefund::new().payment_intent(payment_intent).limit(100);
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(REFUNDS, list.build()).await
    }

    /// A dispute as it is now.
    pub async fn dispute(&self, id: &str) -> Result<Option<Dispute>> {
        self.find(DISPUTE, super::one(DISPUTE, "disputes", id)?).await
    }

    /// A subscription as it is now.
    pub async fn subscription(&self, id: &str) -> Result<Option<Subscription>> {
        self.find(SUBSCRIPTION, super::one(SUBSCRIPTION, "subscriptions", id)?).await
    }

    /// Stripe's invoice as it is now.
    pub async fn invoice(&self, id: &str) -> Result<Option<Invoice>> {
        self.find(INVOICE, super::one(INVOICE, "invoices", id)?).await
    }
}

fn with(request: RequestBuilder, query: &str) -> RequestBuilder {
    RequestBuilder { query: Some(query.to_owned()), ..request }
}
