//! Somebody orders: pieces are reserved, the order waits a day for its payment, and everybody concerned is told.
//!
//! Called by `POST /api/v1/orders`. A guest leaves an account behind that waits for its activation; whether the address
//! had one already shows in nothing the guest gets back. One transaction: an order that nobody hears of does not exist.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::domain::billing::customers::{self, Billing, Customer};
use crate::domain::billing::orders::{self, NewOrder, OrderView, Wanted};
use crate::domain::billing::payments::Payment;
use crate::domain::identity::users::{self, User};
use crate::flows::order_told;
use crate::flows::registration::{self, Registration};
use crate::kernel::Result;
use crate::kernel::ids::{OrderId, PaymentId, UserId};
use crate::platform::audit::Severity;
use crate::platform::jobs::kinds::ExpireOrder;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::mail::{self, NewMail, catalogue};
use crate::platform::tx::Tx;

/// So long an order waits for its payment.
pub const TERM: Duration = Duration::from_hours(24);
/// So long after its page's end a payment may still come.
const SLOW: TimeDelta = TimeDelta::minutes(10);
/// Behind everything that somebody waits for; a step weighs a minute.
const LOW: i16 = 5;

/// Who orders.
pub enum Buyer<'a> {
    /// Somebody signed in.
    Account(UserId),
    /// Somebody who says who they are.
    Guest(Registration<'a>),
}

/// What is ordered.
pub struct Wish {
    /// One line; the first product's name when there is none.
    pub title: Option<String>,
    /// What is to be done.
    pub description: String,
    /// What the client says with it.
    pub client_note: Option<String>,
    /// What is bought.
    pub wanted: Vec<Wanted>,
    /// Where the invoice goes; none: where the last one went.
    pub billing: Option<Billing>,
}

/// Places an order. 422 for what cannot be ordered, 409 (`out_of_stock`) when there are not enough pieces.
pub async fn place(tx: &mut Tx, buyer: &Buyer<'_>, wish: Wish) -> Result<OrderView> {
    let customer = customer(tx, buyer, wish.billing.as_ref()).await?;
    let config = tx.platform().config.clone();
    let new = NewOrder {
        customer: customer.id,
        title: wish.title,
        description: wish.description,
        client_note: wish.client_note,
        wanted: wish.wanted,
        with_token: matches!(buyer, Buyer::Guest(_)),
    };
    let placed = orders::place(tx, &config, new, TERM).await?;
    let order = &placed.order;
    let details = json!({ "number": order.number, "total": order.total_gross, "lines": placed.lines.len() });
    order_told::record(tx, "ORDER_CREATED", Severity::Low, order, details).await?;
    let key = format!("order:{}:created", order.id);
    match buyer {
        Buyer::Account(_) => order_told::client(tx, order, key.clone()).await?,
        Buyer::Guest(guest) => receipt(tx, guest, &customer, &placed, &key).await?,
    }
    let message = placed.lines.iter().map(|line| format!("{} × {}", line.quantity, line.name)).collect::<Vec<_>>();
    order_told::administrators(tx, order, "placed", &message.join("\n"), key).await?;
    enqueue_new(tx, NewJob::of(&ExpireOrder { order: order.id, payment: None })?.after(TERM).priority(LOW)).await?;
    Ok(placed)
}

/// An order waits until its page has ended, and a little longer: a bank may be slow.
pub async fn wait_for(tx: &mut Tx, order: OrderId, payment: &Payment) -> Result<()> {
    wait_until(tx, order, payment.id, payment.expires_at + SLOW).await
}

/// A payment that was under way for days came to nothing: the order waits another day for the next one.
pub async fn wait_again(tx: &mut Tx, order: OrderId, payment: PaymentId) -> Result<()> {
    let until = tx.platform().clock.now() + TERM;
    wait_until(tx, order, payment, until).await
}

async fn wait_until(tx: &mut Tx, order: OrderId, payment: PaymentId, until: DateTime<Utc>) -> Result<()> {
    if let Some(end) = orders::wait_until(tx, order, until).await? {
        let job = NewJob::of(&ExpireOrder { order, payment: Some(payment) })?;
        let key = format!("order-expire:{order}:{payment}:{}", end.timestamp());
        enqueue_new(tx, job.unique(&key).at(end).priority(LOW)).await?;
    }
    Ok(())
}

async fn customer(tx: &mut Tx, buyer: &Buyer<'_>, billing: Option<&Billing>) -> Result<Customer> {
    let full = |first: &str, last: &str| format!("{first} {last}").trim().to_owned();
    match buyer {
        Buyer::Account(user) => {
            let User { first_name, last_name, email, locale, .. } = users::get(tx, *user).await?;
            let said = match billing {
                Some(said) => Some(said.clone()),
                None => customers::of_user(tx, *user).await?.map(|known| known.billing),
            };
            let billing = said.unwrap_or_default().checked(&full(&first_name, &last_name))?;
            customers::put(tx, Some(*user), &email.unwrap_or_default(), &locale, &billing).await
        }
        Buyer::Guest(guest) => {
            let billing = billing.cloned().unwrap_or_default().checked(&full(guest.first_name, guest.last_name))?;
            let account = registration::visit(tx, guest).await?.map(|user| user.id);
            customers::put(tx, account, guest.email, guest.locale, &billing).await
        }
    }
}

async fn receipt(
    tx: &mut Tx,
    guest: &Registration<'_>,
    customer: &Customer,
    placed: &OrderView,
    key: &str,
) -> Result<()> {
    let order = &placed.order;
    let mail = NewMail {
        template: &catalogue::VISITOR_ORDER,
        to: order_told::recipient(customer),
        vars: json!({
            "first_name": guest.first_name,
            "order_number": order.number,
            "order_title": order.title,
            "order_total": order.total_gross,
            "payment_url": format!("{}/payment", order_told::page(tx, order)),
        }),
        dedupe_key: format!("{key}:client"),
        subject: Some(("order", order.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}
