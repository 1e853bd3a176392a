//! The summary of an order as a PDF: a quotation while it waits for its payment, a confirmation afterwards.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use shared::domain::billing::orders::{self, Scope};
use shared::kernel::ids::OrderId;
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::DrawSummary;
use shared::platform::tx::{Origin, Tx};

use super::invoices::send;
use super::payments::scope;
use crate::app::App;
use crate::error::Answer;
use crate::extract::Path;
use crate::table::{Access, Table};

/// One's own.
pub fn table() -> Table {
    Table::at("/api/v1/orders", "orders")
        .get("/{id}/summary", Access::Public, own)
        .says(
            "An order of mine, or the one that `Order-Token` opens, as a PDF; 202 with `Retry-After` while it is drawn",
        )
        .downloads()
}

/// Anybody's.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/orders", "orders")
        .get("/{id}/summary", Access::Can("orders.manage"), any)
        .says("An order as a PDF; 202 with `Retry-After` while it is drawn")
        .downloads()
}

async fn own(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Answer {
    let scope = scope(&headers, origin.actor, "order")?;
    show(&app, origin, &scope, id, &method, &headers).await
}

async fn any(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Answer {
    show(&app, origin, &Scope::All, id, &method, &headers).await
}

/// The order as it is now: what was drawn of an earlier version is drawn again.
async fn show(app: &App, origin: Origin, scope: &Scope, id: OrderId, method: &Method, headers: &HeaderMap) -> Answer {
    let mut db = app.db().await?;
    let order = orders::get(&mut db, scope, id).await?;
    let file = orders::summary(&mut db, &order).await?;
    if file.is_none() {
        let mut tx = Tx::begin_for(&app.platform, origin).await?;
        enqueue(&mut tx, &DrawSummary { order: order.id, version: order.version }).await?;
        tx.commit().await?;
    }
    send(app, db, file, method, headers).await
}
