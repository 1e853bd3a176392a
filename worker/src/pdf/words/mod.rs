//! From an invoice to its page: every mention that French law wants on paper, in French or English. The layout paints
//! these words as they are.
//!
//! What is for machines alone (the note BAR, "not applicable" for consumers) stays in the XML.

mod countries;
mod order;
mod says;

pub use order::summary;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use shared::domain::billing::invoices::document::{Invoice, Kind, Line, Locale, Means, Note};
use shared::domain::billing::invoices::party::{Address, BuyerKind, Seller};
use shared::domain::billing::invoices::sums::Sums;
use shared::kernel::money::Money;
use shared::kernel::text;

use super::sheet::{Balance, Card, Fact, Footer, Meta, Payment, Recap, Row, Sheet, Table, Total};
use super::theme::Theme;
use says::Says;

/// The page of an invoice that comes to these sums.
pub fn invoice(theme: &Theme, invoice: &Invoice, sums: &Sums) -> Sheet {
    let says = Says::new(invoice.locale == Locale::En);
    let title = title(&says, invoice.kind);
    let number = invoice.number.clone().unwrap_or_default();
    Sheet {
        language: invoice.locale.name().to_owned(),
        title: title.to_owned(),
        number: number.clone(),
        logo: theme.logo.clone(),
        accent: theme.accent,
        seller: seller(&says, &invoice.seller),
        facts: facts(&says, invoice),
        buyer: buyer(&says, invoice),
        delivery: delivery(&says, invoice),
        opening: opening(&says, invoice),
        table: table(&says, invoice),
        recap: Some(recap(&says, invoice, sums)),
        totals: totals(&says, invoice, sums),
        balance: balance(&says, invoice, sums),
        payment: payment(&says, invoice, sums),
        notes: invoice.notes.iter().filter(|note| is_read(invoice, note)).map(|note| note.text.clone()).collect(),
        footer: Footer { legal: legal(&says, &invoice.seller), page: says::page(title, &number) },
        meta: Meta {
            title: format!("{title} {number} – {}", invoice.seller.name),
            author: invoice.seller.name.clone(),
            created: midnight(invoice.issue_date),
        },
    }
}

/// When a document says it was made: a constant of it, so that it is the same file whenever it is painted.
pub(crate) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn title(says: &Says, kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => says.of("Facture", "Invoice"),
        Kind::CreditNote => says.of("Avoir", "Credit note"),
        Kind::Corrective => says.of("Facture rectificative", "Corrected invoice"),
        Kind::Deposit => says.of("Facture d’acompte", "Deposit invoice"),
    }
}

/// Legal form with capital (C. com. R123-238), registrations, VAT number (CGI annexe II, 242 nonies A).
fn registrations(says: &Says, seller: &Seller) -> Vec<String> {
    let form = match (&seller.legal_form, &seller.capital) {
        (Some(form), Some(capital)) => {
            Some(format!("{form} {} {capital}", says.of("au capital de", "with a capital of")))
        }
        (form, _) => form.clone(),
    };
    let siren = seller.siren.as_ref().filter(|_| seller.rcs.is_none());
    let siren = siren.map(|siren| format!("SIREN {}", says::threes(siren)));
    let place = seller.siret.as_ref().map(|siret| format!("SIRET {}", says::siret(siret)));
    let vat = seller
        .vat_number
        .as_ref()
        .map(|number| format!("{} {number}", says.of("TVA intracommunautaire", "VAT number")));
    [form, seller.rcs.clone(), siren, place, vat].into_iter().flatten().collect()
}

fn seller(says: &Says, seller: &Seller) -> Vec<String> {
    let trade = seller.trading_name.clone().into_iter();
    let reach = [&seller.email, &seller.phone].into_iter().flatten().cloned().collect::<Vec<_>>().join(" – ");
    let lines = std::iter::once(seller.name.clone()).chain(trade).chain(address(says, &seller.address, false));
    lines.chain(registrations(says, seller)).chain((!reach.is_empty()).then_some(reach)).collect()
}

fn legal(says: &Says, seller: &Seller) -> String {
    let place = address(says, &seller.address, false).join(", ");
    let parts = [seller.name.clone(), place].into_iter().chain(registrations(says, seller));
    parts.collect::<Vec<_>>().join(" – ")
}

