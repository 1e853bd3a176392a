//! An order that nobody paid is cancelled, by its owner or by whoever manages orders: its pieces go back, client and
//! administrators are told.
//!
//! A paid order is not cancelled here: its money must go back in the same step, which comes with payments.

use serde_json::json;

use crate::domain::billing::orders::{self, Order, OrderStatus, Scope};
use crate::flows::order_told;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::OrderId;
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// Cancels an order of this scope. 404 outside of it, 409 when it does not wait for its payment.
pub async fn cancel(tx: &mut Tx, scope: &Scope, id: OrderId, reason: Option<&str>) -> Result<Order> {
    orders::get(tx, scope, id).await?;
    let Some(order) = orders::set_status(tx, id, OrderStatus::Pending, OrderStatus::Cancelled).await? else {
        let order = orders::get(tx, scope, id).await?;
        return Err(refused(order.status));
    };
    orders::give_back(tx, &order).await?;
    let details = json!({ "from": OrderStatus::Pending, "to": order.status, "reason": reason });
    order_told::record(tx, "ORDER_DELETED", Severity::High, &order, details).await?;
    let key = format!("order:{id}:cancelled");
    order_told::client(tx, &order, key.clone()).await?;
    order_told::administrators(tx, &order, "cancelled", reason.unwrap_or_default(), key).await?;
    Ok(order)
}

fn refused(status: OrderStatus) -> Error {
    if status.is_paid() {
        return Error::conflict("refund_needed", "this order is paid: it must be refunded, which is not possible yet");
    }
    Error::conflict("order_status", format!("an order that is {} cannot be cancelled", status.name()))
}
