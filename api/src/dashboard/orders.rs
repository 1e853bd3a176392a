//! Orders, newest first, and one order with its payments, refunds, disputes, invoices, jobs and log.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::domain::billing::customers;
use shared::domain::billing::disputes::{self, Dispute};
use shared::domain::billing::invoices::{self, InvoiceFilter};
use shared::domain::billing::orders::{self, Order, OrderFilter, OrderStatus, OrderView, Scope};
use shared::domain::billing::payments::{self, Payment};
use shared::domain::billing::refunds::{self, Refund};
use shared::domain::exports::ExportKind;
use shared::flows::order_cancelled;
use shared::flows::refund_requested::{self, Wish};
use shared::kernel::Error;
use shared::kernel::ids::{OrderId, PaymentId};
use shared::kernel::money::Money;
use shared::kernel::page::PageRequest;
use shared::platform::audit;
use shared::platform::mail::{self, EmailFilter};

use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::exports;
use crate::dashboard::facts::Fact;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::{self, Select, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::note::What;
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{decimal, locale, say, word};
use crate::dashboard::{BILL, REFUND};
use crate::error::{Answer, ApiError};
use crate::extract::{Paging, Path, Query};

/// The list.
pub const LIST: &str = "/admin/orders";
/// Audit entries shown beside an order.
const ENTRIES: i64 = 30;

#[derive(Serialize)]
struct Row<'a> {
    order: &'a Order,
    href: String,
    mark: Mark,
    total: String,
}

fn query(filter: &OrderFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &OrderFilter) -> Vec<Chip> {
    let chip =
        |words: Option<String>, rest: OrderFilter| words.map(|words| Chip { words, href: with(LIST, &query(&rest)) });
    let status = given.status.map(|status| marks::order(status).word.to_lowercase());
    let all = [
        chip(status, OrderFilter { status: None, ..given.clone() }),
        chip(given.number.clone(), OrderFilter { number: None, ..given.clone() }),
        chip(given.customer_id.map(|_| say!("of one buyer")), OrderFilter { customer_id: None, ..given.clone() }),
        chip(given.assignee_id.map(|_| say!("of one colleague")), OrderFilter { assignee_id: None, ..given.clone() }),
        chip(
            given.priority.map(|p| marks::order_priority(p).to_lowercase()),
            OrderFilter { priority: None, ..given.clone() },
        ),
    ];
    all.into_iter().flatten().collect()
}

