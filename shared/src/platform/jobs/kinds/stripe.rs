//! Kinds that talk to Stripe. They wait in a lane of their own: Stripe may take its time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::ids::{JobId, PaymentId, ProductId, RefundId, StripeEventId, UserId};
use crate::platform::jobs::{Job, Lane, Retry};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Handles an event of Stripe's.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProcessStripeEvent {
    /// Our row of it.
    pub event: StripeEventId,
}

impl Job for ProcessStripeEvent {
    const KIND: &'static str = "stripe.process_event";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = TIMEOUT;
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("stripe_event", self.event.0))
    }
}

/// Asks Stripe what became of a payment.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SyncPayment {
    /// The payment.
    pub payment: PaymentId,
    /// Whoever asks in the same round asks once.
    pub round: String,
}

impl Job for SyncPayment {
    const KIND: &'static str = "stripe.sync_payment";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = TIMEOUT;
    fn unique_key(&self) -> Option<String> {
        Some(format!("sync-payment:{}:{}", self.payment, self.round))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("payment", self.payment.0))
    }
}

/// Asks Stripe to give money back.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CreateRefund {
    /// The refund.
    pub refund: RefundId,
}

impl Job for CreateRefund {
    const KIND: &'static str = "stripe.create_refund";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = TIMEOUT;
    fn unique_key(&self) -> Option<String> {
        Some(format!("refund:{}", self.refund))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("refund", self.refund.0))
    }
}

/// Closes a page that must not be paid any more.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExpireSession {
    /// The payment.
    pub payment: PaymentId,
}

impl Job for ExpireSession {
    const KIND: &'static str = "stripe.expire_session";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = TIMEOUT;
    fn unique_key(&self) -> Option<String> {
        Some(format!("expire-session:{}", self.payment))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("payment", self.payment.0))
    }
}

/// Deletes a customer and their cards at Stripe.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeleteStripeCustomer {
    /// `cus_…`
    pub customer: String,
}

impl Job for DeleteStripeCustomer {
    const KIND: &'static str = "stripe.delete_customer";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = TIMEOUT;
    fn unique_key(&self) -> Option<String> {
        Some(format!("stripe-customer-delete:{}", self.customer))
    }
}

/// Finds what no webhook brought.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReconcileStripe {}

impl Job for ReconcileStripe {
    const KIND: &'static str = "stripe.reconcile";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(5);
}

/// Brings a product at Stripe to what it is with us.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SyncProduct {
    /// The product.
    pub product_id: ProductId,
    /// The state of it that Stripe shall know. What is newer has a job of its own.
    pub version: i32,
    /// The comparison that found a difference: Stripe was told of this version before, and knows it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<JobId>,
}

impl Job for SyncProduct {
    const KIND: &'static str = "stripe.sync_product";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = Duration::from_secs(30);
    fn unique_key(&self) -> Option<String> {
        let found_by = self.found_by.map(|job| format!(":{job}")).unwrap_or_default();
        Some(format!("product:{}:v{}{found_by}", self.product_id, self.version))
    }
    /// An older version that is late must not overtake a newer one.
    fn concurrency(&self) -> Option<(String, u32)> {
        Some((format!("stripe:product:{}", self.product_id), 1))
    }
    fn key_argument(&self) -> Option<String> {
        Some(format!("v{}", self.version))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("product", self.product_id.0))
    }
}

/// Compares every product with Stripe, and has the differences mended.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SyncCatalogue {
    /// Only tells what would be done.
    pub dry_run: bool,
    /// Tells of products without a difference too.
    pub verbose: bool,
    /// Who asked; none: the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<UserId>,
}

impl Job for SyncCatalogue {
    const KIND: &'static str = "stripe.sync_catalogue";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::STRIPE;
    const TIMEOUT: Duration = Duration::from_mins(10);
    /// Two at once would mend the same differences twice.
    fn concurrency(&self) -> Option<(String, u32)> {
        Some(("stripe:catalogue".into(), 1))
    }
    fn key_argument(&self) -> Option<String> {
        self.dry_run.then(|| "dry run".into())
    }
    fn owner(&self) -> Option<UserId> {
        self.requested_by
    }
}