/// The country's name where it is not plain: on addresses abroad.
fn address(says: &Says, address: &Address, abroad: bool) -> Vec<String> {
    let town = format!("{} {}", address.postal_code, address.city);
    let country = (abroad && address.country != "FR").then(|| countries::name(says, &address.country));
    let lines = [address.line1.clone(), address.line2.clone(), town.trim().to_owned()].into_iter().chain(country);
    lines.filter(|line| !line.is_empty()).collect()
}

fn facts(says: &Says, invoice: &Invoice) -> Vec<Fact> {
    let day = |day: NaiveDate| text::day(day, says.locale());
    let fact = |fr: &'static str, en: &'static str, value: String| Fact { label: says.of(fr, en).to_owned(), value };
    let category = match invoice.billing_frame.chars().next() {
        Some('B') => says.of("Livraison de biens", "Goods"),
        Some('M') => says.of("Biens et services", "Goods and services"),
        _ => says.of("Prestation de services", "Services"),
    };
    let due = invoice.due_date.filter(|_| !invoice.is_prepaid() && invoice.kind != Kind::CreditNote);
    let facts = [
        Some(fact("Date d’émission", "Date of issue", day(invoice.issue_date))),
        due.map(|due| fact("Échéance", "Due date", day(due))),
        invoice.delivery_date.map(|at| fact("Date de réalisation", "Date of supply", day(at))),
        invoice.period.map(|period| {
            let (from, to) = (day(period.from), day(period.to));
            fact("Période", "Period", format!("{from} – {to}"))
        }),
        invoice.order_ref.clone().map(|order| fact("Commande", "Order", order)),
        invoice.buyer_ref.clone().map(|name| fact("Votre référence", "Your reference", name)),
        Some(fact("Catégorie", "Category", category.to_owned())),
    ];
    facts.into_iter().flatten().collect()
}

fn buyer(says: &Says, invoice: &Invoice) -> Card {
    let buyer = &invoice.buyer;
    let siren = buyer.siren.as_ref().map(|siren| format!("SIREN {}", says::threes(siren)));
    let registration = buyer.registration.as_ref().map(|number| format!("{} {number}", says.of("N°", "No.")));
    let vat = buyer.vat_number.as_ref().map(|number| format!("{} {number}", says.of("TVA", "VAT")));
    let numbers = [siren.or(registration), vat].into_iter().flatten().collect::<Vec<_>>().join(" – ");
    let label = match invoice.kind {
        Kind::CreditNote => says.of("ÉTABLI POUR", "ISSUED TO"),
        _ => says.of("FACTURÉ À", "BILLED TO"),
    };
    let lines = address(says, &buyer.address, true).into_iter().chain((!numbers.is_empty()).then_some(numbers));
    Card { label: label.to_owned(), name: buyer.name.clone(), lines: lines.collect() }
}

fn delivery(says: &Says, invoice: &Invoice) -> Option<Card> {
    let to = invoice.ship_to.as_ref()?;
    let name = to.name.clone().unwrap_or_else(|| invoice.buyer.name.clone());
    Some(Card { label: says.of("LIVRÉ À", "DELIVERED TO").to_owned(), name, lines: address(says, &to.address, true) })
}

/// What it corrects or follows: its number and its date (CGI annexe II, 242 nonies A).
fn opening(says: &Says, invoice: &Invoice) -> Vec<String> {
    let one = |earlier: &shared::domain::billing::invoices::document::Preceding| {
        let (number, day) = (&earlier.number, text::day(earlier.date, says.locale()));
        match (invoice.kind, says.is_english()) {
            (Kind::CreditNote, false) => format!("Cet avoir corrige la facture {number} du {day}."),
            (Kind::CreditNote, true) => format!("This credit note corrects invoice {number} of {day}."),
            (Kind::Corrective, false) => format!("Cette facture remplace la facture {number} du {day}."),
            (Kind::Corrective, true) => format!("This invoice replaces invoice {number} of {day}."),
            (_, false) => format!("Fait suite à la facture {number} du {day}."),
            (_, true) => format!("Follows invoice {number} of {day}."),
        }
    };
    invoice.preceding.iter().map(one).collect()
}

fn table(says: &Says, invoice: &Invoice) -> Table {
    Table {
        summary: says.of("Lignes de la facture", "Lines of the invoice").to_owned(),
        columns: says.columns(),
        rows: invoice.lines.iter().map(|line| row(says, invoice, line)).collect(),
    }
}

