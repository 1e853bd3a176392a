//! An event of Stripe's is handled: which object is it about, what is that object now, what follows from it.
//!
//! [`look`] asks, outside of any transaction; [`apply`] writes, in the one that ends the job. What the event itself says
//! of its object is not read: it may be late, out of order, or written in another version.

use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::billing::payments::{self, Payment};
use crate::domain::billing::received::{self, EventStatus, StripeEvent};
use crate::domain::billing::{methods, subscriptions};
use crate::flows::payment_synced::{self, Asked};
use crate::flows::stripe_warned;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::PaymentId;
use crate::platform::Platform;
use crate::platform::jobs::enqueue;
use crate::platform::jobs::kinds::ReconcileStripe;
use crate::platform::stripe::{Customer, Invoice, Metadata, PaymentMethod, Subscription};
use crate::platform::tx::Tx;

/// A payment is asked about at most this often: events of one payment come in bursts, and one answer serves them all.
const PAUSE: TimeDelta = TimeDelta::seconds(2);
/// An object that nobody knows may still become known: our own commit may be late.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A page.
    Session,
    /// The money of a page.
    Intent,
    /// One try to take it.
    Charge,
    /// Money given back.
    Refund,
    /// Money that a bank wants back.
    Dispute,
    /// A card or an account that somebody keeps.
    Method,
    /// Somebody who pays.
    Customer,
    /// Stripe's own invoice.
    Invoice,
    /// Something paid again and again.
    Subscription,
    /// What a person must look at in Stripe's dashboard.
    Warning,
    /// Events that Stripe was unable to make: only a look at the objects finds what they would have told.
    Gap,
}

/// The types that concern us, and what their events are about: those that the endpoint at Stripe subscribes to.
pub const TYPES: [(&str, About); 46] = [
    ("checkout.session.completed", About::Session),
    ("checkout.session.async_payment_succeeded", About::Session),
    ("checkout.session.async_payment_failed", About::Session),
    ("checkout.session.expired", About::Session),
    ("payment_intent.succeeded", About::Intent),
    ("payment_intent.processing", About::Intent),
    ("payment_intent.requires_action", About::Intent),
    ("payment_intent.payment_failed", About::Intent),
    ("payment_intent.canceled", About::Intent),
    ("charge.succeeded", About::Charge),
    ("charge.failed", About::Charge),
    ("charge.updated", About::Charge),
    ("charge.refunded", About::Charge),
    ("refund.created", About::Refund),
    ("refund.updated", About::Refund),
    ("refund.failed", About::Refund),
    ("charge.refund.updated", About::Refund),
    ("charge.dispute.created", About::Dispute),
    ("charge.dispute.updated", About::Dispute),
    ("charge.dispute.closed", About::Dispute),
    ("charge.dispute.funds_withdrawn", About::Dispute),
    ("charge.dispute.funds_reinstated", About::Dispute),
    ("payment_method.attached", About::Method),
    ("payment_method.detached", About::Method),
    ("payment_method.updated", About::Method),
    ("payment_method.automatically_updated", About::Method),
    ("customer.updated", About::Customer),
    ("customer.deleted", About::Customer),
    ("invoice.created", About::Invoice),
    ("invoice.finalized", About::Invoice),
    ("invoice.paid", About::Invoice),
    ("invoice.payment_succeeded", About::Invoice),
    ("invoice.payment_failed", About::Invoice),
    ("invoice.payment_action_required", About::Invoice),
    ("invoice.voided", About::Invoice),
    ("invoice.marked_uncollectible", About::Invoice),
    ("invoice.finalization_failed", About::Invoice),
    ("customer.subscription.created", About::Subscription),
    ("customer.subscription.updated", About::Subscription),
    ("customer.subscription.deleted", About::Subscription),
    ("customer.subscription.paused", About::Subscription),
    ("customer.subscription.resumed", About::Subscription),
    ("customer.subscription.trial_will_end", About::Subscription),
    (stripe_warned::FRAUD, About::Warning),
    ("payout.failed", About::Warning),
    ("v2.core.health.event_generation_failure.resolved", About::Gap),
];

/// What an event of this type is about; none: nothing that concerns us.
pub fn about(kind: &str) -> Option<About> {
    TYPES.iter().find(|(name, _)| *name == kind).map(|(_, about)| *about)
}

/// What there is to do about an event.
pub enum Seen {
    /// Stripe was asked after it came: its news is in.
    Known,
    /// Not now: somebody asked a moment ago, or the object may become known.
    Later(Duration),
    /// The object is gone.
    Gone,
    /// Nobody here knows the object.
    Unmatched,
    /// News of a payment.
    Payment(PaymentId, Box<Asked>),
    /// A card or an account as it is now.
    Method(Box<PaymentMethod>),
    /// A customer as it is now.
    Customer(Box<Customer>),
    /// An invoice of Stripe's as it is now, asked for then.
    Invoice(Box<Invoice>, Asked),
    /// A subscription as it is now, asked for then.
    Subscription(Box<Subscription>, Asked),
    /// Nothing to ask: people are told.
    Warning,
    /// Nothing to ask yet: everything is looked through.
    Gap,
}

