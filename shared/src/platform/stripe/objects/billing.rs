//! Subscriptions, their invoices, and what is sold. Version 2025-03-31 moved a subscription's period onto its items, and
//! an invoice's subscription into its parent; both shapes are read.

use serde::Deserialize;

use super::{Metadata, Page, Ref};

/// Something paid again and again.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// incomplete, incomplete_expired, trialing, active, past_due, canceled, unpaid or paused.
    pub status: String,
    /// `cus_…`
    pub customer: Ref,
    /// Ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    current_period_end: Option<i64>,
    /// What it consists of.
    pub items: Page<Item>,
}

/// One line of a subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    current_period_end: Option<i64>,
}

impl Subscription {
    /// Until when it is paid: the last of its items' periods, seconds since 1970.
    pub fn period_end(&self) -> Option<i64> {
        self.items.data.iter().filter_map(|item| item.current_period_end).max().or(self.current_period_end)
    }
}

/// Stripe's invoice of a subscription's period; ours is another document.
#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// draft, open, paid, void or uncollectible.
    pub status: Option<String>,
    /// `cus_…`
    pub customer: Option<Ref>,
    /// Minor units.
    pub total: i64,
    /// Minor units.
    #[serde(default)]
    pub amount_paid: i64,
    /// Lower case.
    pub currency: String,
    /// Seconds since 1970.
    pub period_end: Option<i64>,
    subscription: Option<Ref>,
    parent: Option<Parent>,
}

#[derive(Clone, Debug, Deserialize)]
struct Parent {
    subscription_details: Option<Details>,
}

#[derive(Clone, Debug, Deserialize)]
struct Details {
    subscription: Option<Ref>,
}

impl Invoice {
    /// `sub_…`
    pub fn subscription(&self) -> Option<&str> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        details.and_then(|details| details.subscription.as_deref()).or(self.subscription.as_deref())
    }
}

/// Something sold, as Stripe knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    /// `prod_…`, or the id we chose.
    pub id: String,
    /// What buyers read.
    #[serde(default)]
    pub name: String,
    /// What buyers read below it.
    pub description: Option<String>,
    /// On sale.
    #[serde(default)]
    pub active: bool,
    /// `price_…`
    pub default_price: Option<Ref>,
    /// Deleted at Stripe: only the id is left.
    #[serde(default)]
    pub deleted: bool,
}

/// What it costs. A price never changes: another amount is another price.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// `prod_…`
    pub product: Option<Ref>,
    /// On sale.
    #[serde(default)]
    pub active: bool,
    /// Minor units; none for prices in steps or fractions.
    pub unit_amount: Option<i64>,
    /// Lower case.
    pub currency: String,
    /// Ours.
    #[serde(default)]
    pub metadata: Metadata,
}
