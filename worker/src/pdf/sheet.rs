//! A document put into words: what a page says, and nothing of where it stands. Every text is final: painted as it
//! is, never translated, computed or formatted below this point.

use chrono::{DateTime, Utc};

use super::logo::Logo;

/// A document ready to be laid out on A4.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// BCP 47 tag of the language, as `fr` or `en`. Screen readers pronounce by it.
    pub language: String,
    /// The name of the document, large at the top: `Facture`.
    pub title: String,
    /// Its number, under the name.
    pub number: String,
    /// The seller's sign, top left, fitted into 150 × 44 points. Without one the first line of `seller` stands there, large.
    pub logo: Option<Logo>,
    /// The one colour of the page. Darkened where white paper would make it unreadable.
    pub accent: Rgb,
    /// Name of the seller, then the lines of the address and the registrations.
    pub seller: Vec<String>,
    /// Beside the seller: issued, due, order, category …
    pub facts: Vec<Fact>,
    /// To whom the document is addressed.
    pub buyer: Card,
    /// Where the goods go, when that is another place.
    pub delivery: Option<Card>,
    /// Paragraphs before the table, such as the invoice that a credit note corrects.
    pub opening: Vec<String>,
    /// What is sold.
    pub table: Table,
    /// VAT by rate, left below the table.
    pub recap: Option<Recap>,
    /// The sums, right below the table.
    pub totals: Vec<Total>,
    /// The last sum, in a filled bar.
    pub balance: Balance,
    /// How to pay, or how it was paid.
    pub payment: Option<Payment>,
    /// The small print, a paragraph each.
    pub notes: Vec<String>,
    /// At the foot of every page.
    pub footer: Footer,
    /// What the file says of itself.
    pub meta: Meta,
}

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// A label and its value.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is: `Date d'émission`.
    pub label: String,
    /// What it says: `3 novembre 2026`.
    pub value: String,
}

/// Somebody's name and address.
#[derive(Clone, Debug)]
pub struct Card {
    /// `Facturé à`.
    pub label: String,
    /// The name, emphasised.
    pub name: String,
    /// Address and registrations.
    pub lines: Vec<String>,
}

/// The lines of the document.
#[derive(Clone, Debug)]
pub struct Table {
    /// What the table holds, for screen readers.
    pub summary: String,
    /// Name, quantity, unit price, VAT, total.
    pub columns: [String; 5],
    /// In their order.
    pub rows: Vec<Row>,
}

/// A line of the document.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is sold.
    pub name: String,
    /// More about it, in grey: a description, a period, a rebate.
    pub details: Vec<String>,
    /// Quantity with unit, unit price, VAT, total.
    pub figures: [String; 4],
}

/// A small table: bases and VAT by rate.
#[derive(Clone, Debug)]
pub struct Recap {
    /// Its name, above it.
    pub caption: String,
    /// Heads of the columns. The first is aligned left, the others right.
    pub columns: Vec<String>,
    /// As many cells as columns.
    pub rows: Vec<Vec<String>>,
    /// Below it, such as the reason why no VAT is due.
    pub remarks: Vec<String>,
}

/// A sum.
#[derive(Clone, Debug)]
pub struct Total {
    /// `Total HT`.
    pub label: String,
    /// With its currency.
    pub value: String,
    /// Whether it weighs more than its neighbours: the total with VAT.
    pub strong: bool,
}

/// The sum that remains.
#[derive(Clone, Debug)]
pub struct Balance {
    /// `Net à payer`, or `Payée le 3 novembre 2026 par carte`.
    pub label: String,
    /// With its currency.
    pub value: String,
    /// Whether nothing is left to pay: the bar is then pale.
    pub settled: bool,
}

/// The means of payment.
#[derive(Clone, Debug)]
pub struct Payment {
    /// `Règlement`.
    pub heading: String,
    /// The terms, a paragraph each.
    pub lines: Vec<String>,
    /// IBAN (in groups of four), BIC, reference …
    pub facts: Vec<Fact>,
}

/// The foot of every page.
#[derive(Clone, Debug)]
pub struct Footer {
    /// The company's legal line.
    pub legal: String,
    /// `Facture F-2026-0001 – page {page}/{pages}`: the two words in braces are replaced.
    pub page: String,
}

/// What the file says of itself.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Shown by readers in the title of the window. Never empty.
    pub title: String,
    /// Who issued the document.
    pub author: String,
    /// When the document was issued, not when it is painted: the same document is the same file.
    pub created: DateTime<Utc>,
}
