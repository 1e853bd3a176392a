//! An order moves on: by whoever manages orders, by a payment, by a refund. Each move is compared and set, written
//! down, and told to the client. Which moves there are, and whose they are, says `OrderStatus::mover`.

use serde_json::json;

use crate::domain::billing::orders::{self, Mover, Order, OrderPatch, OrderStatus, Scope};
use crate::domain::identity::permissions;
use crate::domain::identity::users::{self, Status, User};
use crate::flows::{order_cancelled, order_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{OrderId, UserId};
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// What a corrector must hold to be given work.
const WORK: &str = "orders.work";

/// Moves an order on by hand. 409 when nobody may, or only a payment, a refund, the time or the project may; 422
/// without the reason a suspension needs.
pub async fn change(tx: &mut Tx, id: OrderId, to: OrderStatus, reason: Option<&str>) -> Result<Order> {
    let before = orders::lock(tx, id).await?;
    match before.status.mover(to) {
        Some(Mover::Anybody | Mover::ManagerWithRefund) => {
            return order_cancelled::cancel(tx, &Scope::All, id, reason).await;
        }
        Some(Mover::ManagerWithReason) if reason.is_none() => {
            return Err(Error::field("reason", "required", "is missing"));
        }
        Some(Mover::Manager | Mover::ManagerWithReason) => {}
        mover => return Err(refused(&before, to, mover)),
    }
    if to == OrderStatus::InProgress && before.assignee_id.is_none() {
        return Err(Error::conflict("assignee_needed", "nobody is assigned to this order"));
    }
    let order = step(tx, &before, to, reason).await?;
    order_told::client(tx, &order, format!("order:{id}:v{}", order.version)).await?;
    Ok(order)
}

fn refused(order: &Order, to: OrderStatus, mover: Option<Mover>) -> Error {
    let (code, why) = match mover {
        Some(Mover::Refund) => ("refund_needed", "only by a refund"),
        Some(Mover::Payment) => ("payment_needed", "only by its payment"),
        Some(Mover::Project) => ("project_needed", "only through the project"),
        Some(Mover::Time) => ("order_status", "only when its time is over"),
        _ => ("order_status", "not at all"),
    };
    Error::conflict(code, format!("an order that is {} becomes {} {why}", order.status.name(), to.name()))
}

/// One move, compared, set and written down.
async fn step(tx: &mut Tx, before: &Order, to: OrderStatus, reason: Option<&str>) -> Result<Order> {
    let moved = orders::set_status(tx, before.id, before.status, to).await?;
    let order = moved.ok_or_else(|| Error::conflict("order_status", "the order has moved on meanwhile"))?;
    let details = json!({ "from": before.status, "to": to, "reason": reason });
    order_told::record(tx, "ORDER_STATUS_CHANGED", Severity::Medium, &order, details).await?;
    Ok(order)
}

/// The payment of an order succeeded; the caller has compared amount and currency. A pending or expired order becomes
/// paid. An expired one takes its pieces out of the stock again; what is gone meanwhile, the administrators are told.
///
/// False: it was paid before (also when it has moved on since, or was refunded): the caller has a payment too many.
/// 404: no such order. 409 `order_status`: it was cancelled unpaid; the caller must give the money back.
/// Client and administrators hear of the payment by whoever calls this, not from here.
pub async fn mark_paid(tx: &mut Tx, id: OrderId) -> Result<bool> {
    let before = orders::lock(tx, id).await?;
    if before.paid_at.is_some() {
        return Ok(false);
    }
    if before.status.mover(OrderStatus::Paid) != Some(Mover::Payment) {
        return Err(refused(&before, OrderStatus::Paid, None));
    }
    let order = step(tx, &before, OrderStatus::Paid, None).await?;
    if before.status == OrderStatus::Expired {
        let gone = orders::take_again(tx, &order).await?;
        if !gone.is_empty() {
            order_told::administrators(tx, &order, "late", &gone.join("\n"), format!("order:{id}:late")).await?;
        }
    }
    Ok(true)
}

/// The whole amount of an order was paid back. A paid order, wherever its work stands, becomes refunded.
///
/// False: it was refunded before. 404: no such order. 409 `order_status`: it is not paid.
/// Nobody is told from here: credit note and mails are the caller's.
pub async fn mark_refunded(tx: &mut Tx, id: OrderId) -> Result<bool> {
    let before = orders::lock(tx, id).await?;
    if before.status == OrderStatus::Refunded {
        return Ok(false);
    }
    if before.status.mover(OrderStatus::Refunded) != Some(Mover::Refund) {
        return Err(refused(&before, OrderStatus::Refunded, None));
    }
    step(tx, &before, OrderStatus::Refunded, None).await?;
    Ok(true)
}

/// A refund turned out to have failed: an order that was refunded is what it was before.
pub async fn refund_failed(tx: &mut Tx, id: OrderId) -> Result<()> {
    if let Some(order) = orders::unrefund(tx, id).await? {
        let details = json!({ "from": OrderStatus::Refunded, "to": order.status, "reason": "a refund failed" });
        order_told::record(tx, "ORDER_STATUS_CHANGED", Severity::High, &order, details).await?;
    }
    Ok(())
}

/// Changes what may be changed at any time, and who does the work: Some(None) takes it from whoever has it.
/// 422 for somebody who may not work on orders, 409 where the work is over or somebody must have it.
pub async fn edit(tx: &mut Tx, id: OrderId, change: &OrderPatch, assignee: Option<Option<UserId>>) -> Result<Order> {
    let mut order = orders::lock(tx, id).await?;
    let fields = change.changes();
    if !fields.is_empty() {
        order = orders::update(tx, id, change).await?;
        order_told::record(tx, "ORDER_UPDATED", Severity::Medium, &order, json!({ "fields": fields })).await?;
    }
    match assignee {
        Some(assignee) if assignee != order.assignee_id => assign(tx, &order, assignee).await,
        _ => Ok(order),
    }
}

/// Gives the work to a corrector; a paid order is in progress from then on. The corrector and the client are told.
async fn assign(tx: &mut Tx, before: &Order, assignee: Option<UserId>) -> Result<Order> {
    if !before.status.is_open() {
        let text = format!("an order that is {} is nobody's work any more", before.status.name());
        return Err(Error::conflict("order_status", text));
    }
    let works = matches!(before.status, OrderStatus::InProgress | OrderStatus::Delivered);
    if assignee.is_none() && works {
        return Err(Error::conflict("assignee_needed", "somebody must do the work: name another, or suspend it"));
    }
    let corrector = match assignee {
        Some(user) => Some(corrector(tx, user).await?),
        None => None,
    };
    let moved = orders::assign(tx, before.id, before.status, assignee).await?;
    let mut order = moved.ok_or_else(|| Error::conflict("order_status", "the order has moved on meanwhile"))?;
    let details = json!({ "from": before.assignee_id, "to": assignee });
    order_told::record(tx, "ORDER_ASSIGNED", Severity::Low, &order, details).await?;
    let Some(corrector) = corrector else { return Ok(order) };
    if order.status == OrderStatus::Paid {
        order = step(tx, &order, OrderStatus::InProgress, None).await?;
        order_told::client(tx, &order, format!("order:{}:v{}", order.id, order.version)).await?;
    }
    let key = format!("order:{}:assigned:{}:v{}", order.id, corrector.id, order.version);
    order_told::assignee(tx, &corrector, &order, key).await?;
    Ok(order)
}

/// Somebody active who may work on orders.
async fn corrector(tx: &mut Tx, user: UserId) -> Result<User> {
    if let Some(user) = users::find(tx, user).await?.filter(|user| user.status == Status::Active)
        && permissions::of_user(tx, user.id).await?.can(WORK)
    {
        return Ok(user);
    }
    Err(Error::field("assignee_id", "permission", format!("is nobody who may work on orders ({WORK})")))
}
