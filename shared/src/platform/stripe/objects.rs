//! What we read of Stripe's objects: ids, states, amounts, dates. No names, addresses or secrets, so that printing one
//! gives nobody away.
//!
//! A field is required only when a decision rests on it. Unknown fields are passed over, an object may stand where its
//! id is expected, and both shapes are read where version 2025-03-31 moved something. Amounts are integers in the
//! currency's minor unit; currencies are lower case; times are seconds since 1970.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

mod billing;
mod refs;

pub use billing::{Invoice, Price, Product, Subscription};
pub use refs::{Metadata, Ref};

/// One page of a list, newest first unless it was asked for by `ending_before`.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The objects.
    pub data: Vec<T>,
    /// Whether there are more behind it.
    #[serde(default)]
    pub has_more: bool,
}

/// A Checkout session: a page on which one order is paid.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// `cs_…`
    pub id: String,
    /// The page. Whoever knows it can pay, and sees what was ordered; none once it has ended.
    pub url: Option<SecretString>,
    /// open, complete or expired.
    pub status: Option<String>,
    /// paid, unpaid (also: not yet, SEPA) or no_payment_required.
    pub payment_status: String,
    /// Minor units.
    pub amount_total: Option<i64>,
    /// Lower case.
    pub currency: Option<String>,
    /// Once there is one.
    pub payment_intent: Option<Ref>,
    /// Ours.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A payment and its way through banks.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// succeeded, processing, requires_payment_method, requires_action, requires_confirmation, requires_capture, canceled.
    pub status: String,
    /// Minor units that came in.
    #[serde(default)]
    pub amount_received: i64,
    /// Lower case.
    pub currency: String,
    /// The last try to take the money; older versions have a list of `charges` instead.
    #[serde(default, deserialize_with = "object_if_any")]
    latest_charge: Option<Charge>,
    charges: Option<Page<Charge>>,
    /// Why it did not work.
    pub last_payment_error: Option<PaymentError>,
    /// Ours.
    #[serde(default)]
    pub metadata: Metadata,
}

impl PaymentIntent {
    /// The last try to take the money, with what it was paid with.
    pub fn charge(&self) -> Option<&Charge> {
        self.latest_charge.as_ref().or_else(|| self.charges.as_ref()?.data.first())
    }
}

/// Why a payment did not work. Never Stripe's sentence: it may quote the card.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentError {
    /// card_declined …
    pub code: Option<String>,
    /// insufficient_funds …
    pub decline_code: Option<String>,
}

/// One try to take money.
#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    /// `ch_…` or `py_…`
    pub id: String,
    /// Minor units given back so far.
    #[serde(default)]
    pub amount_refunded: i64,
    /// `pi_…`
    pub payment_intent: Option<Ref>,
    /// What it was paid with.
    pub payment_method_details: Option<MethodDetails>,
}

/// What a charge was paid with.
#[derive(Clone, Debug, Deserialize)]
pub struct MethodDetails {
    /// card, sepa_debit …
    #[serde(rename = "type")]
    pub kind: String,
}

/// A card, as far as its owner is shown it.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// visa …
    pub brand: Option<String>,
    /// Four digits.
    pub last4: Option<String>,
    /// 1 to 12.
    pub exp_month: Option<i32>,
    /// Four digits.
    pub exp_year: Option<i32>,
}

/// A bank account, as far as its owner is shown it.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// Four digits.
    pub last4: Option<String>,
}

/// A card or an account that somebody keeps with us.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentMethod {
    /// `pm_…`
    pub id: String,
    /// card, sepa_debit …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is; none once it is detached.
    pub customer: Option<Ref>,
    /// When it is a card.
    pub card: Option<Card>,
    /// When it is an account.
    pub sepa_debit: Option<Account>,
}

/// Money given back.
#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    /// `re_…` or `pyr_…`
    pub id: String,
    /// succeeded, pending, requires_action, failed or canceled.
    pub status: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// `pi_…`
    pub payment_intent: Option<Ref>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// Ours.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A payment somebody's bank takes back.
#[derive(Clone, Debug, Deserialize)]
pub struct Dispute {
    /// `du_…` or `dp_…`
    pub id: String,
    /// needs_response, under_review, won, lost, prevented, warning_needs_response, warning_under_review, warning_closed.
    pub status: String,
    /// Minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// fraudulent, product_not_received …
    pub reason: Option<String>,
    /// `pi_…`
    pub payment_intent: Option<Ref>,
    /// Until when we may answer.
    #[serde(default)]
    pub evidence_details: Evidence,
}

/// What a dispute still asks of us.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Seconds since 1970.
    pub due_by: Option<i64>,
}

/// Somebody who pays, without who it is.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Deleted at Stripe: only the id is left.
    #[serde(default)]
    pub deleted: bool,
    /// What is charged by default.
    invoice_settings: Option<InvoiceSettings>,
    /// Ours.
    #[serde(default)]
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Deserialize)]
struct InvoiceSettings {
    default_payment_method: Option<Ref>,
}

impl Customer {
    /// `pm_…`, what is charged by default.
    pub fn default_method(&self) -> Option<&str> {
        self.invoice_settings.as_ref()?.default_payment_method.as_deref()
    }
}

/// The object, when it was expanded; nothing when only its id is there.
fn object_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Expandable<T> {
        Object(T),
        Id(serde::de::IgnoredAny),
    }
    Ok(match Option::<Expandable<T>>::deserialize(deserializer)? {
        Some(Expandable::Object(object)) => Some(object),
        _ => None,
    })
}
