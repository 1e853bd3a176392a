//! Figures for administrators. Owns `stat_snapshots`.
//!
//! A job counts everything anew every ten minutes ([`refresh`]); whoever looks reads what it counted, with its time. Each
//! figure leads to the list that counts exactly those rows. Months are those of Paris, the months of the books; one
//! without anything is there with its zeros.

mod read;
mod refresh;

pub use read::{overview, read};
pub use refresh::refresh;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::money::Currency;
use crate::kernel::words;

words! {
    /// What is counted.
    Topic {
        /// By month: orders placed, invoices and credit notes issued, accounts activated.
        Monthly = "monthly",
        /// By month and currency: invoices minus credit notes, net, VAT and gross.
        Revenue = "revenue",
        /// Accounts, by status and role.
        Users = "users",
        /// Orders, by status.
        Orders = "orders",
        /// Audit entries of the last thirty days, by severity.
        Audit = "audit",
        /// Jobs, by state.
        Jobs = "jobs",
    }

    /// In what a figure is counted.
    Unit {
        /// Pieces.
        Count = "count",
        /// Minor units of its currency.
        Minor = "minor",
    }
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Monthly, Self::Revenue, Self::Users, Self::Orders, Self::Audit, Self::Jobs];
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Figure {
    /// What is counted: `orders`, `gross`, `status:active` …
    pub name: String,
    /// Of which month, its first day; none: as of the report's time.
    pub month: Option<NaiveDate>,
    /// How much.
    pub value: i64,
    /// In what.
    pub unit: Unit,
    /// Of which currency, when it is money.
    pub currency: Option<Currency>,
    /// The list that counts exactly these rows: its address in the API.
    pub list: Option<String>,
}

/// The figures of a topic.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Which.
    pub topic: Topic,
    /// When they were counted; none: not yet.
    pub as_of: Option<DateTime<Utc>>,
    /// By month, the oldest first, then by name.
    pub figures: Vec<Figure>,
}

/// What a snapshot holds of one figure.
#[derive(Clone, Debug, Deserialize)]
struct Kept {
    name: String,
    currency: Option<String>,
    value: i64,
}
