//! Somebody gives money back: a row first, Stripe by a job, the rest by what Stripe says.

use serde_json::json;

use crate::domain::billing::orders;
use crate::domain::billing::payments::{self, Outcome, Payment};
use crate::domain::billing::refunds::{self, Refund, RefundStatus};
use crate::flows::payment_told;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{OrderId, PaymentId};
use crate::kernel::money::Money;
use crate::platform::audit::Severity;
use crate::platform::jobs::enqueue;
use crate::platform::jobs::kinds::CreateRefund;
use crate::platform::tx::Tx;

/// What is to be given back.
pub struct Wish<'a> {
    /// Of which payment; the first that has something left when absent.
    pub payment: Option<PaymentId>,
    /// How much, in minor units; all that is left when absent.
    pub amount: Option<i64>,
    /// Why, for the log.
    pub reason: &'a str,
}

/// Asks for a refund. 409 `not_paid` when nothing came in, `refund_too_much` beyond what is left, `refund_pending` while
/// another refund of this payment is being asked for.
pub async fn request(tx: &mut Tx, order: OrderId, wish: &Wish<'_>) -> Result<Refund> {
    let order = orders::lock(tx, order).await?;
    let payment = chosen(tx, order.id, wish.payment).await?;
    let payment = payments::lock(tx, payment.id).await?;
    let known = refunds::of_payment(tx, payment.id).await?;
    if known.iter().any(|refund| refund.status == RefundStatus::Requested) {
        return Err(Error::conflict("refund_pending", "another refund of this payment is being asked for"));
    }
    let left = left(&payment, &known);
    let amount = wish.amount.unwrap_or(left);
    if amount < 1 || amount > left {
        let left = Money::new(left, payment.amount.currency);
        return Err(Error::conflict("refund_too_much", format!("{} are left of this payment", left.said("en"))));
    }
    let step = payment.amount.currency.step();
    if amount % step != 0 {
        return Err(Error::field("amount", "step", format!("must be a multiple of {step}")));
    }
    let amount = Money::new(amount, payment.amount.currency);
    let actor = tx.origin.actor;
    let refund = refunds::request(tx, payment.id, amount, wish.reason, actor).await?;
    let details = json!({ "order": order.number, "refund": refund.id, "amount": amount, "reason": wish.reason });
    payment_told::record(tx, "REFUND_REQUESTED", Severity::High, &payment, details).await?;
    enqueue(tx, &CreateRefund { refund: refund.id }).await?;
    Ok(refund)
}

async fn chosen(tx: &mut Tx, order: OrderId, wanted: Option<PaymentId>) -> Result<Payment> {
    let mut paid = payments::of_order(tx, order).await?;
    paid.retain(|payment| matches!(payment.outcome, Outcome::Succeeded | Outcome::Review));
    if let Some(id) = wanted {
        return paid.into_iter().find(|payment| payment.id == id).ok_or(Error::NotFound("payment"));
    }
    let found = paid.into_iter().find(|payment| payment.refunded.amount < payment.amount.amount);
    found.ok_or_else(|| Error::conflict("not_paid", "nothing that came in for this order is left"))
}

/// What may still be given back.
fn left(payment: &Payment, refunds: &[Refund]) -> i64 {
    let gone = refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
    payment.amount.amount - gone.map(|refund| refund.amount.amount).sum::<i64>()
}
