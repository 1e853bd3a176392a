//! A payment follows what Stripe says of it. The one place where money becomes ours, or somebody else's again.
//!
//! [`ask`] calls Stripe, outside of any transaction; [`apply`] writes what it said, in one. What was asked later wins, so
//! events of one payment may come in any order, twice, and to two workers at once. Every effect has a key of its own.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::domain::billing::orders::{self, Order};
use crate::domain::billing::payments::{self, Outcome, Payment};
use crate::domain::billing::verdict::{self, Said, Verdict};
use crate::domain::billing::{disputes, refunds};
use crate::flows::{invoice_issued, order_placed, order_status, payment_returned, payment_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::PaymentId;
use crate::platform::Platform;
use crate::platform::audit::Severity;
use crate::platform::stripe::{self, PaymentIntent};
use crate::platform::tx::Tx;

/// What Stripe said, and when it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Before the first question: whatever happened until then is in the answers.
    pub at: DateTime<Utc>,
    /// The page and the money.
    pub said: Said,
    /// Money given back.
    pub refunds: Vec<stripe::Refund>,
    /// Money that a bank wants back.
    pub disputes: Vec<stripe::Dispute>,
}

impl Asked {
    /// Nothing yet, from now on by the database's clock.
    pub async fn now(db: &mut PgConnection) -> Result<Self> {
        Ok(Self { at: payments::clock(db).await?, said: Said::default(), refunds: Vec::new(), disputes: Vec::new() })
    }
}

/// Asks Stripe for what is not known yet of a payment.
pub async fn ask(platform: &Platform, payment: &Payment, mut asked: Asked) -> Result<Asked> {
    let stripe = platform.stripe()?;
    let open = !matches!(payment.outcome, Outcome::Succeeded | Outcome::Review);
    if let (Some(id), None, true) = (&payment.session_id, &asked.said.session, open) {
        asked.said.session = stripe.session(id).await?;
    }
    let named = asked.said.session.as_ref().and_then(|session| session.payment_intent.as_deref());
    if let (Some(id), None) = (payment.payment_intent_id.as_deref().or(named), &asked.said.intent) {
        asked.said.intent = stripe.payment_intent(id).await?;
    }
    let Some(intent) = asked.said.intent.as_ref() else { return Ok(asked) };
    let given_back = intent.charge().is_some_and(|charge| charge.amount_refunded > 0) || payment.refunded.amount > 0;
    if given_back || !asked.refunds.is_empty() {
        asked.refunds = all_refunds(stripe, intent).await?;
    }
    Ok(asked)
}

async fn all_refunds(stripe: &stripe::Stripe, intent: &PaymentIntent) -> Result<Vec<stripe::Refund>> {
    let mut all: Vec<stripe::Refund> = Vec::new();
    loop {
        let page = stripe.refunds(&intent.id, all.last().map(|refund| refund.id.as_str())).await?;
        let more = page.has_more && !page.data.is_empty();
        all.extend(page.data);
        if !more {
            all.reverse(); // oldest first
            return Ok(all);
        }
    }
}

/// Writes what Stripe said, with everything that follows from it. False: somebody asked later, and their answer is in; what
/// they did not ask about (a dispute, say) must be asked for again.
pub async fn apply(tx: &mut Tx, id: PaymentId, asked: &Asked) -> Result<bool> {
    let order = payments::get(tx, id).await?.order_id;
    let order = orders::lock(tx, order).await?;
    let before = payments::lock(tx, id).await?;
    if before.synced_at.is_some_and(|at| at > asked.at) {
        return Ok(false);
    }
    let verdict = verdict::of(&before, &asked.said);
    let after = payments::follow(tx, id, &verdict, asked.at).await?;
    turned(tx, &order, &before, &after, &verdict).await?;
    let currency = after.amount.currency;
    for said in &asked.refunds {
        let (was, refund) = refunds::follow(tx, id, currency, said).await?;
        payment_returned::refund(tx, &after, was.as_ref(), &refund).await?;
    }
    for said in &asked.disputes {
        let (was, dispute) = disputes::follow(tx, id, currency, said).await?;
        payment_returned::dispute(tx, &after, was.as_ref(), &dispute).await?;
    }
    payment_returned::settle(tx, &after).await?;
    Ok(true)
}

/// What follows from a payment's turn.
async fn turned(tx: &mut Tx, order: &Order, before: &Payment, after: &Payment, verdict: &Verdict) -> Result<()> {
    let over = matches!(after.outcome, Outcome::Failed | Outcome::Cancelled | Outcome::Expired);
    if before.outcome == Outcome::Processing && over {
        order_placed::wait_again(tx, order.id, after.id).await?; // no order expires under a payment: now it may
    }
    match after.outcome {
        Outcome::Succeeded if before.outcome != Outcome::Succeeded => received(tx, order, after).await,
        Outcome::Review if before.outcome != Outcome::Review => {
            payment_told::record(tx, "PAYMENT_REVIEW", Severity::High, after, json!({})).await?;
            let text = "another amount or currency came in than the order asked for: look at it in Stripe's dashboard";
            payment_told::alarm(tx, order, after, "review", "payment_amount", text).await
        }
        Outcome::Failed => {
            let Some(attempt) = &verdict.failed_try else { return Ok(()) };
            payment_told::failed(tx, order, after, attempt).await
        }
        _ => Ok(()),
    }
}

/// The money is here.
async fn received(tx: &mut Tx, order: &Order, payment: &Payment) -> Result<()> {
    let details = json!({ "amount": payment.amount, "method": payment.method });
    payment_told::record(tx, "PAYMENT_SUCCEEDED", Severity::Low, payment, details).await?;
    match order_status::mark_paid(tx, order.id).await {
        Ok(true) => {
            invoice_issued::issue_for_order(tx, order, payment).await?;
            payment_told::received(tx, order, payment).await
        }
        Ok(false) => {
            let text = "this order had been paid before: give this payment back";
            payment_told::alarm(tx, order, payment, "excess", "paid_twice", text).await
        }
        Err(Error::Conflict { .. }) => {
            let text = "this order had been cancelled before its payment came: give it back";
            payment_told::alarm(tx, order, payment, "cancelled", "paid_after_cancel", text).await
        }
        Err(error) => Err(error),
    }
}