/// `GET /admin/orders`
pub async fn list(desk: Desk, Query(given): Query<OrderFilter>, Paging(wanted): Paging) -> Result<Response, ApiError> {
    let page = orders::list(&mut *desk.db().await?, &Scope::All, &given, wanted).await?;
    let narrowed = given != OrderFilter::default();
    let empty = Empty {
        icon: "orders",
        title: word(if narrowed { "No order matches." } else { "No orders yet." }).into(),
        text: word(if narrowed { "Others may be hidden by the filters." } else { "They come from the shop." }),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let placed = OrderStatus::ALL.into_iter().filter(|status| *status != OrderStatus::Cart);
    let statuses = placed.map(|status| (status.name().to_owned(), marks::order(status).word.to_owned()));
    let row = |order| Row {
        order,
        href: page_of(order.id),
        mark: marks::order(order.status),
        total: order.total_gross.said(locale()),
    };
    let view = json!({
        "selects": [Select::new("status", "Every status", statuses, given.status.map(OrderStatus::name))],
        "number": given.number, "chips": chips(&given), "rows": page.rows.iter().map(row).collect::<Vec<_>>(),
        "export": exports::offer(&desk, ExportKind::Orders, &query(&given)),
        "empty": empty, "pager": Pager::new(LIST, &query(&given), wanted, &page),
    });
    desk.page("orders", Place::Orders, "Orders", &view).await
}

fn page_of(id: OrderId) -> String {
    format!("{LIST}/{id}")
}

/// `GET /admin/orders/{id}`
pub async fn show(desk: Desk, Path(id): Path<OrderId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let order = orders::get(&mut db, &Scope::All, id).await?;
    let customer = customers::get(&mut db, order.customer_id).await?;
    let lines = orders::lines(&mut db, &order).await?;
    let OrderView { order, lines, vat } = OrderView::of(order, lines)?;
    let mut paid = Vec::new();
    for payment in payments::of_order(&mut db, id).await? {
        let back = refunds::of_payment(&mut db, payment.id).await?;
        let wanted = disputes::of_payment(&mut db, payment.id).await?;
        paid.push(told(&payment, &back, &wanted));
    }
    let filter = InvoiceFilter { order_id: Some(id), ..InvoiceFilter::default() };
    let bills = invoices::list(&mut db, &invoices::Scope::All, &filter, PageRequest::default()).await?.rows;
    let filter = EmailFilter { subject: Some(id.0), ..EmailFilter::default() };
    let mails =
        if desk.may_look() { mail::list(&mut db, &filter, PageRequest::default()).await?.rows } else { Vec::new() };
    let entries = audit::about(&mut db, "order", &id.to_string(), ENTRIES).await?;
    let log = Line::all(&mut db, entries).await?;
    drop(db);
    desk.opened("ADMIN_ACCESS", "order", id).await?;
    let line = |line: &orders::OrderLine| {
        json!({ "name": line.name, "quantity": line.quantity, "price": line.unit_price.said(locale()), "net": line.net.said(locale()),
                "vat": format!("{}\u{a0}%", decimal(line.vat_rate_bp / 10)) })
    };
    let bill = |row: &invoices::InvoiceRow| {
        json!({ "href": format!("/admin/invoices/{}", row.id), "number": row.number.as_deref().unwrap_or_else(|| word("draft")),
                "total": row.total_gross.said(locale()), "mark": marks::invoice(row.status), "kind": marks::document(row.kind) })
    };
    let view = json!({
        "order": order, "mark": marks::order(order.status), "lines": lines.iter().map(line).collect::<Vec<_>>(),
        "vat": vat.iter().map(|rate| rate.vat.said(locale())).collect::<Vec<_>>().join(" + "),
        "facts": facts(&order, &customer), "payments": paid,
        "invoices": bills.iter().map(bill).collect::<Vec<_>>(), "sees_invoices": desk.me.permissions.can(BILL),
        "mails": mails.iter().map(|mail| json!({ "id": mail.id, "template": mail.template,
                     "mark": marks::email(&mail.status), "created_at": mail.created_at })).collect::<Vec<_>>(),
        "jobs": desk.may_look().then(|| format!("/admin/jobs?subject={id}")), "audit": log,
        "cancellable": matches!(order.status, OrderStatus::Pending | OrderStatus::Paid),
        "refundable": order.status.is_paid() && desk.me.permissions.can(REFUND),
    });
    desk.page("order", Place::Orders, &order.number, &view).await
}

/// A payment with what went back of it.
fn told(payment: &Payment, back: &[Refund], wanted: &[Dispute]) -> Value {
    let refund = |refund: &Refund| json!({ "said": say!("{amount} given back, {status}", amount = refund.amount.said(locale()), status = refund.status.name()) });
    let dispute = |dispute: &Dispute| json!({ "said": say!("disputed, {status}", status = dispute.status) });
    json!({
        "payment": payment, "mark": marks::payment(payment.status), "amount": payment.amount.said(locale()),
        "left": Money::new(payment.amount.amount - payment.refunded.amount, payment.amount.currency).number(),
        "events": payment.payment_intent_id.as_ref().map(|pi| format!("/admin/stripe-events?object_id={pi}")),
        "back": back.iter().map(refund).chain(wanted.iter().map(dispute)).collect::<Vec<_>>(),
    })
}

fn facts(order: &Order, customer: &customers::Customer) -> Vec<Fact> {
    let buyer = with(LIST, &format!("customer_id={}", customer.id));
    let facts = [
        Some(Fact::link("Buyer", &customer.email, buyer)),
        Some(Fact::text("Bills to", &customer.billing.legal_name)),
        Some(Fact::text("Priority", marks::order_priority(order.priority))),
        Some(Fact::text("Net", order.total_net.said(locale()))),
        Some(Fact::text("VAT", order.total_vat.said(locale()))),
        Some(Fact::text("Gross", order.total_gross.said(locale()))),
        Some(Fact::at("Placed", order.placed_at)),
        order.expires_at.filter(|_| order.status == OrderStatus::Pending).map(|at| Fact::at("Expires", at)),
        order.paid_at.map(|at| Fact::at("Paid", at)),
        order.due_at.map(|at| Fact::at("Due", at)),
        order.completed_at.map(|at| Fact::at("Completed", at)),
        order.client_note.as_ref().map(|note| Fact::text("The client says", note)),
    ];
    facts.into_iter().flatten().collect()
}

/// `POST /admin/orders/{id}/cancel`
pub async fn cancel(desk: Desk, Path(id): Path<OrderId>) -> Answer {
    let mut tx = desk.begin().await?;
    match order_cancelled::cancel(&mut tx, &Scope::All, id, None).await {
        Err(Error::Conflict { .. }) => return desk.go(&page_of(id), What::OrderRefused).await,
        done => done?,
    };
    tx.commit().await?;
    desk.go(&page_of(id), What::OrderCancelled).await
}

/// Money to be given back.
#[derive(Deserialize)]
pub struct Back {
    payment: Option<PaymentId>,
    amount: Option<String>,
    currency: Option<String>,
    reason: Option<String>,
}

impl Back {
    /// In minor units; none: all that is left. Refused: a number that is none in this currency.
    fn minor(&self) -> Result<Option<i64>, Error> {
        let Some(text) = &self.amount else { return Ok(None) };
        let currency = self.currency.as_deref().and_then(shared::kernel::money::Currency::from_code);
        let money = currency.and_then(|currency| Money::parse(&text.trim().replace(',', "."), currency));
        money.map(|money| Some(money.amount)).ok_or_else(|| Error::field("amount", "number", "is no amount"))
    }
}

/// `POST /admin/orders/{id}/refund`
pub async fn refund(desk: Desk, Path(id): Path<OrderId>, Sent(back): Sent<Back>) -> Answer {
    let (Some(reason), Ok(amount)) = (forms::line(back.reason.as_deref()), back.minor()) else {
        return desk.go(&page_of(id), What::OrderRefused).await;
    };
    let mut tx = desk.begin().await?;
    tx.platform().stripe()?;
    match refund_requested::request(&mut tx, id, &Wish { payment: back.payment, amount, reason: &reason }).await {
        Err(Error::Conflict { .. } | Error::Invalid(_)) => return desk.go(&page_of(id), What::OrderRefused).await,
        done => done?,
    };
    tx.commit().await?;
    desk.go(&page_of(id), What::RefundAsked).await
}
