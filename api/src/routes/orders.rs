//! Orders: placing one, one's own, and all of them for whoever manages orders.
//!
//! A guest gets an order token with the answer, once; whether their address has an account, nobody learns: neither by
//! the answer nor by its time.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::billing::customers::{self, Billing, Customer};
use shared::domain::billing::disputes::{self, Dispute};
use shared::domain::billing::orders::{
    self, MAX_LINES, MAX_PIECES, Order, OrderFilter, OrderPatch, OrderPriority, OrderStatus, OrderView, Scope, Wanted,
};
use shared::domain::billing::payments::{self, Payment};
use shared::domain::billing::refunds::{self, Refund};
use shared::domain::identity::fields;
use shared::flows::order_placed::{self, Buyer};
use shared::flows::refund_requested::{self, Wish};
use shared::flows::registration::Registration;
use shared::flows::{evenly, order_cancelled, order_status};
use shared::kernel::ids::{OrderId, PaymentId, ProductId, UserId};
use shared::kernel::page::PageRequest;
use shared::kernel::{Error, Result, patch, text};
use shared::platform::jobs::admin::{self as jobs, JobFilter, JobRow};
use sqlx::PgConnection;
use tokio::time::Instant;
use validator::Validate;

use super::me::Locale;
use super::requests::{line, prose};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Limit, Table};

const MANAGE: Access = Access::Can("orders.manage");

/// Placing, and one's own.
pub fn table() -> Table {
    Table::at("/api/v1/orders", "orders")
        .post("", Access::Public, place)
        .says("Order: signed in, or as a guest, whose account is made and waits for its activation")
        .limit(Limit::Forms)
        .takes::<Wishes>()
        .gives::<PlacedOrder>(201)
        .get("", Access::Caller, list_own)
        .says("My orders, newest first")
        .queries::<OwnFilter>()
        .paged()
        .gives::<Order>(200)
        .get("/{id}", Access::Caller, show_own)
        .says("One of my orders with its lines")
        .gives::<OrderView>(200)
        .post("/{id}/cancel", Access::Caller, cancel_own)
        .says("Cancel an order of mine that is not paid")
        .gives::<OrderView>(200)
}

/// All of them.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/orders", "orders")
        .get("", MANAGE, list)
        .says("All orders, newest first")
        .queries::<OrderFilter>()
        .paged()
        .gives::<Order>(200)
        .get("/{id}", MANAGE, show)
        .says("One order with its lines, its customer, its payments and the jobs about it")
        .gives::<WholeOrder>(200)
        .opens("ADMIN_ACCESS", "order")
        .patch("/{id}", MANAGE, change)
        .says("Change title, description, due date or priority, or give the work to somebody; a paid order is then in progress")
        .takes::<OrderChange>()
        .gives::<OrderView>(200)
        .put("/{id}/status", MANAGE, set_status)
        .says("Move an order on; 409 for a step that does not exist or belongs to a payment, a refund or the project")
        .takes::<NewStatus>()
        .gives::<OrderView>(200)
        .delete("/{id}", MANAGE, cancel)
        .says("Cancel an order that is not paid, or one that is paid and not begun: its money goes back")
        .gives_nothing(204)
        .post("/{id}/refunds", Access::Can("payments.refund"), refund)
        .says("Give money back: all that is left of a payment, or a part of it")
        .takes::<NewRefund>()
        .gives::<Refund>(202)
}

/// An order about to be placed.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wishes {
    /// What is bought; a product stands on one line.
    #[validate(length(min = 1, max = MAX_LINES), nested)]
    lines: Vec<Line>,
    /// Who orders; needed when nobody is signed in, refused otherwise.
    #[validate(nested)]
    guest: Option<Guest>,
    /// Where the invoice goes; when absent, where the last one went.
    #[validate(nested)]
    billing: Option<Billing>,
    /// One line; the name of the first product when absent.
    #[validate(length(max = 200), custom(function = "line"))]
    title: Option<String>,
    /// What is to be done.
    #[validate(length(max = 10000), custom(function = "prose"))]
    description: Option<String>,
    /// Anything else to say.
    #[validate(length(max = 2000), custom(function = "prose"))]
    note: Option<String>,
}

