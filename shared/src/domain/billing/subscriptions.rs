//! Stripe's subscriptions and their invoices, mirrored. Owns `stripe_subscriptions`, `stripe_invoices`.
//!
//! Our own invoices are other documents. An answer that was asked for earlier never overwrites a later one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::kernel::Result;
use crate::platform::stripe::{Invoice, Subscription};

/// What Stripe said of a subscription when it was asked at `at`.
pub async fn follow(db: &mut PgConnection, said: &Subscription, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into stripe_subscriptions (id, stripe_customer_id, status, period_end, ends_with_period, synced_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update set
             stripe_customer_id = excluded.stripe_customer_id, status = excluded.status,
             period_end = excluded.period_end, ends_with_period = excluded.ends_with_period,
             synced_at = excluded.synced_at
         where stripe_subscriptions.synced_at <= excluded.synced_at",
        said.id,
        &*said.customer,
        said.status,
        said.period_end().and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        said.cancel_at_period_end,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What Stripe said of an invoice when it was asked at `at`.
pub async fn follow_invoice(db: &mut PgConnection, said: &Invoice, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into stripe_invoices (id, stripe_customer_id, subscription_id, status, total_cents, paid_cents, currency,
                                      period_end, synced_at)
         values ($1, $2, $3, $4, $5, $6, upper($7), $8, $9)
         on conflict (id) do update set
             stripe_customer_id = excluded.stripe_customer_id, subscription_id = excluded.subscription_id,
             status = excluded.status, total_cents = excluded.total_cents, paid_cents = excluded.paid_cents,
             period_end = excluded.period_end, synced_at = excluded.synced_at
         where stripe_invoices.synced_at <= excluded.synced_at",
        said.id,
        said.customer.as_deref(),
        said.subscription(),
        said.status,
        said.total,
        said.amount_paid,
        said.currency,
        said.period_end.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        at
    )
    .execute(db)
    .await?;
    Ok(())
}
