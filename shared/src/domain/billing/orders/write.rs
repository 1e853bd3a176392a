//! Placing orders and moving them on.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::read::order;
use super::{NewOrder, Order, OrderLine, OrderPatch, OrderPriority, OrderStatus, OrderView, Wanted, lines, token};
use crate::domain::billing::products::{self, Product};
use crate::domain::billing::totals::{self, Totals};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::kernel::error::FieldError;
use crate::kernel::ids::{FileId, OrderId, OrderLineId, ProductId, UserId};
use crate::kernel::secret;

/// Places an order that waits for its payment, for so long, and takes its pieces out of the stock. Its number comes
/// from a sequence: it grows, and a rollback leaves a gap. 422 for lines that cannot be ordered, 409 (`out_of_stock`)
/// when there are not enough pieces.
pub async fn place(db: &mut PgConnection, config: &Config, new: NewOrder, term: Duration) -> Result<OrderView> {
    let known = products::active(db, &new.wanted.iter().map(|wanted| wanted.product).collect::<Vec<_>>()).await?;
    let mut lines = copied(&new.wanted, known)?;
    let Some(currency) = lines.first().map(|line| line.unit_price.currency) else {
        return Err(Error::field("lines", "length", "must have 1 to 50 lines"));
    };
    let totals = totals::of(currency, lines.iter().map(OrderLine::taxed));
    let totals = totals.ok_or_else(|| Error::field("lines", "range", "come to more than an order may"))?;
    reserve(db, &mut lines).await?;
    let order = insert(db, config, &new, &lines[0].name, &totals, term).await?;
    for line in &lines {
        insert_line(db, order.id, line).await?;
    }
    Ok(OrderView { order, lines, vat: totals.by_rate })
}

/// Lines as the products are now. Names every line that cannot be ordered.
fn copied(wanted: &[Wanted], known: Vec<Product>) -> Result<Vec<OrderLine>> {
    let currency = known.first().map(|product| product.facts.unit_price.currency);
    let mut known: HashMap<ProductId, Product> = known.into_iter().map(|product| (product.id, product)).collect();
    let (mut lines, mut wrong) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (n, wanted) in wanted.iter().enumerate() {
        let mut refuse = |field, code, text| wrong.push(FieldError::new(format!("lines[{n}].{field}"), code, text));
        if lines.iter().any(|line: &OrderLine| line.product_id == wanted.product) {
            refuse("product_id", "repeated", "stands on another line already");
            continue;
        }
        let Some(Product { id, facts, .. }) = known.remove(&wanted.product) else {
            refuse("product_id", "unknown", "is no product that can be ordered");
            continue;
        };
        if Some(facts.unit_price.currency) != currency {
            refuse("product_id", "currency", "has its price in another currency than the others");
            continue;
        }
        let Some(net) = facts.unit_price.checked_mul(wanted.quantity.into()) else {
            refuse("quantity", "range", "comes to more than an order may");
            continue;
        };
        lines.push(OrderLine {
            id: OrderLineId::new(),
            product_id: id,
            position: n as i32,
            name: facts.name,
            description: facts.description,
            quantity: wanted.quantity,
            unit_price: facts.unit_price,
            net,
            vat_rate_bp: facts.vat_rate_bp,
            vat_category: facts.vat_category,
            reserved: if facts.stock_quantity.is_some() { wanted.quantity } else { 0 },
        });
    }
    if wrong.is_empty() { Ok(lines) } else { Err(Error::Invalid(wrong)) }
}

/// Takes what the lines hold out of the stock, in the order of the products' ids.
async fn reserve(db: &mut PgConnection, lines: &mut [OrderLine]) -> Result<()> {
    let mut limited: Vec<&mut OrderLine> = lines.iter_mut().filter(|line| line.reserved > 0).collect();
    limited.sort_by_key(|line| line.product_id);
    for line in limited {
        if !products::take(db, line.product_id, line.reserved).await? {
            let text = format!("there are not {} pieces of {} any more", line.quantity, line.name);
            return Err(Error::conflict("out_of_stock", text));
        }
    }
    Ok(())
}

