//! Kinds around payments. They talk to Stripe, so they wait in a lane of their own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::ids::{PaymentId, RefundId, StripeEventId};
use crate::platform::jobs::{Job, Lane, Retry};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Handles an event of Stripe's.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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

/// Finds what no webhook brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconcileStripe {}

impl Job for ReconcileStripe {
    const KIND: &'static str = "stripe.reconcile";
    const LANE: Lane = Lane::Stripe;
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(5);
}