/// A line of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    /// What.
    product_id: ProductId,
    /// How many pieces.
    #[validate(range(min = 1, max = MAX_PIECES))]
    quantity: i32,
}

/// Somebody without an account, or who does not say.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Guest {
    /// Where mails about the order go.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(email, length(max = 254), custom(function = "fields::address"))]
    email: String,
    /// First name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    first_name: String,
    /// Last name.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 60), custom(function = "fields::name"))]
    last_name: String,
    /// The language of mails; `Accept-Language` when absent.
    locale: Option<Locale>,
}

/// A placed order.
#[derive(Serialize, JsonSchema)]
struct PlacedOrder {
    /// The order.
    #[serde(flatten)]
    view: OrderView,
    /// For a guest: opens this order, and is given away only here.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Wishes {
    fn buyer<'a>(&'a self, actor: Option<UserId>, headers: &HeaderMap) -> Result<Buyer<'a>> {
        match (actor, &self.guest) {
            (Some(user), None) => Ok(Buyer::Account(user)),
            (Some(_), Some(_)) => Err(Error::field("guest", "signed_in", "is for those who are not signed in")),
            (None, None) => Err(Error::field("guest", "required", "is missing")),
            (None, Some(guest)) => {
                let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
                let locale = guest.locale.map_or_else(|| text::locale(accepted), Locale::code);
                let Guest { email, first_name, last_name, .. } = guest;
                Ok(Buyer::Guest(Registration { email, first_name, last_name, locale }))
            }
        }
    }

    fn wish(&self) -> order_placed::Wish {
        order_placed::Wish {
            title: self.title.as_deref().map(|title| title.trim().to_owned()),
            description: self.description.clone().unwrap_or_default(),
            client_note: self.note.clone(),
            wanted: self
                .lines
                .iter()
                .map(|line| Wanted { product: line.product_id, quantity: line.quantity })
                .collect(),
            billing: self.billing.clone(),
        }
    }
}

async fn place(State(app): State<App>, headers: HeaderMap, post: Post<Wishes>) -> Answer {
    let (came, guest) = (Instant::now(), post.origin.actor.is_none());
    let answer = placed(&app, &headers, post).await;
    if guest {
        evenly::wait(came).await;
    }
    answer
}

async fn placed(app: &App, headers: &HeaderMap, post: Post<Wishes>) -> Answer {
    let buyer = post.body.buyer(post.origin.actor, headers)?;
    let guest = matches!(buyer, Buyer::Guest(_));
    // The token is made anew for a repeated answer: what is kept beside the key holds none.
    let give_token = |body: &mut Value| {
        if let (true, Some(Ok(id))) = (guest, body["data"]["id"].as_str().map(str::parse)) {
            body["data"]["token"] = Value::from(orders::token(&app.platform.config, id));
        }
    };
    let mut tx = post.begin_restoring(give_token).await?;
    let view = order_placed::place(&mut tx, &buyer, post.body.wish()).await?;
    post.created_restoring(tx, &PlacedOrder { view, token: None }, give_token).await
}

/// Which of one's own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OwnFilter {
    /// Where they stand.
    status: Option<OrderStatus>,
}

async fn list_own(
    State(app): State<App>,
    caller: Caller,
    Query(own): Query<OwnFilter>,
    Paging(page): Paging,
) -> Answer {
    let filter = OrderFilter { status: own.status, ..OrderFilter::default() };
    let mut db = app.db().await?;
    listed(&orders::list(&mut db, &Scope::Mine(caller.user), &filter, page).await?)
}

async fn show_own(State(app): State<App>, caller: Caller, Path(id): Path<OrderId>) -> Answer {
    let mut db = app.db().await?;
    let order = orders::get(&mut db, &Scope::Mine(caller.user), id).await?;
    data(&view(&mut db, order).await?)
}

async fn cancel_own(caller: Caller, Path(id): Path<OrderId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let order = order_cancelled::cancel(&mut tx, &Scope::Mine(caller.user), id, None).await?;
    let view = view(&mut tx, order).await?;
    post.ok(tx, &view).await
}

async fn list(State(app): State<App>, Query(filter): Query<OrderFilter>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&orders::list(&mut db, &Scope::All, &filter, page).await?)
}

