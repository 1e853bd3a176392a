//! Money goes back: by a refund, or because a bank wants it. Called by [`super::payment_synced`] under the locks of the
//! order and the payment.

use serde_json::json;

use crate::domain::billing::disputes::{self, Dispute};
use crate::domain::billing::orders;
use crate::domain::billing::payments::{self, Outcome, Payment};
use crate::domain::billing::refunds::{self, Refund, RefundStatus};
use crate::flows::{invoice_credited, order_status, payment_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// A refund has moved on, or not.
pub async fn refund(tx: &mut Tx, payment: &Payment, before: Option<&Refund>, after: &Refund) -> Result<()> {
    if before.is_some_and(|before| before.status == after.status) {
        return Ok(());
    }
    let order = orders::lock(tx, payment.order_id).await?;
    let details = json!({ "refund": after.id, "amount": after.amount, "status": after.status });
    match after.status {
        RefundStatus::Succeeded => {
            payment_told::record(tx, "REFUND_SETTLED", Severity::Low, payment, details).await?;
            invoice_credited::refunded(tx, payment, after).await?;
            payment_told::refunded(tx, &order, payment, after).await
        }
        RefundStatus::Failed => {
            payment_told::record(tx, "REFUND_FAILED", Severity::High, payment, details).await?;
            let text = "a refund did not reach the buyer: the money is ours again, find another way";
            let about = format!("refund:{}", after.id);
            payment_told::alarm(tx, &order, payment, &about, "refund_failed", text).await
        }
        RefundStatus::Requested | RefundStatus::Pending => Ok(()),
    }
}

/// A dispute has moved on, or not.
pub async fn dispute(tx: &mut Tx, payment: &Payment, before: Option<&Dispute>, after: &Dispute) -> Result<()> {
    if before.is_some_and(|before| before.status == after.status) {
        return Ok(());
    }
    let order = orders::lock(tx, payment.order_id).await?;
    let details =
        json!({ "dispute": after.id, "amount": after.amount, "status": after.status, "due_by": after.due_by });
    payment_told::record(tx, "PAYMENT_DISPUTED", Severity::Critical, payment, details).await?;
    let due = after.due_by.map(|due| format!("; answer before {}", due.format("%Y-%m-%d %H:%M UTC")));
    let due = due.filter(|_| after.status.ends_with("needs_response")).unwrap_or_default();
    let text = format!("a dispute about this payment is now {}{due}", after.status.replace('_', " "));
    let about = format!("dispute:{}:{}", after.id, after.status);
    payment_told::alarm(tx, &order, payment, &about, "dispute", &text).await
}

/// Sums up what went back, and moves the order where that leads: it is refunded when all that was paid for it is back,
/// and is what it was again when a refund turns out to have failed.
pub async fn settle(tx: &mut Tx, payment: &Payment) -> Result<()> {
    let (_, under_way) = sums(tx, payment).await?;
    let disputed = disputes::of_payment(tx, payment.id).await?.iter().any(Dispute::holds);
    payments::given_back(tx, payment.id, under_way, disputed).await?;
    let paid = payments::of_order(tx, payment.order_id).await?;
    let (mut came, mut kept) = (false, false);
    for paid in paid.iter().filter(|paid| paid.outcome == Outcome::Succeeded) {
        came = true;
        kept |= sums(tx, paid).await?.0 < paid.amount.amount;
    }
    match (came, kept) {
        (false, _) => Ok(()),
        (true, true) => order_status::refund_failed(tx, payment.order_id).await,
        (true, false) => match order_status::mark_refunded(tx, payment.order_id).await {
            Ok(_) | Err(Error::Conflict { .. }) => Ok(()), // it was cancelled with its refund
            Err(error) => Err(error),
        },
    }
}

/// What is back, and what is back or on its way, in minor units.
async fn sums(tx: &mut Tx, payment: &Payment) -> Result<(i64, i64)> {
    let refunds = refunds::of_payment(tx, payment.id).await?;
    let sum = |status: RefundStatus| {
        refunds.iter().filter(|refund| refund.status == status).map(|refund| refund.amount.amount).sum::<i64>()
    };
    let back = sum(RefundStatus::Succeeded);
    Ok((back, back + sum(RefundStatus::Pending)))
}

/// Reminds the administrators of a dispute whose time is running out.
pub async fn remind(tx: &mut Tx, dispute: &Dispute) -> Result<()> {
    let Some(due) = dispute.due_by.filter(|_| dispute.status.ends_with("needs_response")) else { return Ok(()) };
    let left = (due - tx.platform().clock.now()).num_hours();
    let days = match left {
        0..24 => 1,
        24..72 => 3,
        _ => return Ok(()),
    };
    let payment = payments::get(tx, dispute.payment_id).await?;
    let order = orders::lock(tx, payment.order_id).await?;
    let text = format!("a dispute must be answered before {}", due.format("%Y-%m-%d %H:%M UTC"));
    let about = format!("dispute:{}:due{days}", dispute.id);
    payment_told::alarm(tx, &order, &payment, &about, "dispute", &text).await
}
