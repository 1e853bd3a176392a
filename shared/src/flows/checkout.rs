//! An order is paid: by a page of Stripe's, made while somebody waits for it.
//!
//! Three steps, so that no transaction is open during a call: [`prepare`] writes the payment (or finds the one whose page
//! is still open), [`open`] asks Stripe for its page, [`opened`] keeps what came, unless the order was cancelled or has
//! expired meanwhile. A call whose answer is lost is made again with the same key, and gives the same page.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use crate::domain::billing::customers::{self, Customer};
use crate::domain::billing::methods;
use crate::domain::billing::orders::{self, Order, OrderLine, OrderStatus, Scope};
use crate::domain::billing::payments::{self, Outcome, Payment};
use crate::domain::billing::totals;
use crate::flows::{order_placed, payment_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::OrderId;
use crate::platform::Platform;
use crate::platform::audit::Severity;
use crate::platform::jobs::enqueue;
use crate::platform::jobs::kinds::ExpireSession;
use crate::platform::stripe::{Line, NewCustomer, NewSession, Session};
use crate::platform::tx::Tx;

/// A page is open for so long: long enough for a bank's questions, short enough that prices and stock still hold.
pub const TERM: Duration = Duration::from_hours(2);
/// A page that ends sooner than this is not shown any more: Stripe wants at least half an hour for a new one.
const LEFT: chrono::Duration = chrono::Duration::minutes(40);

/// What a page is made of.
pub struct Plan {
    order: Order,
    lines: Vec<OrderLine>,
    customer: Customer,
    /// The payment that the page is for.
    pub payment: Payment,
}

/// The payment whose page shall be shown: the open one, or a new one. 404 outside of this scope; 409 `order_status` for
/// an order that is not to be paid (any more), `payment_processing` while a payment is under way.
pub async fn prepare(tx: &mut Tx, scope: &Scope, id: OrderId) -> Result<Plan> {
    orders::get(tx, scope, id).await?;
    let order = orders::lock(tx, id).await?;
    if order.status == OrderStatus::Expired {
        return Err(Error::conflict("order_status", "this order's time is over: its pieces are no longer reserved"));
    }
    if order.status != OrderStatus::Pending || order.total_gross.amount == 0 {
        return Err(Error::conflict("order_status", format!("an order that is {} is not paid", order.status.name())));
    }
    let until = tx.platform().clock.now() + TERM;
    let payment = match current(tx, &order).await? {
        Some(payment) => payment,
        None => payments::begin(tx, id, order.total_gross, until).await?,
    };
    let customer = customers::get(tx, order.customer_id).await?;
    let lines = orders::lines(tx, &order).await?;
    Ok(Plan { order, lines, customer, payment })
}

/// The payment whose page is still good. One that ends soon is given up, and its page closed.
async fn current(tx: &mut Tx, order: &Order) -> Result<Option<Payment>> {
    let known = payments::of_order(tx, order.id).await?;
    if known.iter().any(|payment| matches!(payment.outcome, Outcome::Processing | Outcome::Review)) {
        return Err(Error::conflict("payment_processing", "a payment of this order is under way"));
    }
    let open = known.into_iter().find(|payment| matches!(payment.outcome, Outcome::Pending | Outcome::Failed));
    let Some(open) = open else { return Ok(None) };
    let shown = open.session_id.is_none() || open.url.is_some();
    if shown && open.expires_at > tx.platform().clock.now() + LEFT {
        return Ok(Some(open));
    }
    give_up(tx, &open).await?;
    Ok(None)
}

/// Gives an unfinished payment up and has its page closed.
pub async fn give_up(tx: &mut Tx, payment: &Payment) -> Result<()> {
    if payments::give_up(tx, payment.id).await? && payment.session_id.is_some() {
        enqueue(tx, &ExpireSession { payment: payment.id }).await?;
    }
    Ok(())
}

/// Stripe's page for it. No transaction is open. A customer that this makes at Stripe is kept at once: were it forgotten
/// because the page then failed, the next try would make it once more under the same key, perhaps with another name.
pub async fn open(platform: &Platform, plan: &Plan) -> Result<Session> {
    let stripe = platform.stripe()?.hurried();
    let known = plan.customer.stripe_customer_id.as_deref();
    if known.is_none() && plan.customer.user_id.is_none() {
        return Ok(stripe.create_session(&page(platform, plan, None)).await?); // a guest is nobody's customer
    }
    if let Some(known) = known {
        match stripe.create_session(&page(platform, plan, Some(known))).await {
            Err(error) if error.misses("customer") => {} // deleted at Stripe: the buyer is a new one there
            other => return Ok(other?),
        }
    }
    let Customer { id, email, locale, billing, .. } = &plan.customer;
    let id = id.to_string();
    let new = NewCustomer { customer: &id, email, name: Some(&billing.legal_name), locale, after: known };
    let made = stripe.create_customer(&new).await?.id;
    let mut tx = Tx::begin(platform).await?;
    customers::known_to_stripe(&mut tx, plan.customer.id, known, &made).await?;
    if known.is_some() {
        methods::forget_all(&mut tx, plan.customer.id).await?; // they went with the one that was deleted
    }
    tx.commit().await?;
    Ok(stripe.create_session(&page(platform, plan, Some(&made))).await?)
}

fn page<'a>(platform: &Platform, plan: &'a Plan, payer: Option<&'a str>) -> NewSession<'a> {
    let Plan { order, customer, payment, .. } = plan;
    let page = format!("{}/orders/{}/payment", platform.config.frontend_url(), order.id);
    NewSession {
        payment: payment.id.to_string(),
        order: order.id.to_string(),
        customer: payer,
        email: payer.is_none().then_some(customer.email.as_str()),
        currency: order.total_gross.currency.code(),
        lines: lines(plan),
        locale: &customer.locale,
        success_url: format!("{page}?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: page,
        expires_at: payment.expires_at,
        keep_method: payer.is_some(),
    }
}

/// Lines as the page shows them: each with its VAT when that gives exactly the order's total, otherwise the order as one
/// line. VAT is summed up per rate, so lines rounded one by one may be a cent away; the page must not be.
fn lines(plan: &Plan) -> Vec<Line<'_>> {
    let each: Option<Vec<Line<'_>>> = plan.lines.iter().map(line).collect();
    let sum = |lines: &[Line<'_>]| {
        lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.unit_amount.checked_mul(line.quantity.into())?))
    };
    if let Some(each) = each.filter(|each| sum(each) == Some(plan.order.total_gross.amount)) {
        return each;
    }
    vec![Line { name: &plan.order.number, unit_amount: plan.order.total_gross.amount, quantity: 1 }]
}

