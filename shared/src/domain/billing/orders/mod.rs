//! Orders and their lines. Owns `orders`, `order_lines`.
//!
//! A line is a copy: what a product costs tomorrow changes no order of today. An order moves on only from the status
//! somebody saw it in ([`set_status`]); who may move it is in [`OrderStatus::mover`]. While it waits for its payment
//! its pieces are out of the stock; they go back when it is cancelled or expires.

mod read;
mod words;
mod write;

pub use read::{get, lines, list, lock, summary};
pub use words::{Mover, OrderPriority, OrderStatus};
pub use write::{
    assign, expire, forget, give_back, place, set_status, summarised, take_again, unrefund, update, wait_until,
};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::domain::billing::totals::{self, Taxed, VatCategory, VatTotal};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::kernel::ids::{CustomerId, OrderId, OrderLineId, ProductId, UserId};
use crate::kernel::money::Money;
use crate::kernel::secret;

/// Lines of an order at most.
pub const MAX_LINES: u64 = 50;
/// Pieces of a line at most.
pub const MAX_PIECES: i32 = 10_000;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What people call it: `C-2026-000123`.
    pub number: String,
    /// Who buys.
    pub customer_id: CustomerId,
    /// One line.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Who does the work.
    pub assignee_id: Option<UserId>,
    /// How urgent.
    pub priority: OrderPriority,
    /// What the client said with it.
    pub client_note: Option<String>,
    /// When the work should be done.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Without VAT.
    pub total_net: Money,
    /// The VAT of all rates.
    pub total_vat: Money,
    /// To pay.
    pub total_gross: Money,
    /// When it was ordered.
    pub placed_at: DateTime<Utc>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// Until when its payment is awaited.
    pub expires_at: Option<DateTime<Utc>>,
    /// Grows with every change.
    pub version: i32,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OrderLine {
    /// Its id.
    pub id: OrderLineId,
    /// What was bought.
    pub product_id: ProductId,
    /// Its place, from 0.
    pub position: i32,
    /// What it was called.
    pub name: String,
    /// What it was.
    pub description: String,
    /// How many pieces.
    pub quantity: i32,
    /// Net, for one piece.
    pub unit_price: Money,
    /// Net, for all of them.
    pub net: Money,
    /// In hundredths of a percent: 2000 is 20 %.
    pub vat_rate_bp: i32,
    /// Why there is VAT or none.
    pub vat_category: VatCategory,
    /// Pieces it holds of the stock; the rest of the house need not know.
    #[serde(skip)]
    pub reserved: i32,
}

/// An order with its lines and its VAT by rate.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OrderView {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// The VAT by category and rate.
    pub vat: Vec<VatTotal>,
}

impl OrderView {
    /// An order and its lines, together.
    pub fn of(order: Order, lines: Vec<OrderLine>) -> Result<Self> {
        let totals = totals::of(order.total_net.currency, lines.iter().map(OrderLine::taxed));
        let vat = totals.ok_or_else(|| Error::internal("the lines of an order do not add up"))?.by_rate;
        Ok(Self { order, lines, vat })
    }
}

impl OrderLine {
    /// As far as sums are concerned.
    pub fn taxed(&self) -> Taxed {
        Taxed { net: self.net, category: self.vat_category, rate_bp: self.vat_rate_bp }
    }
}

/// Something a client wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What.
    pub product: ProductId,
    /// How many pieces, 1 to [`MAX_PIECES`].
    pub quantity: i32,
}

/// An order about to be placed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Who buys.
    pub customer: CustomerId,
    /// One line; the first product's name when there is none.
    pub title: Option<String>,
    /// What is to be done.
    pub description: String,
    /// What the client says with it.
    pub client_note: Option<String>,
    /// What is bought, 1 to [`MAX_LINES`] lines.
    pub wanted: Vec<Wanted>,
    /// Whether a token opens it: for guests.
    pub with_token: bool,
}

/// What of an order may be changed at any time; absent stays.
#[derive(Clone, Debug, Default)]
pub struct OrderPatch {
    /// One line.
    pub title: Option<String>,
    /// What is to be done.
    pub description: Option<String>,
    /// When the work should be done; Some(None): no more.
    pub due_at: Option<Option<DateTime<Utc>>>,
    /// How urgent.
    pub priority: Option<OrderPriority>,
}

impl OrderPatch {
    /// The names of what changes, for the audit log.
    pub fn changes(&self) -> Vec<&'static str> {
        let all = [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("due_at", self.due_at.is_some()),
            ("priority", self.priority.is_some()),
        ];
        all.into_iter().filter(|(_, changes)| *changes).map(|(name, _)| name).collect()
    }
}

/// Which orders. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderFilter {
    /// Where they stand.
    pub status: Option<OrderStatus>,
    /// How urgent.
    pub priority: Option<OrderPriority>,
    /// Whose work they are.
    pub assignee_id: Option<UserId>,
    /// Who bought.
    pub customer_id: Option<CustomerId>,
    /// The number, to the letter.
    pub number: Option<String>,
    /// Placed since then.
    pub placed_since: Option<DateTime<Utc>>,
    /// Placed before then.
    pub placed_before: Option<DateTime<Utc>>,
}

/// Whose orders may be seen. Somebody else's is not found.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Those of this account.
    Mine(UserId),
    /// The one that this order token opens.
    Token(String),
    /// All.
    All,
}

/// The token that opens a guest's order. It is made from the order's id and a secret of ours, so that a repeated
/// request can be answered with it again although only its SHA-256 is stored.
pub fn token(config: &Config, id: OrderId) -> String {
    secret::sign(config.auth.jwt_secret.expose_secret().as_bytes(), &format!("order token\n{id}"))
}
