//! Money given back. Owns `refunds`.
//!
//! A row is there before Stripe is asked; one that was made in Stripe's dashboard comes with what Stripe says. A status
//! only moves on, and a refund that failed, even days later, gives nothing back.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{OrderId, PaymentId, RefundId, UserId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::words;
use crate::platform::stripe;

words! {
    /// Where a refund stands.
    RefundStatus {
        /// Stripe was not asked yet.
        Requested = "requested",
        /// On its way.
        Pending = "pending",
        /// Given back.
        Succeeded = "succeeded",
        /// Not given back.
        Failed = "failed",
    }
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// What is given back.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why; none when it was made in Stripe's dashboard.
    pub reason: Option<String>,
    /// `re_…`
    pub stripe_refund_id: Option<String>,
    /// Why it failed, Stripe's word.
    pub failure_code: Option<String>,
    /// Who asked.
    pub requested_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A statement around the columns of a [`Refund`].
macro_rules! refund {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query!(
            $head + r#" id as "id: RefundId", payment_id as "payment_id: PaymentId", amount_cents,
                        currency as "currency: Currency", status as "status: RefundStatus", reason, stripe_refund_id,
                        failure_code, requested_by as "requested_by: UserId", created_at "# + $tail,
            $($argument),*
        )
        .map(|row| Refund {
            id: row.id,
            payment_id: row.payment_id,
            amount: Money::new(row.amount_cents, row.currency),
            status: row.status,
            reason: row.reason,
            stripe_refund_id: row.stripe_refund_id,
            failure_code: row.failure_code,
            requested_by: row.requested_by,
            created_at: row.created_at,
        })
    };
}

/// Writes down that money is to be given back.
pub async fn request(
    db: &mut PgConnection,
    payment: PaymentId,
    amount: Money,
    reason: &str,
    by: Option<UserId>,
) -> Result<Refund> {
    let row = refund!(
        "insert into refunds (id, payment_id, amount_cents, currency, status, reason, requested_by)
         values ($1, $2, $3, $4, 'requested', $5, $6) returning" "",
        RefundId::new().0,
        payment.0,
        amount.amount,
        amount.currency.code(),
        reason,
        by.map(|user| user.0)
    );
    Ok(row.fetch_one(db).await?)
}

/// One refund, or 404.
pub async fn get(db: &mut PgConnection, id: RefundId) -> Result<Refund> {
    refund!("select" "from refunds where id = $1", id.0).fetch_optional(db).await?.ok_or(Error::NotFound("refund"))
}

/// The refunds of a payment, oldest first.
pub async fn of_payment(db: &mut PgConnection, payment: PaymentId) -> Result<Vec<Refund>> {
    Ok(refund!("select" "from refunds where payment_id = $1 order by id", payment.0).fetch_all(db).await?)
}

/// What Stripe says of a refund of this payment is written down. The refund before, if there was one, and after.
pub async fn follow(
    db: &mut PgConnection,
    payment: PaymentId,
    currency: Currency,
    said: &stripe::Refund,
) -> Result<(Option<Refund>, Refund)> {
    let ours = said.metadata.get("refund_id").and_then(|id| id.parse::<RefundId>().ok());
    let known = refund!(
        "select" "from refunds where payment_id = $1 and (stripe_refund_id = $2 or (id = $3 and stripe_refund_id is null))
                  for no key update",
        payment.0,
        said.id,
        ours.map(|id| id.0)
    );
    let before = known.fetch_optional(&mut *db).await?;
    let status = status(said);
    let after =
        match &before {
            Some(before) => {
                let status = if rank(status) > rank(before.status) { status } else { before.status };
                refund!(
                    "update refunds set stripe_refund_id = $2, status = $3, failure_code = coalesce($4, failure_code),
                                        updated_at = now() where id = $1 returning" "",
                    before.id.0,
                    said.id,
                    status.name(),
                    said.failure_reason
                )
                .fetch_one(db)
                .await?
            }
            None => refund!(
                "insert into refunds (id, payment_id, amount_cents, currency, status, stripe_refund_id, failure_code)
                 values ($1, $2, $3, $4, $5, $6, $7) returning" "",
                RefundId::new().0,
                payment.0,
                said.amount,
                currency.code(),
                status.name(),
                said.id,
                said.failure_reason
            )
            .fetch_one(db)
            .await?,
        };
    Ok((before, after))
}

/// Stripe refused: nothing was given back. False: it has moved on meanwhile.
pub async fn refused(db: &mut PgConnection, id: RefundId, code: &str) -> Result<bool> {
    let done = sqlx::query!(
        "update refunds set status = 'failed', failure_code = $2, updated_at = now()
         where id = $1 and status = 'requested'",
        id.0,
        code
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Payments with a refund whose end may have escaped us: nothing was heard of it for half a day.
pub async fn stale(db: &mut PgConnection, limit: i64) -> Result<Vec<PaymentId>> {
    let rows = sqlx::query_scalar!(
        r#"select distinct payment_id as "id: PaymentId" from refunds
           where status = 'pending' and updated_at < now() - interval '12 hours' limit $1"#,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

fn status(said: &stripe::Refund) -> RefundStatus {
    match said.status.as_deref() {
        Some("succeeded") => RefundStatus::Succeeded,
        Some("failed" | "canceled") => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    }
}

/// How far a status is on its way.
const fn rank(status: RefundStatus) -> u8 {
    match status {
        RefundStatus::Requested => 0,
        RefundStatus::Pending => 1,
        RefundStatus::Succeeded => 2,
        RefundStatus::Failed => 3,
    }
}

/// Forgets what was said about refunds of these orders.
pub async fn forget(db: &mut PgConnection, orders: &[OrderId]) -> Result<()> {
    let ids: Vec<_> = orders.iter().map(|order| order.0).collect();
    sqlx::query!(
        "update refunds set reason = null
         where reason is not null and payment_id in (select id from payments where order_id = any($1))",
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}
