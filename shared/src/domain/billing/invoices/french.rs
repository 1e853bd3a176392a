//! What France wants of an invoice besides the norm: the rules `BR-FR-*` of the external specifications of the reform
//! (version 1.4, in force since 2026-09-01), and the check digits that those do not look at.

use chrono::NaiveDate;

use super::checks::Wrong;
use super::document::{Invoice, Kind, Line};
use super::numbering;
use super::party::{BuyerKind, ElectronicAddress};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::registered;

/// Notes that every invoice has once: recovery fee, penalties, discount (C. com. L441-9; for a consumer, that they do
/// not apply).
pub const MANDATORY_NOTES: [&str; 3] = ["PMT", "PMD", "AAB"];
/// Says who deals with whom; for machines alone.
pub const TREATMENT: &str = "BAR";
/// What [`TREATMENT`] may say (BR-FR-20).
const TREATMENTS: [&str; 6] = ["B2B", "B2BINT", "B2C", "B2CINT", "OUTOFSCOPE", "ARCHIVEONLY"];
/// Billing frames (BR-FR-08), without those of several sellers, which need lines within lines.
const FRAMES: [&str; 14] = ["B1", "S1", "M1", "B2", "S2", "M2", "S3", "B4", "S4", "M4", "S5", "S6", "B7", "S7"];
/// Rates of today and of past years, in hundredths of a percent (BR-FR-16).
const RATES: [i32; 15] = [0, 90, 105, 175, 210, 550, 700, 850, 920, 960, 1000, 1300, 1960, 2000, 2060];
/// The French directory of companies in the EAS list.
pub const DIRECTORY: &str = "0225";

/// Notes what is against a French rule.
pub(super) fn check(invoice: &Invoice, wrong: &mut Wrong) {
    notes(invoice, wrong);
    treatment(invoice, wrong);
    seller(invoice, wrong);
    buyer(invoice, wrong);
    frame(invoice, wrong);
    preceding(invoice, wrong);
    rates(invoice, wrong);
}

fn notes(invoice: &Invoice, wrong: &mut Wrong) {
    let count = |code: &str| invoice.notes.iter().filter(|note| note.code.as_deref() == Some(code)).count();
    for code in MANDATORY_NOTES {
        wrong.unless(count(code) > 0, "notes", "BR-FR-05", &format!("must have one with the code {code}"));
        wrong.unless(count(code) < 2, "notes", "BR-FR-06", &format!("must not have two with the code {code}"));
    }
    for (n, note) in invoice.notes.iter().enumerate() {
        wrong.unless(!note.text.trim().is_empty(), format!("notes[{n}].text"), "required", "is missing");
    }
}

/// Who deals with whom, and whether that is so.
fn treatment(invoice: &Invoice, wrong: &mut Wrong) {
    let mut bars = invoice.notes.iter().enumerate().filter(|(_, note)| note.code.as_deref() == Some(TREATMENT));
    let Some((n, bar)) = bars.next() else {
        return wrong.unless(false, "notes", "BAR", "must have one with the code BAR: B2B, B2C …");
    };
    wrong.unless(bars.next().is_none(), "notes", "BR-FR-31", "must not have two with the code BAR");
    let (path, word) = (format!("notes[{n}].text"), bar.text.as_str());
    wrong.unless(TREATMENTS.contains(&word), &path, "BR-FR-20", &format!("must be one of {}", TREATMENTS.join(", ")));
    let agrees = match invoice.buyer.kind {
        BuyerKind::Business => !word.starts_with("B2C"),
        BuyerKind::Consumer => !word.starts_with("B2B"),
    };
    wrong.unless(agrees, path, "buyer_kind", "does not go with who buys");
    if word != "B2B" {
        return;
    }
    let siren = invoice.buyer.siren.as_deref();
    wrong.unless(siren.is_some(), "buyer.siren", "BR-FR-11", "is missing: a French business has one");
    let listed = |to: &ElectronicAddress| to.scheme == DIRECTORY && to.id.starts_with(siren.unwrap_or_default());
    let reachable = invoice.buyer.electronic_address.as_ref().is_none_or(listed);
    let message = "must be in the French directory (0225) and begin with the buyer's SIREN";
    wrong.unless(reachable, "buyer.electronic_address", "BR-FR-21", message);
}

fn seller(invoice: &Invoice, wrong: &mut Wrong) {
    let seller = &invoice.seller;
    wrong.unless(seller.siren.is_some(), "seller.siren", "BR-FR-10", "is missing");
    identity("seller", seller.siren.as_deref(), seller.siret.as_deref(), seller.vat_number.as_deref(), wrong);
    let path = "seller.electronic_address";
    electronic(path, seller.electronic_address.as_ref(), "BR-FR-13", wrong);
    let own = |to: &ElectronicAddress| {
        to.scheme == DIRECTORY && to.id.starts_with(seller.siren.as_deref().unwrap_or_default())
    };
    let listed = seller.electronic_address.as_ref().is_none_or(own);
    wrong.unless(listed, path, "directory", "must be in the French directory (0225) and begin with the SIREN");
    let exempt = invoice.lines.iter().any(|line| line.vat_category == VatCategory::Exempt);
    let registered = seller.vat_number.is_some() || seller.tax_number.is_some();
    let message = "is missing: a seller without a VAT number gives its SIREN where there is no VAT";
    wrong.unless(!exempt || registered, "seller.tax_number", "BR-E-02", message);
}

