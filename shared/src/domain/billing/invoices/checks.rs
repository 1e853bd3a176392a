//! Whether an invoice may be issued: its own arithmetic, what France wants ([`super::french`]), what the norm wants
//! ([`super::norm`]). Every problem is told at once, by its field; the code is the rule's name where a rule has one.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde_json::Value;

use super::document::{Exemption, Invoice, Kind, Line, Means};
use super::sums;
use super::{french, norm};
use crate::domain::billing::totals::{VatCategory, VatTotal};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::error::FieldError;
use crate::kernel::money::Currency;
use crate::kernel::registered;

/// Lines of an invoice at most.
pub const MAX_LINES: usize = 2_000;
/// Characters of a text at most.
const MAX_TEXT: usize = 5_000;
/// Minor units by which the VAT of a part may differ from its rate's share: the rounding of the whole and of both parts.
const STATED_SLACK: u64 = 2;

/// What is wrong, collected.
#[derive(Debug, Default)]
pub(super) struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Notes a wrong field unless this holds.
    pub(super) fn unless(&mut self, holds: bool, path: impl Into<String>, code: &'static str, message: &str) {
        if !holds {
            self.0.push(FieldError::new(path, code, message));
        }
    }
}

/// 422 with everything that keeps an invoice from being issued. A draft needs no number yet.
pub fn check(invoice: &Invoice) -> Result<()> {
    let problems = problems(invoice);
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Everything that keeps an invoice from being issued.
pub fn problems(invoice: &Invoice) -> Vec<FieldError> {
    let mut wrong = Wrong::default();
    texts(invoice, &mut wrong);
    numbers(invoice, &mut wrong);
    dates(invoice, &mut wrong);
    lines(invoice, &mut wrong);
    allowances(invoice, &mut wrong);
    exemptions(invoice, &mut wrong);
    stated_vat(invoice, &mut wrong);
    in_euro(invoice, &mut wrong);
    payment(invoice, &mut wrong);
    french::check(invoice, &mut wrong);
    let Wrong(mut all) = wrong;
    let findings = norm::findings(invoice).unwrap_or_else(|| {
        vec![FieldError::new("lines", "range", "come to more than an invoice can say, or have too many decimals")]
    });
    // What we have said of a field in our words needs no second word.
    let news: Vec<_> = findings.into_iter().filter(|one| all.iter().all(|known| known.path != one.path)).collect();
    all.extend(news);
    all
}

/// Every text of it: XML has no form for control characters, and a page none for a novel.
fn texts(invoice: &Invoice, wrong: &mut Wrong) {
    let json = serde_json::to_value(invoice).expect("a document has a JSON form");
    walk("", &json, wrong);
    let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let theme = (1..=40).contains(&invoice.theme.len()) && invoice.theme.bytes().all(name);
    wrong.unless(theme, "theme", "choice", "must be the name of a look: lower-case letters, digits and dashes");
}

fn walk(path: &str, value: &Value, wrong: &mut Wrong) {
    match value {
        Value::String(text) => {
            let bad = |sign: char| (sign.is_control() && sign != '\n') || matches!(sign, '\u{fffe}' | '\u{ffff}');
            wrong.unless(!text.contains(bad), path, "characters", "must not contain control characters");
            wrong.unless(text.chars().count() <= MAX_TEXT, path, "length", "must have at most 5000 characters");
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(&format!("{path}[{n}]"), item, wrong);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, field, wrong);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn numbers(invoice: &Invoice, wrong: &mut Wrong) {
    let preceding = invoice.preceding.iter().enumerate();
    let preceding = preceding.map(|(n, one)| (format!("preceding[{n}].number"), one.number.as_str()));
    for (path, number) in invoice.number.iter().map(|number| ("number".into(), number.as_str())).chain(preceding) {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_/".contains(&byte);
        wrong.unless((1..=35).contains(&number.len()), &path, "BR-FR-01", "must have 1 to 35 characters");
        wrong.unless(number.bytes().all(sign), &path, "BR-FR-02", "has letters, digits, + - _ and / alone");
    }
}

fn dates(invoice: &Invoice, wrong: &mut Wrong) {
    let own = [
        ("issue_date", Some(invoice.issue_date)),
        ("due_date", invoice.due_date),
        ("delivery_date", invoice.delivery_date),
        ("period.from", invoice.period.map(|days| days.from)),
        ("period.to", invoice.period.map(|days| days.to)),
        ("vat_in_euro.rate_date", invoice.vat_in_euro.as_ref().map(|vat| vat.rate_date)),
    ];
    let own = own.into_iter().filter_map(|(path, day)| Some((path.to_owned(), day?)));
    let preceding = invoice.preceding.iter().enumerate().map(|(n, one)| (format!("preceding[{n}].date"), one.date));
    let of_this_century = |day: NaiveDate| (2000..=2099).contains(&day.year());
    for (path, day) in own.chain(preceding) {
        wrong.unless(of_this_century(day), path, "BR-FR-03", "must be a day from 2000 to 2099");
    }
    let ordered = invoice.period.is_none_or(|days| days.from <= days.to);
    wrong.unless(ordered, "period.to", "BR-29", "must not be before the first day");
}

fn lines(invoice: &Invoice, wrong: &mut Wrong) {
    wrong.unless(!invoice.lines.is_empty(), "lines", "BR-16", "are missing");
    wrong.unless(invoice.lines.len() <= MAX_LINES, "lines", "length", "must be at most 2000");
    for (n, line) in invoice.lines.iter().enumerate() {
        let mut unless = |holds, field: &str, code, message: &str| {
            wrong.unless(holds, format!("lines[{n}].{field}"), code, message);
        };
        unless(line.position as usize == n + 1, "position", "sequence", "must count the lines from 1");
        unless(line.quantity.0 != 0, "quantity", "range", "must not be zero");
        // A credit note of the last cents of an invoice may take back VAT alone.
        let priced = line.unit_price.0 > 0 || (line.unit_price.0 == 0 && !invoice.stated_vat.is_empty());
        unless(priced, "unit_price", "BR-FR-DEC-03", "must be more than zero");
        unless(
            Some(line.net) == net(invoice, line),
            "net",
            "arithmetic",
            "must be quantity times price, less the reduction",
        );
        if let Some(off) = &line.allowance {
            unless(off.amount > 0, "allowance.amount", "range", "must be more than zero");
            unless(!off.reason.trim().is_empty(), "allowance.reason", "BR-42", "is missing");
        }
        let fits = line.vat_category.allows(line.vat_rate_bp);
        unless(fits, "vat_rate_bp", "vat_rate", "must be more than 0 in category S, and 0 in every other");
    }
}

/// What a line comes to.
fn net(invoice: &Invoice, line: &Line) -> Option<i64> {
    let full = sums::line_net(line.quantity, line.unit_price, invoice.currency)?;
    full.checked_sub(line.allowance.as_ref().map_or(0, |off| off.amount))
}

fn allowances(invoice: &Invoice, wrong: &mut Wrong) {
    for (n, off) in invoice.allowances.iter().enumerate() {
        let path = |field| format!("allowances[{n}].{field}");
        wrong.unless(off.amount > 0, path("amount"), "range", "must be more than zero");
        wrong.unless(!off.reason.trim().is_empty(), path("reason"), "BR-33", "is missing");
        let fits = off.vat_category.allows(off.vat_rate_bp);
        wrong.unless(fits, path("vat_rate_bp"), "vat_rate", "must be more than 0 in category S, and 0 in every other");
        let same = |line: &Line| (line.vat_category, line.vat_rate_bp) == (off.vat_category, off.vat_rate_bp);
        let known = invoice.lines.iter().any(same);
        wrong.unless(known, path("vat_category"), "unknown", "must be the category and rate of a line");
    }
}

/// The norm keeps one reason for a category, so two lines must not give two.
fn exemptions(invoice: &Invoice, wrong: &mut Wrong) {
    let mut said: BTreeMap<VatCategory, &Exemption> = BTreeMap::new();
    for (n, line) in invoice.lines.iter().enumerate() {
        let Some(reason) = &line.exemption else { continue };
        let path = format!("lines[{n}].exemption");
        wrong.unless(!line.vat_category.is_taxed(), &path, "taxed", "has no place on a line with VAT");
        let first = *said.entry(line.vat_category).or_insert(reason);
        wrong.unless(first == reason, path, "different", "must be the same on all lines of a category");
    }
    let wants = |line: &Line| !line.vat_category.is_taxed() && invoice.exemption_of(line.vat_category).is_none();
    if let Some(line) = invoice.lines.iter().find(|line| wants(line)) {
        let message = format!("must say why there is no VAT in category {}", line.vat_category.code());
        wrong.unless(false, "exemption", "BT-120", &message);
    }
}

fn stated_vat(invoice: &Invoice, wrong: &mut Wrong) {
    if invoice.stated_vat.is_empty() {
        return;
    }
    wrong.unless(invoice.kind == Kind::CreditNote, "stated_vat", "kind", "is for credit notes alone");
    let Some(computed) = invoice.computed() else { return };
    let key = |vat: &VatTotal| (vat.vat_category, vat.vat_rate_bp, vat.net);
    let same = invoice.stated_vat.iter().map(key).eq(computed.by_rate.iter().map(key));
    wrong.unless(same, "stated_vat", "arithmetic", "must have the categories, rates and nets of the lines, in order");
    for (n, (stated, exact)) in invoice.stated_vat.iter().zip(&computed.by_rate).enumerate() {
        let near = stated.vat.amount >= 0 && stated.vat.amount.abs_diff(exact.vat.amount) <= STATED_SLACK;
        let near = near && stated.vat.currency == invoice.currency;
        wrong.unless(near, format!("stated_vat[{n}].vat"), "arithmetic", "is not what the rate makes of the net");
    }
}

fn in_euro(invoice: &Invoice, wrong: &mut Wrong) {
    let decimals = invoice.currency.decimals() <= Currency::EUR.decimals();
    wrong.unless(decimals, "currency", "BR-DEC", "has more than two decimals, which EN 16931 cannot say");
    let Some(said) = &invoice.vat_in_euro else {
        let euro = invoice.currency == Currency::EUR;
        return wrong.unless(euro, "vat_in_euro", "BR-FR-CO-12", "is missing: the VAT must be said in euros too");
    };
    wrong.unless(said.rate.0 > 0, "vat_in_euro.rate", "range", "must be more than zero");
    let exact = invoice.vat_in_euro_at(said.rate, said.rate_date);
    let message = "must be the VAT at that rate, of an invoice in another currency";
    wrong.unless(exact.as_ref() == Some(said), "vat_in_euro.vat", "arithmetic", message);
}

fn payment(invoice: &Invoice, wrong: &mut Wrong) {
    let payment = &invoice.payment;
    let needs_iban = payment.means == Means::Transfer;
    wrong.unless(
        !needs_iban || payment.iban.is_some(),
        "payment.iban",
        "BR-61",
        "is missing: a transfer goes somewhere",
    );
    let iban = payment.iban.as_deref().is_none_or(registered::is_iban);
    wrong.unless(iban, "payment.iban", "iban", "is no IBAN: capitals and digits without spaces, with its check digits");
    let bic = payment.bic.as_deref().is_none_or(registered::is_bic);
    wrong.unless(bic, "payment.bic", "bic", "is no BIC: 8 or 11 capitals and digits");
    let Some(sums) = invoice.sums() else { return };
    let within = (0..=sums.gross.amount.max(0)).contains(&payment.paid);
    wrong.unless(within, "payment.paid", "range", "must be from nothing to the total with VAT");
    wrong.unless(payment.paid == 0 || payment.paid_at.is_some(), "payment.paid_at", "required", "is missing");
}