/// An order with everything about it.
#[derive(Serialize, JsonSchema)]
struct WholeOrder {
    /// The order.
    #[serde(flatten)]
    view: OrderView,
    /// Who buys.
    customer: Customer,
    /// Every try to pay it, oldest first.
    payments: Vec<Payment>,
    /// Money given back.
    refunds: Vec<Refund>,
    /// Money that a bank wants back.
    disputes: Vec<Dispute>,
    /// The jobs about it, newest first.
    jobs: Vec<JobRow>,
}

async fn show(State(app): State<App>, Path(id): Path<OrderId>) -> Answer {
    let mut db = app.db().await?;
    let order = orders::get(&mut db, &Scope::All, id).await?;
    let customer = customers::get(&mut db, order.customer_id).await?;
    let about = JobFilter { subject: Some(id.0), ..JobFilter::default() };
    let jobs = jobs::list(&mut db, &about, PageRequest::default()).await?.rows;
    let payments = payments::of_order(&mut db, id).await?;
    let (mut refunds, mut disputes) = (Vec::new(), Vec::new());
    for payment in &payments {
        refunds.extend(refunds::of_payment(&mut db, payment.id).await?);
        disputes.extend(disputes::of_payment(&mut db, payment.id).await?);
    }
    data(&WholeOrder { view: view(&mut db, order).await?, customer, payments, refunds, disputes, jobs })
}

/// Money to be given back.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    /// Of which payment; the first that has something left when absent.
    payment_id: Option<PaymentId>,
    /// How much, in minor units of the payment's currency; all that is left when absent.
    #[validate(range(min = 1))]
    amount: Option<i64>,
    /// Why, for the log.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(min = 1, max = 500), custom(function = "line"))]
    reason: String,
}

async fn refund(Path(id): Path<OrderId>, post: Post<NewRefund>) -> Answer {
    let mut tx = post.begin().await?;
    tx.platform().stripe()?;
    let NewRefund { payment_id, amount, reason } = &post.body;
    let wish = Wish { payment: *payment_id, amount: *amount, reason };
    let refund = refund_requested::request(&mut tx, id, &wish).await?;
    post.accepted(tx, None, &refund).await
}

/// What changes; absent stays.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OrderChange {
    /// One line.
    #[validate(length(max = 200), custom(function = "line"))]
    title: Option<String>,
    /// What is to be done.
    #[validate(length(max = 10000), custom(function = "prose"))]
    description: Option<String>,
    /// When the work should be done; null: no more.
    #[serde(deserialize_with = "patch::said")]
    due_at: Option<Option<DateTime<Utc>>>,
    /// How urgent.
    priority: Option<OrderPriority>,
    /// Who does the work, with the permission `orders.work`; null: nobody.
    #[serde(deserialize_with = "patch::said")]
    assignee_id: Option<Option<UserId>>,
}

async fn change(Path(id): Path<OrderId>, post: Post<OrderChange>) -> Answer {
    let OrderChange { title, description, due_at, priority, assignee_id } = &post.body;
    let title = title.as_deref().map(|title| title.trim().to_owned());
    let patch = OrderPatch { title, description: description.clone(), due_at: *due_at, priority: *priority };
    let mut tx = post.begin().await?;
    let order = order_status::edit(&mut tx, id, &patch, *assignee_id).await?;
    let view = view(&mut tx, order).await?;
    post.ok(tx, &view).await
}

/// Where an order should stand.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    /// The status.
    status: OrderStatus,
    /// Why; a suspension needs it. For the log, not for the client.
    #[validate(length(max = 500), custom(function = "line"))]
    reason: Option<String>,
}

async fn set_status(Path(id): Path<OrderId>, post: Post<NewStatus>) -> Answer {
    let mut tx = post.begin().await?;
    let order = order_status::change(&mut tx, id, post.body.status, post.body.reason.as_deref()).await?;
    let view = view(&mut tx, order).await?;
    post.ok(tx, &view).await
}

async fn cancel(Path(id): Path<OrderId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    order_cancelled::cancel(&mut tx, &Scope::All, id, None).await?;
    post.done(tx).await
}

async fn view(db: &mut PgConnection, order: Order) -> Result<OrderView> {
    let lines = orders::lines(db, &order).await?;
    OrderView::of(order, lines)
}