fn line(line: &OrderLine) -> Option<Line<'_>> {
    let one = totals::Taxed { net: line.unit_price, ..line.taxed() };
    let gross = totals::of(line.unit_price.currency, [one])?.gross.amount;
    Some(Line { name: &line.name, unit_amount: gross, quantity: u32::try_from(line.quantity).ok()? })
}

/// Keeps what came: the payment has its page, the order waits for it. Returns the payment; one that was given up meanwhile
/// has no page, and the one that was made is closed.
pub async fn opened(tx: &mut Tx, plan: &Plan, session: &Session) -> Result<Payment> {
    orders::lock(tx, plan.order.id).await?;
    let payment = payments::lock(tx, plan.payment.id).await?;
    let open = matches!(payment.outcome, Outcome::Pending | Outcome::Failed);
    let url = session.url.as_ref().map(ExposeSecret::expose_secret).filter(|_| open);
    payments::opened(tx, payment.id, &session.id, url).await?;
    if payment.outcome == Outcome::Cancelled {
        enqueue(tx, &ExpireSession { payment: payment.id }).await?;
    } else if open && payment.session_id.is_none() {
        order_placed::wait_for(tx, plan.order.id, &payment).await?;
        let details = json!({ "order": plan.order.id, "session": session.id });
        payment_told::record(tx, "PAYMENT_SESSION_CREATED", Severity::Low, &payment, details).await?;
    }
    payments::get(tx, payment.id).await
}
