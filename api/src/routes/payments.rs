//! Paying: Stripe's page for an order, what became of it, and the cards somebody keeps.
//!
//! Nothing here decides that an order is paid; that is the worker's, by what Stripe says.

use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;
use shared::domain::billing::invoices::document::Kind;
use shared::domain::billing::invoices::{self, InvoiceStatus, PdfStatus};
use shared::domain::billing::methods::{self, Method};
use shared::domain::billing::orders::{self, OrderStatus, Scope};
use shared::domain::billing::payments::{self, Outcome, Payment, PaymentStatus};
use shared::flows::checkout;
use shared::kernel::ids::{OrderId, PaymentId, PaymentMethodId, UserId};
use shared::kernel::{Error, Result};
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::SyncPayment;
use shared::platform::tx::{Origin, Tx};

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answer, ApiError};
use crate::extract::{Nothing, Path, Post, data};
use crate::table::{Access, Table};

/// A page's status is asked of Stripe at most once in so many seconds, however often somebody looks.
const ROUND: i64 = 5;

/// Stripe's page for an order.
pub fn checkout_table() -> Table {
    Table::at("/api/v1/orders", "payments")
        .post("/{id}/checkout", Access::Public, open)
        .says("Stripe's page on which the order is paid: mine, or the one that `Order-Token` opens. Asked again, the same page")
        .gives::<Checkout>(201)
}

/// What became of it.
pub fn status_table() -> Table {
    Table::at("/api/v1/checkout-sessions", "payments")
        .get("/{id}", Access::Public, status)
        .says("Where the payment of a page stands, for its owner or with `Order-Token`; to be asked again while it is pending")
        .gives::<Standing>(200)
        .opens("PAYMENT_STATUS_CHECKED", "checkout_session")
}

/// The cards somebody keeps.
pub fn methods_table() -> Table {
    Table::at("/api/v1/payment-methods", "payments")
        .get("", Access::Caller, list)
        .says("The cards and accounts I keep, the default first")
        .gives::<Vec<Method>>(200)
        .put("/{id}/default", Access::Caller, prefer)
        .says("Take this one unless something else is said")
        .gives_nothing(204)
        .delete("/{id}", Access::Caller, forget)
        .says("Forget a card or an account: it cannot be used again")
        .gives_nothing(204)
}

/// A page.
#[derive(Debug, Serialize, JsonSchema)]
struct Checkout {
    /// Our payment.
    payment_id: PaymentId,
    /// `cs_…`, to ask what became of it.
    session_id: String,
    /// Where the buyer goes now.
    url: String,
}

/// Whose order: the token's, or the caller's.
pub(super) fn scope(headers: &HeaderMap, actor: Option<UserId>, what: &'static str) -> Result<Scope> {
    match (headers.get("order-token"), actor) {
        (Some(token), _) => Ok(Scope::Token(token.to_str().unwrap_or_default().to_owned())),
        (None, Some(user)) => Ok(Scope::Mine(user)),
        (None, None) => Err(Error::NotFound(what)), // as for everybody whose order it is not
    }
}

async fn open(State(app): State<App>, headers: HeaderMap, Path(id): Path<OrderId>, post: Post<Nothing>) -> Answer {
    let scope = scope(&headers, post.origin.actor, "order")?;
    app.platform.stripe()?;
    let mut tx = Tx::begin_for(&app.platform, post.origin.clone()).await?;
    let plan = checkout::prepare(&mut tx, &scope, id).await?;
    tx.commit().await?;
    let payment = match plan.payment.url {
        Some(_) => plan.payment,
        None => make(&app, &plan, post.origin.clone()).await?,
    };
    let Some((url, session_id)) = payment.url.zip(payment.session_id) else {
        return Err(Error::conflict("order_status", "the order has moved on while its page was made").into());
    };
    let tx = post.begin().await?;
    post.created(tx, &Checkout { payment_id: payment.id, session_id, url }).await
}

/// The payment with a page of Stripe's.
async fn make(app: &App, plan: &checkout::Plan, origin: Origin) -> Result<Payment, ApiError> {
    let session = match checkout::open(&app.platform, plan).await {
        Err(error @ Error::Refused(_)) => return Err(given_up(app, plan, error).await),
        other => other?,
    };
    let mut tx = Tx::begin_for(&app.platform, origin).await?;
    let payment = checkout::opened(&mut tx, plan, &session).await?;
    tx.commit().await?;
    Ok(payment)
}

/// Stripe refused this page for good: the next try is another payment.
async fn given_up(app: &App, plan: &checkout::Plan, error: Error) -> ApiError {
    let given_up = async {
        let mut tx = Tx::begin(&app.platform).await?;
        checkout::give_up(&mut tx, &plan.payment).await?;
        tx.commit().await
    };
    match given_up.await {
        Ok(()) => error.into(),
        Err(worse) => worse.into(),
    }
}

/// Where a payment stands.
#[derive(Debug, Serialize, JsonSchema)]
struct Standing {
    /// What is paid.
    order_id: OrderId,
    /// Where it stands.
    order_status: OrderStatus,
    /// Where its payment stands.
    payment_status: PaymentStatus,
    /// Whether the PDF of its invoice is there; null while there is no invoice.
    invoice_status: Option<PdfStatus>,
}

async fn status(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    headers: HeaderMap,
    Path(session): Path<String>,
) -> Answer {
    let scope = scope(&headers, origin.actor, "checkout session")?;
    let mut db = app.db().await?;
    let payment = payments::of_stripe(&mut db, &session).await?.ok_or(Error::NotFound("checkout session"))?;
    let order = orders::get(&mut db, &scope, payment.order_id).await?;
    let invoices = invoices::of_order(&mut db, order.id).await?;
    drop(db);
    if matches!(payment.outcome, Outcome::Pending | Outcome::Processing) && app.platform.stripe().is_ok() {
        let round = (app.platform.clock.now().timestamp() / ROUND).to_string();
        let mut tx = Tx::begin_for(&app.platform, origin).await?;
        enqueue(&mut tx, &SyncPayment { payment: payment.id, round }).await?;
        tx.commit().await?;
    }
    let issued = invoices.iter().find(|one| one.kind == Kind::Invoice && one.status != InvoiceStatus::Draft);
    data(&Standing {
        order_id: order.id,
        order_status: order.status,
        payment_status: payment.status,
        invoice_status: issued.map(|one| one.pdf_status),
    })
}

async fn list(State(app): State<App>, caller: Caller) -> Answer {
    data(&methods::of_user(&mut *app.db().await?, caller.user).await?)
}

async fn prefer(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PaymentMethodId>,
    post: Post<Nothing>,
) -> Answer {
    let method = methods::get(&mut *app.db().await?, caller.user, id).await?;
    let stripe = app.platform.stripe()?.hurried();
    if let Some(customer) = &method.stripe_customer {
        stripe.set_default_payment_method(customer, &method.stripe_id).await?;
    }
    let mut tx = post.begin().await?;
    methods::prefer(&mut tx, &method).await?;
    post.done(tx).await
}

async fn forget(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PaymentMethodId>,
    post: Post<Nothing>,
) -> Answer {
    let method = methods::get(&mut *app.db().await?, caller.user, id).await?;
    app.platform.stripe()?.hurried().detach_payment_method(&method.stripe_id).await?;
    let mut tx = post.begin().await?;
    methods::forget(&mut tx, &method.stripe_id).await?;
    post.done(tx).await
}