fn buyer(invoice: &Invoice, wrong: &mut Wrong) {
    let buyer = &invoice.buyer;
    identity("buyer", buyer.siren.as_deref(), buyer.siret.as_deref(), buyer.vat_number.as_deref(), wrong);
    electronic("buyer.electronic_address", buyer.electronic_address.as_ref(), "BR-FR-12", wrong);
    wrong.unless(!buyer.name.trim().is_empty(), "buyer.name", "BR-07", "is missing");
    // A consumer may be invoiced by name alone (arrêté 83-50/A); a business may not (CGI, annexe II, 242 nonies A, I, 1°).
    let place = &buyer.address;
    for (field, text) in [("line1", &place.line1), ("postal_code", &place.postal_code), ("city", &place.city)] {
        // Some countries have no postal codes.
        let needed = buyer.kind == BuyerKind::Business && (field != "postal_code" || place.country == "FR");
        let given = !needed || !text.trim().is_empty();
        wrong.unless(given, format!("buyer.address.{field}"), "required", "is missing: a business has an address");
    }
    let owes = |line: &&Line| matches!(line.vat_category, VatCategory::ReverseCharge | VatCategory::IntraCommunity);
    if let Some(line) = invoice.lines.iter().find(owes) {
        let code = if line.vat_category == VatCategory::ReverseCharge { "BR-AE-02" } else { "BR-IC-02" };
        let named = buyer.vat_number.is_some() || (code == "BR-AE-02" && buyer.siren.is_some());
        wrong.unless(named, "buyer.vat_number", code, "is missing: the buyer owes the VAT");
    }
}

/// Numbers of a company: its own, that of one of its offices, for VAT.
fn identity(party: &str, siren: Option<&str>, office: Option<&str>, vat_number: Option<&str>, wrong: &mut Wrong) {
    let path = |field: &str| format!("{party}.{field}");
    let right = siren.is_none_or(registered::is_siren);
    wrong.unless(right, path("siren"), "luhn", "is no SIREN: nine digits, the last of them a check digit");
    if let Some(office) = office {
        let within = siren.is_some_and(|siren| office.starts_with(siren));
        wrong.unless(within, path("siret"), "BR-FR-09", "must begin with the SIREN");
        let right = registered::is_siret(office);
        wrong.unless(right, path("siret"), "luhn", "is no SIRET: fourteen digits, the last of them a check digit");
    }
    if let Some(number) = vat_number {
        let right = registered::is_vat_number(number);
        wrong.unless(right, path("vat_number"), "vat_number", "is no VAT number: a country, then letters and digits");
        let own = siren.is_none_or(|siren| !number.starts_with("FR") || number.ends_with(siren));
        wrong.unless(own, path("vat_number"), "siren", "is not that of the SIREN");
    }
}

fn electronic(path: &str, to: Option<&ElectronicAddress>, rule: &'static str, wrong: &mut Wrong) {
    let Some(to) = to.filter(|to| !to.id.trim().is_empty()) else {
        return wrong.unless(false, path, rule, "is missing");
    };
    wrong.unless(to.id.chars().count() <= 125, path, "BR-FR-25", "must have at most 125 characters");
    let plain = to.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.".contains(&byte));
    let plain = plain || to.scheme != DIRECTORY;
    wrong.unless(plain, path, "BR-FR-23", "has letters, digits, + - _ and . alone");
}

/// What is sold and how, and the days and amounts that go with it.
fn frame(invoice: &Invoice, wrong: &mut Wrong) {
    let frame = invoice.billing_frame.as_str();
    wrong.unless(
        FRAMES.contains(&frame),
        "billing_frame",
        "BR-FR-08",
        &format!("must be one of {}", FRAMES.join(", ")),
    );
    let deposit = invoice.kind == Kind::Deposit;
    let message = "is for the final invoice, which is not the deposit's";
    wrong.unless(!(frame.ends_with('4') && deposit), "billing_frame", "BR-FR-CO-08", message);
    let prepaid = invoice.is_prepaid();
    let in_time = invoice.due_date.is_none_or(|due| due >= invoice.issue_date);
    wrong.unless(in_time || deposit || prepaid, "due_date", "BR-FR-CO-07", "must not be before the day of issue");
    if !prepaid {
        return;
    }
    let settled = invoice.sums().is_none_or(|sums| sums.due.amount == 0);
    wrong.unless(settled, "payment.paid", "BR-FR-CO-09", "must be the total with VAT: it was paid up front");
    let paid_on: Option<NaiveDate> = invoice.payment.paid_at.map(numbering::day_in_paris);
    wrong.unless(paid_on.is_some(), "payment.paid_at", "required", "is missing: it was paid up front");
    wrong.unless(invoice.due_date == paid_on, "due_date", "BR-FR-CO-09", "must be the day it was paid, in Paris");
}

fn preceding(invoice: &Invoice, wrong: &mut Wrong) {
    let (count, path) = (invoice.preceding.len(), "preceding");
    match invoice.kind {
        Kind::CreditNote => wrong.unless(count > 0, path, "BR-FR-CO-05", "must name the invoice it takes back"),
        Kind::Corrective => wrong.unless(count == 1, path, "BR-FR-CO-04", "must name the one invoice it replaces"),
        Kind::Invoice | Kind::Deposit => {}
    }
    wrong.unless(count < 2, path, "BG-3", "must be one: the XML has no place for more");
}

fn rates(invoice: &Invoice, wrong: &mut Wrong) {
    let lines = invoice.lines.iter().enumerate().map(|(n, line)| (format!("lines[{n}]"), line.vat_rate_bp));
    let off = invoice.allowances.iter().enumerate().map(|(n, off)| (format!("allowances[{n}]"), off.vat_rate_bp));
    for (path, rate) in lines.chain(off) {
        wrong.unless(RATES.contains(&rate), format!("{path}.vat_rate_bp"), "BR-FR-16", "is no rate of France's");
    }
}
