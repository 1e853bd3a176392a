//! Orders: placed once and paid for once, by guests and by people with an account, without ever selling a piece twice.

use std::time::Duration;

use harness::letters::{subjects, token};
use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};
use shared::domain::billing::orders::OrderStatus;
use shared::flows::order_status;
use shared::kernel::ids::OrderId;
use shared::platform::tx::Tx;

mod keeping;
mod money;
mod placing;
mod steps;
mod stock;

const DAY: Duration = Duration::from_secs(24 * 3600 + 60);

/// A product; gives its id.
async fn product(app: &TestApp, slug: &str, price: i64, stock: Option<i32>) -> String {
    product_in(app, slug, json!({ "amount": price, "currency": "EUR" }), 2000, stock).await
}

async fn product_in(app: &TestApp, slug: &str, price: Value, rate: i32, stock: Option<i32>) -> String {
    let id = uuid::Uuid::now_v7();
    let category = if rate > 0 { "S" } else { "E" };
    let stock = stock.map_or("null".to_owned(), |stock| stock.to_string());
    app.execute(&format!(
        "insert into products (id, slug, name, unit_price_cents, currency, vat_rate, vat_category, stock_quantity)
         values ('{id}', '{slug}', 'Le {slug}', {}, {}, {rate} / 100.0, '{category}', {stock})",
        price["amount"],
        price["currency"].to_string().replace('"', "'")
    ))
    .await;
    id.to_string()
}

fn lines(wanted: &[(&str, i64)]) -> Value {
    wanted.iter().map(|(id, n)| json!({ "product_id": id, "quantity": n })).collect()
}

/// A guest's order.
fn wish(wanted: &[(&str, i64)]) -> Value {
    let guest = json!({ "email": "helene@example.org", "first_name": "Hélène", "last_name": "Martin", "locale": "fr" });
    json!({ "lines": lines(wanted), "guest": guest })
}

/// The same of somebody signed in, who is answered at once.
fn mine(wanted: &[(&str, i64)]) -> Value {
    json!({ "lines": lines(wanted) })
}

async fn place(client: &Client, body: Value) -> Reply {
    client.post("/api/v1/orders", body).await
}

fn id(order: &Value) -> OrderId {
    order["id"].as_str().expect("an id").parse().expect("a uuid")
}

fn admin_path(order: &Value) -> String {
    format!("/api/v1/admin/orders/{}", id(order))
}

async fn pieces(app: &TestApp) -> Value {
    app.sql("select stock_quantity from products order by slug limit 1").await[0]["stock_quantity"].clone()
}

async fn user_id(client: &Client) -> Value {
    client.get("/api/v1/me").await.ok()["id"].clone()
}

fn addressed(app: &TestApp) -> Vec<String> {
    let mut all = subjects(&app.mails());
    all.sort();
    all
}

/// Brings the one order of the test into a status, whatever it was.
async fn force(app: &TestApp, status: OrderStatus, assignee: Option<&Value>) {
    let assignee = assignee.map_or("null".into(), |id| id.to_string().replace('"', "'"));
    let paid = if status.is_paid() || status == OrderStatus::Refunded { "now()" } else { "null" };
    app.execute(&format!("update orders set status = '{}', paid_at = {paid}, assignee_id = {assignee}", status.name()))
        .await;
}

async fn mark(app: &TestApp, order: OrderId, paid: bool) -> Result<bool, String> {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let done = match paid {
        true => order_status::mark_paid(&mut tx, order).await,
        false => order_status::mark_refunded(&mut tx, order).await,
    };
    tx.commit().await.expect("a commit");
    done.map_err(|error| error.to_string())
}