/// Asks Stripe what the event's object is now.
pub async fn look(platform: &Platform, event: &StripeEvent) -> Result<Seen> {
    let (Some(about), Some(id)) = (about(&event.kind), event.object_id.as_deref()) else { return Ok(Seen::Gone) };
    match about {
        About::Warning => return Ok(Seen::Warning),
        About::Gap => return Ok(Seen::Gap),
        _ => {}
    }
    let mut db = platform.db.acquire().await?;
    let asked = Asked::now(&mut db).await?;
    if let Some(seen) = known(payments::of_stripe(&mut db, id).await?.as_ref(), event, &asked, about) {
        return Ok(seen);
    }
    drop(db); // Stripe may take its time
    let stripe = platform.stripe()?;
    Ok(match about {
        About::Method => stripe.payment_method(id).await?.map_or(Seen::Gone, |method| Seen::Method(Box::new(method))),
        About::Customer => stripe.customer(id).await?.map_or(Seen::Gone, |one| Seen::Customer(Box::new(one))),
        About::Invoice => stripe.invoice(id).await?.map_or(Seen::Gone, |one| Seen::Invoice(Box::new(one), asked)),
        About::Subscription => {
            stripe.subscription(id).await?.map_or(Seen::Gone, |one| Seen::Subscription(Box::new(one), asked))
        }
        _ => money(platform, event, about, id, asked).await?,
    })
}

/// Whether there is anything to ask about a payment that the event names.
fn known(payment: Option<&Payment>, event: &StripeEvent, asked: &Asked, about: About) -> Option<Seen> {
    // A refund or a dispute is only read when it is asked for by its name.
    let synced = payment.filter(|_| !matches!(about, About::Refund | About::Dispute))?.synced_at?;
    if synced > event.asked_at {
        return Some(Seen::Known);
    }
    let wait = synced + PAUSE - asked.at;
    wait.to_std().ok().filter(|wait| !wait.is_zero()).map(Seen::Later)
}

/// News of a payment: through the object to its intent, or its page.
async fn money(platform: &Platform, event: &StripeEvent, about: About, id: &str, mut asked: Asked) -> Result<Seen> {
    let stripe = platform.stripe()?;
    let intent = match about {
        About::Charge => match stripe.charge(id).await? {
            Some(charge) => charge.payment_intent,
            None => return Ok(Seen::Gone),
        },
        About::Refund => match stripe.refund(id).await? {
            Some(refund) => {
                let intent = refund.payment_intent.clone();
                asked.refunds.push(refund);
                intent
            }
            None => return Ok(Seen::Gone),
        },
        About::Dispute => match stripe.dispute(id).await? {
            Some(dispute) => {
                let intent = dispute.payment_intent.clone();
                asked.disputes.push(dispute);
                intent
            }
            None => return Ok(Seen::Gone),
        },
        _ => None,
    };
    let name = intent.as_deref().unwrap_or(id).to_owned();
    let known = payments::of_stripe(&mut *platform.db.acquire().await?, &name).await?;
    if let Some(seen) = self::known(known.as_ref(), event, &asked, about) {
        return Ok(seen);
    }
    let payment = match known {
        Some(payment) => payment,
        None => match named(platform, about, &name, &mut asked).await? {
            Some(payment) => payment,
            None => return Ok(stranger(event, &asked)),
        },
    };
    let asked = payment_synced::ask(platform, &payment, asked).await?;
    Ok(Seen::Payment(payment.id, Box::new(asked)))
}

/// The payment that a page or an intent names in its metadata.
async fn named(platform: &Platform, about: About, id: &str, asked: &mut Asked) -> Result<Option<Payment>> {
    let stripe = platform.stripe()?;
    let metadata = if about == About::Session {
        asked.said.session = stripe.session(id).await?;
        asked.said.session.as_ref().map(|session| &session.metadata)
    } else {
        asked.said.intent = stripe.payment_intent(id).await?;
        asked.said.intent.as_ref().map(|intent| &intent.metadata)
    };
    let Some(payment) = metadata.and_then(ours) else { return Ok(None) };
    match payments::get(&mut *platform.db.acquire().await?, payment).await {
        Ok(payment) => Ok(Some(payment)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ours(metadata: &Metadata) -> Option<PaymentId> {
    metadata.get("payment_id")?.parse().ok()
}

fn stranger(event: &StripeEvent, asked: &Asked) -> Seen {
    let age = asked.at - event.asked_at;
    if age >= LATE {
        return Seen::Unmatched;
    }
    Seen::Later(age.to_std().unwrap_or_default().clamp(Duration::from_secs(5), Duration::from_mins(2)))
}

/// Writes what was seen, and the event's end. False: not yet, it is to be looked at again.
pub async fn apply(tx: &mut Tx, event: &StripeEvent, seen: Seen) -> Result<bool> {
    let (status, code) = match seen {
        Seen::Known => (EventStatus::Processed, None),
        Seen::Later(_) => return Ok(false),
        Seen::Gone => (EventStatus::Ignored, Some("gone")),
        Seen::Unmatched => (EventStatus::Unmatched, None),
        Seen::Payment(payment, asked) => {
            if !payment_synced::apply(tx, payment, &asked).await? {
                return Ok(false);
            }
            (EventStatus::Processed, None)
        }
        Seen::Method(method) => matched(methods::follow(tx, &method).await?),
        Seen::Customer(customer) => matched(methods::set_default(tx, &customer).await?),
        Seen::Invoice(invoice, asked) => {
            subscriptions::follow_invoice(tx, &invoice, asked.at).await?;
            (EventStatus::Processed, None)
        }
        Seen::Subscription(subscription, asked) => {
            subscriptions::follow(tx, &subscription, asked.at).await?;
            (EventStatus::Processed, None)
        }
        Seen::Warning => {
            stripe_warned::tell(tx, event).await?;
            (EventStatus::Processed, None)
        }
        Seen::Gap => {
            enqueue(tx, &ReconcileStripe {}).await?;
            (EventStatus::Processed, None)
        }
    };
    if event.kind == "customer.deleted" {
        received::empty(tx, event.id).await?; // it says who they were, once more
    }
    received::finish(tx, event.id, status, code).await?;
    Ok(true)
}

fn matched(known: bool) -> (EventStatus, Option<&'static str>) {
    (if known { EventStatus::Processed } else { EventStatus::Unmatched }, None)
}