fn row(says: &Says, invoice: &Invoice, line: &Line) -> Row {
    let less = line.allowance.as_ref().map(|less| {
        let amount = invoice.money(-less.amount).said(says.locale());
        says.pair(&less.reason, &amount)
    });
    let detail = line.detail.iter().flat_map(|detail| detail.lines()).filter(|line| !line.trim().is_empty());
    Row {
        name: line.name.clone(),
        details: detail.map(str::to_owned).chain(less).collect(),
        figures: [
            says.quantity(line.quantity, &line.unit.label),
            says.price(line.unit_price, invoice.currency),
            says.rate(line.vat_rate_bp),
            invoice.money(line.net).said(says.locale()),
        ],
    }
}

fn recap(says: &Says, invoice: &Invoice, sums: &Sums) -> Recap {
    let said = |money: Money| money.said(says.locale());
    let rows = sums.by_rate.iter().map(|rate| {
        let name = if rate.vat_category.is_taxed() || rate.vat_rate_bp > 0 {
            says.rate(rate.vat_rate_bp)
        } else {
            says.of("Sans TVA", "No VAT").to_owned()
        };
        vec![name, said(rate.net), said(rate.vat)]
    });
    let mut remarks: Vec<String> = Vec::new();
    let why = sums.by_rate.iter().filter_map(|rate| invoice.exemption_of(rate.vat_category));
    for exemption in why.chain(invoice.lines.iter().filter_map(|line| line.exemption.as_ref())) {
        if !remarks.contains(&exemption.text) {
            remarks.push(exemption.text.clone());
        }
    }
    remarks.extend(invoice.vat_in_euro.as_ref().map(|euro| says.in_euro(euro, invoice.currency)));
    says.recap(rows.collect(), remarks)
}

fn totals(says: &Says, invoice: &Invoice, sums: &Sums) -> Vec<Total> {
    let total =
        |label: &str, money: Money, strong| Total { label: label.to_owned(), value: money.said(says.locale()), strong };
    let mut all = Vec::new();
    if !invoice.allowances.is_empty() {
        all.push(total(says.of("Total des lignes HT", "Total of the lines"), sums.lines, false));
        all.extend(invoice.allowances.iter().map(|less| total(&less.reason, invoice.money(-less.amount), false)));
    }
    all.push(total(says.of("Total HT", "Total excl. VAT"), sums.net, false));
    all.push(total(says.of("TVA", "VAT"), sums.vat, false));
    all.push(total(says.of("Total TTC", "Total incl. VAT"), sums.gross, true));
    if sums.paid.amount != 0 {
        let label = match invoice.kind {
            Kind::CreditNote => says.of("Déjà remboursé", "Refunded"),
            _ => says.of("Déjà payé", "Paid"),
        };
        all.push(total(label, invoice.money(-sums.paid.amount), false));
    }
    all
}

fn balance(says: &Says, invoice: &Invoice, sums: &Sums) -> Balance {
    let settled = sums.due.amount == 0 && sums.paid.amount != 0;
    let credit = invoice.kind == Kind::CreditNote;
    let label = match (settled, credit) {
        (true, _) => says.settled(credit, invoice.payment.means, invoice.payment.paid_at),
        (false, true) => says.of("Net en votre faveur", "In your favour").to_owned(),
        (false, false) => says.of("Net à payer", "Amount due").to_owned(),
    };
    Balance { label, value: sums.due.said(says.locale()), settled }
}

fn payment(says: &Says, invoice: &Invoice, sums: &Sums) -> Option<Payment> {
    let paying = &invoice.payment;
    let fact = |fr, en, value: String| Fact { label: says.of(fr, en).to_owned(), value };
    let transfer = paying.means == Means::Transfer && sums.due.amount > 0;
    let of = |value: &Option<String>| value.clone().filter(|_| transfer);
    let reference = paying.reference.clone().or_else(|| invoice.number.clone()).filter(|_| transfer);
    let facts = [
        of(&paying.iban).map(|iban| fact("IBAN", "IBAN", says::fours(&iban))),
        of(&paying.bic).map(|bic| fact("BIC", "BIC", bic)),
        reference.map(|reference| fact("Référence", "Reference", reference)),
    ];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    let lines: Vec<_> = invoice.terms.iter().cloned().collect();
    let heading = says.of("RÈGLEMENT", "PAYMENT").to_owned();
    (!lines.is_empty() || !facts.is_empty()).then_some(Payment { heading, lines, facts })
}

/// Whether people read this note: the XML wants three for everybody, which do not concern a consumer.
fn is_read(invoice: &Invoice, note: &Note) -> bool {
    match note.code.as_deref() {
        Some("BAR") => false,
        Some("PMT" | "PMD" | "AAB") => invoice.buyer.kind == BuyerKind::Business,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
