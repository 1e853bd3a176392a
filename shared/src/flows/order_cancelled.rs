//! An order is cancelled: its pieces go back, its page is closed, client and administrators are told.
//!
//! While it is unpaid its owner may do so. A paid one, on which nobody works yet, is cancelled by whoever manages orders,
//! and its money goes back in the same step.

use serde_json::json;

use crate::domain::billing::orders::{self, Order, OrderStatus, Scope};
use crate::domain::billing::payments::{self, Outcome};
use crate::flows::refund_requested::{self, Wish};
use crate::flows::{checkout, order_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::OrderId;
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// Cancels an order of this scope. 404 outside of it, 409 when it is not to be cancelled (any more).
pub async fn cancel(tx: &mut Tx, scope: &Scope, id: OrderId, reason: Option<&str>) -> Result<Order> {
    orders::get(tx, scope, id).await?;
    let before = orders::lock(tx, id).await?;
    let manager = matches!(scope, Scope::All);
    let paid = before.status == OrderStatus::Paid && manager;
    if before.status != OrderStatus::Pending && !paid {
        return Err(refused(before.status));
    }
    let known = payments::of_order(tx, id).await?;
    if !paid && known.iter().any(|payment| payment.outcome == Outcome::Processing) {
        return Err(Error::conflict("payment_processing", "a payment of this order is under way"));
    }
    let moved = orders::set_status(tx, id, before.status, OrderStatus::Cancelled).await?;
    let order = moved.ok_or_else(|| refused(before.status))?;
    for payment in &known {
        checkout::give_up(tx, payment).await?;
        if paid && payment.outcome == Outcome::Succeeded && payment.refunded.amount < payment.amount.amount {
            let reason = reason.unwrap_or("the order was cancelled");
            refund_requested::request(tx, id, &Wish { payment: Some(payment.id), amount: None, reason }).await?;
        }
    }
    orders::give_back(tx, &order).await?;
    let details = json!({ "from": before.status, "to": order.status, "reason": reason });
    order_told::record(tx, "ORDER_DELETED", Severity::High, &order, details).await?;
    let key = format!("order:{id}:cancelled");
    order_told::client(tx, &order, key.clone()).await?;
    order_told::administrators(tx, &order, "cancelled", reason.unwrap_or_default(), key).await?;
    Ok(order)
}

fn refused(status: OrderStatus) -> Error {
    let text = format!("an order that is {} cannot be cancelled", status.name());
    if status.is_paid() {
        return Error::conflict("refund_needed", format!("{text}: refund it instead"));
    }
    Error::conflict("order_status", text)
}
