//! Reading orders. A cart is no order yet: nothing here sees one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Order, OrderFilter, OrderLine, OrderPriority, OrderStatus, Scope};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, FileId, OrderId, OrderLineId, ProductId, UserId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::secret;

/// The columns of an order, flat.
pub(super) struct Row {
    pub(super) id: OrderId,
    pub(super) number: String,
    pub(super) customer_id: CustomerId,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: OrderStatus,
    pub(super) assignee_id: Option<UserId>,
    pub(super) priority: OrderPriority,
    pub(super) client_note: Option<String>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) currency: Currency,
    pub(super) total_net_cents: i64,
    pub(super) total_vat_cents: i64,
    pub(super) total_gross_cents: i64,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) paid_at: Option<DateTime<Utc>>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) version: i32,
}

impl From<Row> for Order {
    fn from(row: Row) -> Self {
        let money = |amount| Money::new(amount, row.currency);
        Self {
            id: row.id,
            number: row.number,
            customer_id: row.customer_id,
            title: row.title,
            description: row.description,
            status: row.status,
            assignee_id: row.assignee_id,
            priority: row.priority,
            client_note: row.client_note,
            due_at: row.due_at,
            delivered_at: row.delivered_at,
            total_net: money(row.total_net_cents),
            total_vat: money(row.total_vat_cents),
            total_gross: money(row.total_gross_cents),
            placed_at: row.placed_at,
            paid_at: row.paid_at,
            completed_at: row.completed_at,
            expires_at: row.expires_at,
            version: row.version,
        }
    }
}

/// A statement around the columns of an [`Order`].
macro_rules! order {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::domain::billing::orders::read::Row,
            $head + r#" id as "id: _", number as "number!", customer_id as "customer_id: _", title, description,
                        status as "status: _", assignee_id as "assignee_id: _", priority as "priority: _", client_note,
                        due_at, delivered_at, currency as "currency: _", total_net_cents, total_vat_cents,
                        total_gross_cents, placed_at as "placed_at!", paid_at, completed_at, expires_at, version "# + $tail,
            $($argument),*
        )
    };
}
pub(super) use order;

/// The parameters of a scope: the account, the hash of a token.
fn bounds(scope: &Scope) -> (Option<uuid::Uuid>, Option<Vec<u8>>) {
    match scope {
        Scope::Mine(user) => (Some(user.0), None),
        Scope::Token(token) => (None, Some(secret::sha256(token))),
        Scope::All => (None, None),
    }
}

/// One order within the scope, or 404.
pub async fn get(db: &mut PgConnection, scope: &Scope, id: OrderId) -> Result<Order> {
    let (user, token) = bounds(scope);
    let row = order!(
        "select" "from orders
         where id = $1 and status <> 'cart' and ($3::bytea is null or token_hash = $3)
           and ($2::uuid is null or customer_id = (select c.id from customers c where c.user_id = $2))",
        id.0,
        user,
        token
    );
    row.fetch_optional(db).await?.map(Order::from).ok_or(Error::NotFound("order"))
}

/// One order, held until the transaction ends: nobody moves it on meanwhile.
pub async fn lock(db: &mut PgConnection, id: OrderId) -> Result<Order> {
    let row = order!("select" "from orders where id = $1 and status <> 'cart' for no key update", id.0);
    row.fetch_optional(db).await?.map(Order::from).ok_or(Error::NotFound("order"))
}

/// Orders within the scope that match, newest first.
pub async fn list(
    db: &mut PgConnection,
    scope: &Scope,
    filter: &OrderFilter,
    page: PageRequest,
) -> Result<Page<Order>> {
    let (user, token) = bounds(scope);
    let rows = order!(
        "select" "from orders
         where status <> 'cart' and ($2::bytea is null or token_hash = $2)
           and ($1::uuid is null or customer_id = (select c.id from customers c where c.user_id = $1))
           and ($3::text is null or status = $3) and ($4::text is null or priority = $4)
           and ($5::uuid is null or assignee_id = $5) and ($6::uuid is null or customer_id = $6)
           and ($7::text is null or number = $7) and ($8::uuid is null or id < $8)
           and ($10::timestamptz is null or placed_at >= $10) and ($11::timestamptz is null or placed_at < $11)
         order by id desc limit $9",
        user,
        token,
        filter.status.map(OrderStatus::name),
        filter.priority.map(OrderPriority::name),
        filter.assignee_id.map(|user| user.0),
        filter.customer_id.map(|customer| customer.0),
        filter.number,
        page.after,
        page.limit + 1,
        filter.placed_since,
        filter.placed_before
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(Order::from).collect();
    Ok(Page::cut(rows, page, |order: &Order| order.id.0))
}

/// The lines of an order, first to last.
pub async fn lines(db: &mut PgConnection, order: &Order) -> Result<Vec<OrderLine>> {
    let currency = order.total_net.currency;
    let rows = sqlx::query!(
        r#"select id as "id: OrderLineId", product_id as "product_id: ProductId", position, name, description,
                  quantity::int as "quantity!", unit_price_cents, (vat_rate * 100)::int as "vat_rate_bp!",
                  vat_category as "vat_category: VatCategory", reserved
           from order_lines where order_id = $1 order by position"#,
        order.id.0
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(|row| {
        let unit_price = Money::new(row.unit_price_cents, currency);
        let net = unit_price.checked_mul(row.quantity.into()).ok_or_else(|| Error::internal("a line is too large"))?;
        Ok(OrderLine {
            id: row.id,
            product_id: row.product_id,
            position: row.position,
            name: row.name,
            description: row.description,
            quantity: row.quantity,
            unit_price,
            net,
            vat_rate_bp: row.vat_rate_bp,
            vat_category: row.vat_category,
            reserved: row.reserved,
        })
    });
    rows.collect()
}

/// Its summary as it is now; none while that is not drawn.
pub async fn summary(db: &mut PgConnection, order: &Order) -> Result<Option<FileId>> {
    let file = sqlx::query_scalar!(
        r#"select summary_file_id as "file: FileId" from orders where id = $1 and summary_version = $2"#,
        order.id.0,
        order.version
    );
    Ok(file.fetch_optional(db).await?.flatten())
}
