//! French or English: words, numbers, and how things are said in each.

use chrono::{DateTime, Utc};
use shared::domain::billing::invoices::document::{Means, VatInEuro};
use shared::kernel::decimal::{Quantity, UnitPrice};
use shared::kernel::money::{Currency, Money};
use shared::kernel::text;

use super::super::sheet::Recap;

/// The language of a page.
pub struct Says {
    english: bool,
}

impl Says {
    pub const fn new(english: bool) -> Self {
        Self { english }
    }

    pub const fn is_english(&self) -> bool {
        self.english
    }

    pub const fn locale(&self) -> &'static str {
        if self.english { "en" } else { "fr" }
    }

    /// One of two.
    pub const fn of(&self, french: &'static str, english: &'static str) -> &'static str {
        if self.english { english } else { french }
    }

    /// The heads of the lines.
    pub fn columns(&self) -> [String; 5] {
        let heads = [
            self.of("Désignation", "Description"),
            self.of("Quantité", "Quantity"),
            self.of("Prix unitaire HT", "Unit price"),
            self.of("TVA", "VAT"),
            self.of("Total HT", "Total"),
        ];
        heads.map(str::to_owned)
    }

    /// The VAT by rate: the rate, what it is on, how much.
    pub fn recap(&self, rows: Vec<Vec<String>>, remarks: Vec<String>) -> Recap {
        let heads = [self.of("Taux", "Rate"), self.of("Base\u{a0}HT", "Taxable"), self.of("Montant", "VAT")];
        let columns = heads.map(str::to_owned).to_vec();
        Recap { caption: self.of("TVA", "VAT").to_owned(), columns, rows, remarks }
    }

    /// `label : value`, with French spaces.
    pub fn pair(&self, label: &str, value: &str) -> String {
        format!("{label}{}: {value}", self.of("\u{a0}", ""))
    }

    /// `12,5 h`, `2`.
    pub fn quantity(&self, quantity: Quantity, unit: &str) -> String {
        let number = self.decimal(&quantity.to_string(), 0);
        if unit.is_empty() { number } else { format!("{number}\u{a0}{unit}") }
    }

    /// A price with as many decimals as it has, and at least the currency's.
    pub fn price(&self, price: UnitPrice, currency: Currency) -> String {
        let number = self.decimal(&price.to_string(), currency.decimals() as usize);
        // The sign stands where `Money` puts it.
        let zero = Money::new(0, currency);
        zero.said(self.locale()).replacen(&self.decimal("0", currency.decimals() as usize), &number, 1)
    }

    /// `5,5 %`
    pub fn rate(&self, rate_bp: i32) -> String {
        let (whole, rest) = (rate_bp / 100, rate_bp % 100);
        let rest = format!("{rest:02}");
        let text = format!("{whole}.{}", rest.trim_end_matches('0'));
        let number = self.decimal(text.trim_end_matches('.'), 0);
        format!("{number}{}%", self.of("\u{a0}", ""))
    }

    /// A decimal number as people write it: groups of three, the language's point, at least so many decimals.
    fn decimal(&self, number: &str, least: usize) -> String {
        let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("−", rest));
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = text::grouped(whole, if self.english { ',' } else { '\u{202f}' });
        let rest = format!("{rest:0<least$}");
        let point = if rest.is_empty() { "" } else { self.of(",", ".") };
        format!("{sign}{whole}{point}{rest}")
    }

    /// How it was paid, or paid back, and when.
    pub fn settled(&self, back: bool, means: Means, at: Option<DateTime<Utc>>) -> String {
        let verb = if back { self.of("Remboursé", "Refunded") } else { self.of("Payée", "Paid") };
        let day = at.map(|at| text::day(at.with_timezone(&chrono_tz::Europe::Paris).date_naive(), self.locale()));
        let day = day.map(|day| format!(" {} {day}", self.of("le", "on"))).unwrap_or_default();
        let by = match means {
            Means::Card => self.of("par carte", "by card"),
            Means::Transfer => self.of("par virement", "by transfer"),
            Means::DirectDebit => self.of("par prélèvement", "by direct debit"),
        };
        format!("{verb}{day} {by}")
    }

    /// The VAT in euros of an invoice in another currency, with the rate and its day (CGI art. 266, 1 bis).
    pub fn in_euro(&self, euro: &VatInEuro, currency: Currency) -> String {
        let vat = Money::new(euro.vat, Currency::EUR).said(self.locale());
        let rate = self.decimal(&euro.rate.to_string(), 0);
        let day = text::day(euro.rate_date, self.locale());
        let (label, on) = (self.of("TVA en euros", "VAT in euros"), self.of("le", "on"));
        self.pair(label, &format!("{vat} (1 {currency} = {rate} EUR {on} {day})"))
    }
}

/// The foot of a page; the layout puts the two numbers.
pub fn page(title: &str, number: &str) -> String {
    format!("{title} {number} – page {{page}}/{{pages}}")
}

/// A SIREN in threes: `123 456 782`.
pub fn threes(digits: &str) -> String {
    groups(digits, 3)
}

/// A SIRET: its SIREN in threes, then its five digits.
pub fn siret(digits: &str) -> String {
    match digits.split_at_checked(9) {
        Some((siren, rest)) => format!("{} {rest}", threes(siren)),
        None => digits.to_owned(),
    }
}

/// An IBAN in fours, as on paper (ISO 13616).
pub fn fours(text: &str) -> String {
    groups(&text.replace(' ', ""), 4)
}

fn groups(text: &str, size: usize) -> String {
    let signs: Vec<char> = text.chars().collect();
    signs.chunks(size).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
