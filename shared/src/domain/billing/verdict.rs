//! What a payment becomes by what Stripe says of it now: one function of our state and Stripe's, without effects.
//!
//! The money decides. What has succeeded stays so, whatever older or later story an event tells; only refunds and
//! disputes, which are rows of their own, take it back.

use super::payments::{Outcome, Payment};
use crate::platform::stripe::{PaymentIntent, Session};

/// What Stripe said of one payment when it was asked.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Its page.
    pub session: Option<Session>,
    /// Its money.
    pub intent: Option<PaymentIntent>,
}

/// What a payment is by what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// Which try failed: Stripe's charge, or the word of its failure.
    pub failed_try: Option<String>,
    /// `card`, `sepa_debit` …
    pub method: Option<String>,
    /// `pi_…`
    pub intent: Option<String>,
    /// `cs_…`
    pub session: Option<String>,
    /// Its page may still be paid.
    pub open: bool,
}

/// Judges.
pub fn of(payment: &Payment, said: &Said) -> Verdict {
    let intent = said.intent.as_ref();
    let failure = intent.and_then(|intent| intent.last_payment_error.as_ref());
    let failure_code = failure.and_then(|failure| failure.decline_code.clone().or_else(|| failure.code.clone()));
    let charge = intent.and_then(PaymentIntent::charge);
    let outcome = outcome(payment, said);
    let failed = outcome == Outcome::Failed;
    Verdict {
        outcome,
        failed_try: failed.then(|| charge.map(|charge| charge.id.clone()).or_else(|| failure_code.clone())).flatten(),
        failure_code: if failed { failure_code } else { None },
        method: charge.and_then(|charge| charge.payment_method_details.as_ref()).map(|details| details.kind.clone()),
        intent: intent.map(|intent| intent.id.clone()),
        session: said.session.as_ref().map(|session| session.id.clone()),
        open: said.session.as_ref().is_none_or(|session| session.status.as_deref() == Some("open")),
    }
}

fn outcome(payment: &Payment, said: &Said) -> Outcome {
    let before = payment.outcome;
    let (session, intent) = (said.session.as_ref(), said.intent.as_ref());
    if matches!(before, Outcome::Succeeded | Outcome::Review) {
        return before;
    }
    if let Some((amount, currency)) = paid(session, intent) {
        let right = amount == payment.amount.amount && currency.eq_ignore_ascii_case(payment.amount.currency.code());
        return if right { Outcome::Succeeded } else { Outcome::Review };
    }
    let intent_is = intent.map_or("", |intent| intent.status.as_str());
    let session_is = session.and_then(|session| session.status.as_deref()).unwrap_or_default();
    let declined = intent.is_some_and(|intent| intent.last_payment_error.is_some());
    // What is over without money stays so, unless money comes all the same.
    let over = matches!(before, Outcome::Cancelled | Outcome::Expired);
    match (intent_is, session_is) {
        // Without an intent yet: the page is done, the money is not there.
        ("processing", _) | ("", "complete") => Outcome::Processing,
        _ if over => before,
        (_, "expired") => Outcome::Expired,
        ("canceled", _) => Outcome::Cancelled,
        ("requires_payment_method", _) if declined => Outcome::Failed,
        _ => before,
    }
}

/// The money that came in, when it did.
fn paid<'a>(session: Option<&'a Session>, intent: Option<&'a PaymentIntent>) -> Option<(i64, &'a str)> {
    if let Some(intent) = intent.filter(|intent| intent.status == "succeeded") {
        return Some((intent.amount_received, &intent.currency));
    }
    let session =
        session.filter(|session| matches!(session.payment_status.as_str(), "paid" | "no_payment_required"))?;
    Some((session.amount_total?, session.currency.as_deref()?))
}
