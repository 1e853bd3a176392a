//! An invoice as it is said: everything that is on the page and in the XML, and nothing else.
//!
//! It is the JSON that a row keeps and that `facteur invoice render FILE` reads. Seller and buyer are copies taken when it
//! was issued: what a customer is called tomorrow changes no invoice of today. Business terms (BT, BG) are those of
//! EN 16931-1. Amounts are whole minor units of `currency`; a credit note has positive amounts too, its kind says the rest.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::party::{Address, Buyer, Seller};
use crate::domain::billing::totals::{VatCategory, VatTotal};
use crate::kernel::decimal::{EuroRate, Quantity, UnitPrice};
use crate::kernel::money::{Currency, Money};
use crate::kernel::words;

words! {
    /// What kind of document it is (BT-3).
    Kind {
        /// An invoice: 380.
        Invoice = "invoice",
        /// Takes an invoice back, or part of it: 381.
        CreditNote = "credit_note",
        /// Replaces an invoice: 384.
        Corrective = "corrective",
        /// Asks for money before the work: 386.
        Deposit = "deposit",
    }

    /// How it is paid (BT-81).
    Means {
        /// By card: 48.
        Card = "card",
        /// By transfer: 30.
        Transfer = "transfer",
        /// By SEPA direct debit: 59.
        DirectDebit = "direct_debit",
    }

    /// The language it is written in.
    Locale {
        /// French.
        Fr = "fr",
        /// English.
        En = "en",
    }
}

impl Kind {
    /// UNTDID 1001, as EN 16931 wants it.
    pub const fn code(self) -> u16 {
        match self {
            Self::Invoice => 380,
            Self::CreditNote => 381,
            Self::Corrective => 384,
            Self::Deposit => 386,
        }
    }
}

impl Means {
    /// UNTDID 4461, as EN 16931 wants it.
    pub const fn code(self) -> u16 {
        match self {
            Self::Card => 48,
            Self::Transfer => 30,
            Self::DirectDebit => 59,
        }
    }
}

/// An invoice, a credit note, a corrective or a deposit invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    /// Its number (BT-1), at most 35 characters; none while it is a draft.
    #[serde(default)]
    pub number: Option<String>,
    /// What it is (BT-3).
    pub kind: Kind,
    /// The day it was issued (BT-2), in Paris.
    pub issue_date: NaiveDate,
    /// The day it is to be paid (BT-9).
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
    /// The day the goods or the service came (BT-72).
    #[serde(default)]
    pub delivery_date: Option<NaiveDate>,
    /// The days it is for (BG-14), where there are several.
    #[serde(default)]
    pub period: Option<Period>,
    /// Of all its amounts (BT-5).
    pub currency: Currency,
    /// What is sold, and how it is invoiced (BT-23): `S1` services, `S2` services paid up front, `B…` goods, `M…` both.
    pub billing_frame: String,
    /// What the buyer asked to read on it (BT-10).
    #[serde(default)]
    pub buyer_ref: Option<String>,
    /// The buyer's order (BT-13).
    #[serde(default)]
    pub order_ref: Option<String>,
    /// What it corrects or follows (BG-3).
    #[serde(default)]
    pub preceding: Vec<Preceding>,
    /// Who sells (BG-4).
    pub seller: Seller,
    /// Who buys (BG-7).
    pub buyer: Buyer,
    /// Where it was delivered, if that is elsewhere (BG-13).
    #[serde(default)]
    pub ship_to: Option<ShipTo>,
    /// What is sold (BG-25), first to last.
    pub lines: Vec<Line>,
    /// Reductions of the whole (BG-20).
    #[serde(default)]
    pub allowances: Vec<Allowance>,
    /// The VAT by category and rate, where it is not the rate's share of the lines: a credit note of part of an invoice
    /// takes back part of *its* VAT, to the cent. Empty: as the lines say.
    #[serde(default)]
    pub stated_vat: Vec<VatTotal>,
    /// The VAT in euros (BT-6, BT-111), where `currency` is another.
    #[serde(default)]
    pub vat_in_euro: Option<VatInEuro>,
    /// How it is paid, and what was (BG-16).
    pub payment: Payment,
    /// When and how it is to be paid, in words (BT-20).
    #[serde(default)]
    pub terms: Option<String>,
    /// Whether the seller owes VAT when it invoices, not when it is paid.
    #[serde(default)]
    pub vat_on_debits: bool,
    /// What the law wants said (BG-1).
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Why there is no VAT on lines that do not say it themselves (BT-120, BT-121).
    #[serde(default)]
    pub exemption: Option<Exemption>,
    /// The language of the page.
    pub locale: Locale,
    /// The look of the page.
    #[serde(default = "Invoice::house_theme")]
    pub theme: String,
}

impl Invoice {
    /// The look that the configuration of the house gives.
    pub fn house_theme() -> String {
        "house".into()
    }

    /// The same with its number, issued on this day; an agreed time until it is to be paid stays as long.
    #[must_use]
    pub fn numbered(&self, number: String, day: NaiveDate) -> Self {
        let moves = !self.is_prepaid();
        let due_date = self.due_date.map(|due| if moves { day + (due - self.issue_date) } else { due });
        Self { number: Some(number), issue_date: day, due_date, ..self.clone() }
    }

