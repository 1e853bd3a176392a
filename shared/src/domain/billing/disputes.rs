//! Payments that somebody's bank wants back. Owns `disputes`.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::PaymentId;
use crate::kernel::money::{Currency, Money};
use crate::platform::stripe;

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Dispute {
    /// `dp_…` or `du_…`
    pub id: String,
    /// What is disputed.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// Stripe's word: `needs_response`, `under_review`, `won`, `lost`, `warning_needs_response` …
    pub status: String,
    /// Why, Stripe's word.
    pub reason: Option<String>,
    /// Until when we may answer.
    pub due_by: Option<DateTime<Utc>>,
}

impl Dispute {
    /// Whether the bank holds the money, or has taken it for good. An inquiry (`warning_…`) has taken nothing.
    pub fn holds(&self) -> bool {
        matches!(self.status.as_str(), "needs_response" | "under_review" | "lost")
    }

    /// Whether the bank has decided.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "won" | "lost" | "warning_closed" | "prevented")
    }
}

/// A statement around the columns of a [`Dispute`].
macro_rules! dispute {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query!(
            $head + r#" id, payment_id as "payment_id: PaymentId", amount_cents, currency as "currency: Currency", status,
                        reason, due_by "# + $tail,
            $($argument),*
        )
        .map(|row| Dispute {
            id: row.id,
            payment_id: row.payment_id,
            amount: Money::new(row.amount_cents, row.currency),
            status: row.status,
            reason: row.reason,
            due_by: row.due_by,
        })
    };
}

/// What Stripe says of a dispute is written down. The dispute before, if there was one, and after.
pub async fn follow(
    db: &mut PgConnection,
    payment: PaymentId,
    currency: Currency,
    said: &stripe::Dispute,
) -> Result<(Option<Dispute>, Dispute)> {
    let before =
        dispute!("select" "from disputes where id = $1 for no key update", said.id).fetch_optional(&mut *db).await?;
    let due_by = said.evidence_details.due_by.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let after = dispute!(
        "insert into disputes (id, payment_id, amount_cents, currency, status, reason, due_by)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set
             -- What is over stays over.
             status = case when disputes.status in ('won', 'lost', 'warning_closed', 'prevented') then disputes.status
                           else excluded.status end,
             amount_cents = excluded.amount_cents, reason = excluded.reason, due_by = excluded.due_by, updated_at = now()
         returning" "",
        said.id,
        payment.0,
        said.amount,
        currency.code(),
        said.status,
        said.reason,
        due_by
    );
    Ok((before, after.fetch_one(db).await?))
}

/// The disputes of a payment, oldest first.
pub async fn of_payment(db: &mut PgConnection, payment: PaymentId) -> Result<Vec<Dispute>> {
    Ok(dispute!("select" "from disputes where payment_id = $1 order by created_at, id", payment.0)
        .fetch_all(db)
        .await?)
}

/// Disputes that wait for our answer or the bank's decision, and were not looked at for half a day.
pub async fn open(db: &mut PgConnection, limit: i64) -> Result<Vec<Dispute>> {
    let open = dispute!(
        "select" "from disputes where status not in ('won', 'lost', 'warning_closed', 'prevented')
                    and updated_at < now() - interval '12 hours'
                  order by created_at, id limit $1",
        limit
    );
    Ok(open.fetch_all(db).await?)
}
