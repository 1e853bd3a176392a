//! Payments: each is one page on which an order can be paid, and what became of it. Owns `payments`.
//!
//! A row is written before Stripe is asked for the page. Afterwards it follows what Stripe says ([`super::verdict`]), an
//! answer that was asked for later always wins over an earlier one.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use super::verdict::Verdict;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{OrderId, PaymentId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::words;

words! {
    /// What became of a payment, refunds and disputes apart.
    Outcome {
        /// Nothing yet.
        Pending = "pending",
        /// Under way; a direct debit takes days.
        Processing = "processing",
        /// The money is ours.
        Succeeded = "succeeded",
        /// Declined; the page is open for another try, or another one is made.
        Failed = "failed",
        /// The page's time is over.
        Expired = "expired",
        /// Given up.
        Cancelled = "cancelled",
        /// Another amount or currency came than was asked for: a person must look.
        Review = "review",
    }

    /// Where a payment stands.
    PaymentStatus {
        /// Nothing yet.
        Pending = "pending",
        /// Under way.
        Processing = "processing",
        /// The money is ours.
        Succeeded = "succeeded",
        /// Declined.
        Failed = "failed",
        /// The page's time is over.
        Expired = "expired",
        /// Given up.
        Cancelled = "cancelled",
        /// Another amount or currency came than was asked for.
        Review = "review",
        /// Given back, all of it.
        Refunded = "refunded",
        /// Given back, some of it.
        PartiallyRefunded = "partially_refunded",
        /// A bank holds the money, or has taken it back.
        Disputed = "disputed",
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What is paid.
    pub order_id: OrderId,
    /// How much was asked for.
    pub amount: Money,
    /// How much was given back, or is on its way back.
    pub refunded: Money,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The same without refunds and disputes.
    #[serde(skip)]
    pub outcome: Outcome,
    /// `cs_…`, Stripe's page.
    pub session_id: Option<String>,
    /// `pi_…`
    pub payment_intent_id: Option<String>,
    /// The page. Whoever knows it can pay.
    #[serde(skip)]
    pub url: Option<String>,
    /// `card`, `sepa_debit` …
    pub method: Option<String>,
    /// Why it failed, Stripe's word.
    pub failure_code: Option<String>,
    /// When the page ends.
    pub expires_at: DateTime<Utc>,
    /// When Stripe was last asked.
    pub synced_at: Option<DateTime<Utc>>,
    /// When the money came.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

struct Row {
    id: PaymentId,
    order_id: OrderId,
    amount_cents: i64,
    refunded_cents: i64,
    currency: Currency,
    status: PaymentStatus,
    outcome: Outcome,
    session_id: Option<String>,
    payment_intent_id: Option<String>,
    url: Option<String>,
    method: Option<String>,
    failure_code: Option<String>,
    expires_at: DateTime<Utc>,
    synced_at: Option<DateTime<Utc>>,
    succeeded_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Row> for Payment {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            order_id: row.order_id,
            amount: Money::new(row.amount_cents, row.currency),
            refunded: Money::new(row.refunded_cents, row.currency),
            status: row.status,
            outcome: row.outcome,
            session_id: row.session_id,
            payment_intent_id: row.payment_intent_id,
            url: row.url,
            method: row.method,
            failure_code: row.failure_code,
            expires_at: row.expires_at,
            synced_at: row.synced_at,
            succeeded_at: row.succeeded_at,
            created_at: row.created_at,
        }
    }
}

/// A statement around the columns of a [`Payment`].
macro_rules! payment {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            $head + r#" id as "id: _", order_id as "order_id: _", amount_cents, refunded_cents, currency as "currency: _",
                        status as "status: _", outcome as "outcome: _", stripe_session_id as session_id,
                        stripe_payment_intent_id as payment_intent_id, url, method, failure_code, expires_at, synced_at,
                        succeeded_at, created_at "# + $tail,
            $($argument),*
        )
    };
}

/// Begins a payment of an order whose row the caller holds; its page ends then.
pub async fn begin(db: &mut PgConnection, order: OrderId, amount: Money, until: DateTime<Utc>) -> Result<Payment> {
    let row = payment!(
        "insert into payments (id, order_id, amount_cents, currency, expires_at)
         values ($1, $2, $3, $4, $5) returning" "",
        PaymentId::new().0,
        order.0,
        amount.amount,
        amount.currency.code(),
        until
    );
    Ok(row.fetch_one(db).await?.into())
}