    /// So many minor units of its currency.
    pub const fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }

    /// Whether it was paid before it was issued: `S2`, `B2` or `M2`.
    pub fn is_prepaid(&self) -> bool {
        self.billing_frame.ends_with('2')
    }

    /// Why there is no VAT on lines of this category: what the first of them says, else the document.
    pub fn exemption_of(&self, category: VatCategory) -> Option<&Exemption> {
        if category.is_taxed() {
            return None;
        }
        let mut own = self.lines.iter().filter(|line| line.vat_category == category);
        own.find_map(|line| line.exemption.as_ref()).or(self.exemption.as_ref())
    }
}

/// From one day to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day (BT-73).
    pub from: NaiveDate,
    /// The last day (BT-74).
    pub to: NaiveDate,
}

/// An invoice that this one corrects or follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preceding {
    /// Its number (BT-25).
    pub number: String,
    /// The day it was issued (BT-26).
    pub date: NaiveDate,
}

/// Where it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipTo {
    /// To whom (BT-70).
    #[serde(default)]
    pub name: Option<String>,
    /// Where (BG-15).
    pub address: Address,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its place, from 1 (BT-126).
    pub position: u32,
    /// What it is called (BT-153).
    pub name: String,
    /// What it is (BT-154).
    #[serde(default)]
    pub detail: Option<String>,
    /// How many (BT-129).
    pub quantity: Quantity,
    /// Of what (BT-130).
    #[serde(default)]
    pub unit: Unit,
    /// What one costs, without VAT (BT-146).
    pub unit_price: UnitPrice,
    /// A reduction of this line (BG-27).
    #[serde(default)]
    pub allowance: Option<LineAllowance>,
    /// Quantity times price, rounded half up, less the reduction (BT-131). Minor units.
    pub net: i64,
    /// Why there is VAT or none (BT-151).
    pub vat_category: VatCategory,
    /// In hundredths of a percent: 2000 is 20 % (BT-152).
    pub vat_rate_bp: i32,
    /// Why there is none.
    #[serde(default)]
    pub exemption: Option<Exemption>,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// UN/ECE recommendation 20 or 21: `C62` piece, `HUR` hour, `DAY` day.
    pub code: String,
    /// As the page says it; empty: nothing.
    #[serde(default)]
    pub label: String,
}

impl Default for Unit {
    fn default() -> Self {
        Self { code: "C62".into(), label: String::new() }
    }
}

/// A reduction of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineAllowance {
    /// How much, without VAT (BT-136). Minor units, more than none.
    pub amount: i64,
    /// Why (BT-139).
    pub reason: String,
}

/// A reduction of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// How much, without VAT (BT-92). Minor units, more than none.
    pub amount: i64,
    /// Why (BT-97).
    pub reason: String,
    /// Which lines' VAT it reduces (BT-95).
    pub vat_category: VatCategory,
    /// At which rate, in hundredths of a percent (BT-96).
    pub vat_rate_bp: i32,
}

/// The VAT in euros, at a rate of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VatInEuro {
    /// In euro cents (BT-111).
    pub vat: i64,
    /// What a unit of the invoice's currency was worth.
    pub rate: EuroRate,
    /// On which day.
    pub rate_date: NaiveDate,
}

/// How it is paid, and what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// How (BT-81).
    pub means: Means,
    /// To which account (BT-84), for a transfer; from which (BT-91), for a direct debit.
    #[serde(default)]
    pub iban: Option<String>,
    /// At which bank (BT-86).
    #[serde(default)]
    pub bic: Option<String>,
    /// What the payer shall write (BT-83).
    #[serde(default)]
    pub reference: Option<String>,
    /// The mandate (BT-89), for a direct debit.
    #[serde(default)]
    pub mandate: Option<String>,
    /// What was paid already (BT-113). Minor units.
    #[serde(default)]
    pub paid: i64,
    /// When.
    #[serde(default)]
    pub paid_at: Option<DateTime<Utc>>,
    /// `pi_…`, where it was paid through Stripe.
    #[serde(default)]
    pub stripe_payment_intent: Option<String>,
}

/// Something the law wants said, or the seller says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// UNTDID 4451: `PMT` recovery fee, `PMD` penalties, `AAB` discount, `REG` … (BT-21). `BAR` is for machines alone.
    #[serde(default)]
    pub code: Option<String>,
    /// The words (BT-22).
    pub text: String,
}

/// Why there is no VAT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// A code of the VATEX list (BT-121).
    #[serde(default)]
    pub vatex: Option<String>,
    /// The words (BT-120).
    pub text: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The documented sample: a business, two rates, a reduction, paid up front by card.
    pub(crate) fn sample() -> Invoice {
        serde_json::from_str(include_str!("../../../../../templates/invoice/sample.json"))
            .expect("the sample is an invoice")
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        let json = serde_json::to_value(sample()).expect("JSON");
        assert_eq!(serde_json::from_value::<Invoice>(json.clone()).ok(), Some(sample()));
        let mut unknown = json;
        unknown["colour"] = "red".into();
        assert!(serde_json::from_value::<Invoice>(unknown).is_err());
    }

    #[test]
    fn a_number_and_a_day_leave_the_agreed_time_as_long() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let prepaid = sample().numbered("F-1".into(), day("2026-12-01"));
        assert_eq!((prepaid.issue_date, prepaid.due_date), (day("2026-12-01"), sample().due_date));
        let later = Invoice { billing_frame: "S1".into(), due_date: Some(day("2026-12-20")), ..sample() };
        assert_eq!(later.numbered("F-1".into(), day("2026-12-01")).due_date, Some(day("2026-12-31")));
    }
}