async fn insert(
    db: &mut PgConnection,
    config: &Config,
    new: &NewOrder,
    first: &str,
    totals: &Totals,
    term: Duration,
) -> Result<Order> {
    let id = OrderId::new();
    let row = order!(
        "insert into orders (id, number, customer_id, title, description, status, client_note, currency, total_net_cents,
                             total_vat_cents, total_gross_cents, token_hash, placed_at, expires_at)
         select $1, 'C-' || to_char(now() at time zone 'UTC', 'YYYY') || '-' || lpad(n, greatest(6, length(n)), '0'),
                $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, now(), now() + make_interval(secs => $11)
         from (select nextval('order_numbers')::text as n) as sequence
         returning" "",
        id.0,
        new.customer.0,
        new.title.as_deref().unwrap_or(first),
        new.description,
        new.client_note,
        totals.net.currency.code(),
        totals.net.amount,
        totals.vat.amount,
        totals.gross.amount,
        new.with_token.then(|| secret::sha256(token(config, id))),
        term.as_secs_f64()
    );
    Ok(row.fetch_one(db).await?.into())
}

async fn insert_line(db: &mut PgConnection, order: OrderId, line: &OrderLine) -> Result<()> {
    sqlx::query!(
        "insert into order_lines (id, order_id, product_id, position, name, description, quantity, unit_price_cents,
                                  vat_rate, vat_category, reserved)
         values ($1, $2, $3, $4, $5, $6, $7::int, $8, $9::int / 100.0, $10, $11)",
        line.id.0,
        order.0,
        line.product_id.0,
        line.position,
        line.name,
        line.description,
        line.quantity,
        line.unit_price.amount,
        line.vat_rate_bp,
        line.vat_category.code(),
        line.reserved
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves an order from one status to another and dates what that means. None: it was not there (any more).
pub async fn set_status(
    db: &mut PgConnection,
    id: OrderId,
    from: OrderStatus,
    to: OrderStatus,
) -> Result<Option<Order>> {
    let moved = order!(
        "update orders set status = $3, version = version + 1, updated_at = now(),
                           paid_at = case when $3 = 'paid' then now() else paid_at end,
                           delivered_at = case when $3 = 'delivered' then now() else delivered_at end,
                           completed_at = case when $3 = 'completed' then now() else completed_at end,
                           refunded_from = case when $3 = 'refunded' then status else refunded_from end
         where id = $1 and status = $2
         returning" "",
        id.0,
        from.name(),
        to.name()
    );
    Ok(moved.fetch_optional(db).await?.map(Order::from))
}

/// A refunded order is what it was before. None: it was not refunded.
pub async fn unrefund(db: &mut PgConnection, id: OrderId) -> Result<Option<Order>> {
    let moved = order!(
        "update orders set status = coalesce(refunded_from, 'paid'), refunded_from = null, version = version + 1,
                           updated_at = now()
         where id = $1 and status = 'refunded'
         returning" "",
        id.0
    );
    Ok(moved.fetch_optional(db).await?.map(Order::from))
}

/// Waits longer for its payment, never less long. When that ends; none: it does not wait any more.
pub async fn wait_until(db: &mut PgConnection, id: OrderId, until: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let row = sqlx::query_scalar!(
        r#"update orders set expires_at = greatest(expires_at, $2) where id = $1 and status = 'pending'
           returning expires_at as "expires_at!""#,
        id.0,
        until
    );
    Ok(row.fetch_optional(db).await?)
}

/// Ends the waiting for a payment whose time is over. None: it was paid, cancelled, or has more time.
pub async fn expire(db: &mut PgConnection, id: OrderId) -> Result<Option<Order>> {
    let moved = order!(
        "update orders set status = 'expired', version = version + 1, updated_at = now()
         where id = $1 and status = 'pending' and expires_at <= now()
         returning" "",
        id.0
    );
    Ok(moved.fetch_optional(db).await?.map(Order::from))
}

/// Changes what may be changed at any time.
pub async fn update(db: &mut PgConnection, id: OrderId, change: &OrderPatch) -> Result<Order> {
    let changed = order!(
        "update orders set title = coalesce($2, title), description = coalesce($3, description),
                           due_at = case when $4 then $5 else due_at end, priority = coalesce($6, priority),
                           version = version + 1, updated_at = now()
         where id = $1 and status <> 'cart'
         returning" "",
        id.0,
        change.title,
        change.description,
        change.due_at.is_some(),
        change.due_at.flatten(),
        change.priority.map(OrderPriority::name)
    );
    changed.fetch_optional(db).await?.map(Order::from).ok_or(Error::NotFound("order"))
}

/// Gives the work to somebody, or takes it from them, while the order is in this status. None: it is not (any more).
pub async fn assign(
    db: &mut PgConnection,
    id: OrderId,
    status: OrderStatus,
    assignee: Option<UserId>,
) -> Result<Option<Order>> {
    let moved = order!(
        "update orders set assignee_id = $3, version = version + 1, updated_at = now() where id = $1 and status = $2
         returning" "",
        id.0,
        status.name(),
        assignee.map(|user| user.0)
    );
    Ok(moved.fetch_optional(db).await?.map(Order::from))
}

/// Gives back what an order holds of the stock. A second time there is nothing to give.
pub async fn give_back(db: &mut PgConnection, order: &Order) -> Result<()> {
    let mut held = lines(db, order).await?;
    held.retain(|line| line.reserved > 0);
    held.sort_by_key(|line| line.product_id);
    for line in held {
        products::give_back(db, line.product_id, line.reserved).await?;
        hold(db, &line, 0).await?;
    }
    Ok(())
}

/// Takes the pieces of an order that was paid late out of the stock again. Gives the names of what is gone.
pub async fn take_again(db: &mut PgConnection, order: &Order) -> Result<Vec<String>> {
    let mut wanted = lines(db, order).await?;
    wanted.retain(|line| line.reserved == 0);
    wanted.sort_by_key(|line| line.product_id);
    let mut gone = Vec::new();
    for line in wanted {
        match products::take_if_limited(db, line.product_id, line.quantity).await? {
            Some(true) => hold(db, &line, line.quantity).await?,
            Some(false) => gone.push(line.name),
            None => {}
        }
    }
    Ok(gone)
}

/// Its summary as it was at this version is drawn. The file of an earlier one, which nobody needs any more.
pub async fn summarised(db: &mut PgConnection, id: OrderId, version: i32, file: FileId) -> Result<Option<FileId>> {
    let former = sqlx::query_scalar!(
        r#"with former as (select summary_file_id from orders where id = $1)
           update orders set summary_version = $2, summary_file_id = $3 where id = $1
           returning (select summary_file_id from former) as "former: FileId""#,
        id.0,
        version,
        file.0
    );
    Ok(former.fetch_one(db).await?)
}

async fn hold(db: &mut PgConnection, line: &OrderLine, pieces: i32) -> Result<()> {
    sqlx::query!("update order_lines set reserved = $2 where id = $1", line.id.0, pieces).execute(db).await?;
    Ok(())
}

/// Forgets what people wrote with these orders and who may see them by a token; what was bought and for how much stays.
pub async fn forget(db: &mut PgConnection, orders: &[OrderId]) -> Result<()> {
    let ids: Vec<_> = orders.iter().map(|order| order.0).collect();
    sqlx::query!(
        "update orders set title = '', description = '', client_note = null, worker_note = null, token_hash = null,
                           updated_at = now()
         where id = any($1)",
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}