/// The page that Stripe made for a payment.
pub async fn opened(db: &mut PgConnection, id: PaymentId, session: &str, url: Option<&str>) -> Result<()> {
    sqlx::query!(
        "update payments set stripe_session_id = $2, url = $3, updated_at = now() where id = $1",
        id.0,
        session,
        url
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One payment, or 404.
pub async fn get(db: &mut PgConnection, id: PaymentId) -> Result<Payment> {
    let row = payment!("select" "from payments where id = $1", id.0);
    row.fetch_optional(db).await?.map(Payment::from).ok_or(Error::NotFound("payment"))
}

/// One payment, held until the transaction ends. Whoever holds an order too takes the order first.
pub async fn lock(db: &mut PgConnection, id: PaymentId) -> Result<Payment> {
    let row = payment!("select" "from payments where id = $1 for no key update", id.0);
    row.fetch_optional(db).await?.map(Payment::from).ok_or(Error::NotFound("payment"))
}

/// The payment of one of Stripe's sessions or payment intents.
pub async fn of_stripe(db: &mut PgConnection, id: &str) -> Result<Option<Payment>> {
    let row = payment!("select" "from payments where stripe_session_id = $1 or stripe_payment_intent_id = $1", id);
    Ok(row.fetch_optional(db).await?.map(Payment::from))
}

/// The payments of an order, oldest first.
pub async fn of_order(db: &mut PgConnection, order: OrderId) -> Result<Vec<Payment>> {
    let rows = payment!("select" "from payments where order_id = $1 order by id", order.0);
    Ok(rows.fetch_all(db).await?.into_iter().map(Payment::from).collect())
}

/// Payments whose end may have escaped us, oldest first: those nobody has asked about for ten minutes, direct debits for
/// half a day.
pub async fn stale(db: &mut PgConnection, limit: i64) -> Result<Vec<PaymentId>> {
    let rows = sqlx::query_scalar!(
        r#"select id as "id: PaymentId" from payments
           where outcome in ('pending', 'processing', 'failed') and stripe_session_id is not null
             and coalesce(synced_at, created_at)
                 < now() - case when outcome = 'processing' then interval '12 hours' else interval '10 minutes' end
           order by created_at limit $1"#,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// Writes down what Stripe said when it was asked at `asked`.
pub async fn follow(db: &mut PgConnection, id: PaymentId, said: &Verdict, asked: DateTime<Utc>) -> Result<Payment> {
    let row = payment!(
        "update payments set outcome = $2, failure_code = $3, method = coalesce($4, method),
                stripe_payment_intent_id = coalesce($5, stripe_payment_intent_id),
                stripe_session_id = coalesce(stripe_session_id, $6),
                url = case when $8 and $2 in ('pending', 'failed') then url end,
                succeeded_at = case when $2 = 'succeeded' then coalesce(succeeded_at, now()) end,
                synced_at = $7, updated_at = now()
         where id = $1 returning" "",
        id.0,
        said.outcome.name(),
        said.failure_code,
        said.method,
        said.intent,
        said.session,
        asked,
        said.open
    );
    Ok(row.fetch_one(db).await?.into())
}

/// Gives an unfinished payment up: its order was cancelled, or nobody ever heard of its page. False: it is finished.
pub async fn give_up(db: &mut PgConnection, id: PaymentId) -> Result<bool> {
    let done = sqlx::query!(
        "update payments set outcome = 'cancelled', url = null, updated_at = now()
         where id = $1 and outcome in ('pending', 'failed')",
        id.0
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// What refunds and disputes have made of it.
pub async fn given_back(db: &mut PgConnection, id: PaymentId, cents: i64, disputed: bool) -> Result<Payment> {
    let row = payment!(
        "update payments set refunded_cents = $2, disputed = $3, updated_at = now() where id = $1 returning" "",
        id.0,
        cents,
        disputed
    );
    Ok(row.fetch_one(db).await?.into())
}

/// The database's clock, which dates what Stripe says: ours may differ from process to process.
pub async fn clock(db: &mut PgConnection) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "at!""#).fetch_one(db).await?)
}

/// Forgets the addresses of pages of these orders; amounts and outcomes stay.
pub async fn forget(db: &mut PgConnection, orders: &[OrderId]) -> Result<()> {
    let ids: Vec<_> = orders.iter().map(|order| order.0).collect();
    sqlx::query!("update payments set url = null where order_id = any($1) and outcome <> 'pending'", &ids)
        .execute(db)
        .await?;
    Ok(())
}
