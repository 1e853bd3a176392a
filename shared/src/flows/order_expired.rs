//! An order was not paid in time: its pieces go back and the client is told. Run by the job `order.expire`.

use serde_json::json;

use crate::domain::billing::orders::{self, OrderStatus};
use crate::domain::billing::payments::{self, Outcome};
use crate::flows::{checkout, order_told};
use crate::kernel::Result;
use crate::kernel::ids::OrderId;
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// Expires an order whose time is over; may run twice. False: it was paid or cancelled, or was given more time, and a
/// job of its own for that.
pub async fn expire(tx: &mut Tx, id: OrderId) -> Result<bool> {
    orders::lock(tx, id).await?;
    let known = payments::of_order(tx, id).await?;
    if known.iter().any(|payment| matches!(payment.outcome, Outcome::Processing | Outcome::Review)) {
        return Ok(false); // its end gives the order another day, or a person decides
    }
    let Some(order) = orders::expire(tx, id).await? else {
        return Ok(false);
    };
    for payment in &known {
        checkout::give_up(tx, payment).await?;
    }
    orders::give_back(tx, &order).await?;
    let details = json!({ "from": OrderStatus::Pending, "to": order.status });
    order_told::record(tx, "ORDER_STATUS_CHANGED", Severity::Medium, &order, details).await?;
    order_told::client(tx, &order, format!("order:{id}:expired")).await?;
    Ok(true)
}
