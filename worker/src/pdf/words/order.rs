//! From an order to its summary: a quotation while it waits for its payment, a confirmation afterwards. No invoice, and it
//! says so.

use shared::domain::billing::customers::Customer;
use shared::domain::billing::invoices::draft;
use shared::domain::billing::invoices::sums;
use shared::domain::billing::orders::{OrderLine, OrderStatus, OrderView};
use shared::kernel::config::House;
use shared::kernel::decimal::Quantity;
use shared::kernel::money::Money;
use shared::kernel::text;

use super::super::sheet::{Balance, Card, Fact, Footer, Meta, Recap, Row, Sheet, Table, Total};
use super::super::theme::Theme;
use super::says::{self, Says};
use super::{countries, legal, midnight, seller};

/// The page of an order.
pub fn summary(theme: &Theme, house: &House, view: &OrderView, customer: &Customer) -> Sheet {
    let says = Says::new(customer.locale == "en");
    let order = &view.order;
    let waits = matches!(order.status, OrderStatus::Cart | OrderStatus::Pending | OrderStatus::Expired);
    let title = if waits { says.of("Devis", "Quotation") } else { says.of("Commande", "Order") };
    let ours = draft::seller(house);
    let note = "Ce document n’est pas une facture. Elle vous est envoyée dès le paiement.";
    let note = says.of(note, "This document is not an invoice. You receive the invoice as soon as the order is paid.");
    Sheet {
        language: says.locale().to_owned(),
        title: title.to_owned(),
        number: order.number.clone(),
        logo: theme.logo.clone(),
        accent: theme.accent,
        seller: seller(&says, &ours),
        facts: facts(&says, view),
        buyer: buyer(&says, customer),
        delivery: None,
        opening: Some(order.description.trim().to_owned()).filter(|text| !text.is_empty()).into_iter().collect(),
        table: table(&says, view),
        recap: Some(recap(&says, view)),
        totals: totals(&says, view),
        balance: Balance {
            label: says.of("Total TTC", "Total incl. VAT").to_owned(),
            value: order.total_gross.said(says.locale()),
            settled: !waits,
        },
        payment: None,
        notes: vec![note.to_owned()],
        footer: Footer { legal: legal(&says, &ours), page: says::page(title, &order.number) },
        meta: Meta {
            title: format!("{title} {} – {}", order.number, ours.name),
            author: ours.name.clone(),
            created: midnight(order.placed_at.date_naive()),
        },
    }
}

fn facts(says: &Says, view: &OrderView) -> Vec<Fact> {
    let day = |at: chrono::DateTime<chrono::Utc>| {
        text::day(at.with_timezone(&chrono_tz::Europe::Paris).date_naive(), says.locale())
    };
    let fact = |fr, en, value: String| Fact { label: says.of(fr, en).to_owned(), value };
    let order = &view.order;
    let until = order.expires_at.filter(|_| order.status == OrderStatus::Pending);
    let facts = [
        Some(fact("Date", "Date", day(order.placed_at))),
        until.map(|at| fact("Valable jusqu’au", "Valid until", day(at))),
        order.paid_at.map(|at| fact("Payée le", "Paid on", day(at))),
        order.due_at.map(|at| fact("Échéance du travail", "Work due", day(at))),
    ];
    facts.into_iter().flatten().collect()
}

fn buyer(says: &Says, customer: &Customer) -> Card {
    let to = &customer.billing;
    let town = format!("{} {}", to.postal_code, to.city);
    let country = (to.country_code != "FR").then(|| countries::name(says, &to.country_code));
    let lines = [to.address_line1.clone(), to.address_line2.clone(), town.trim().to_owned()].into_iter().chain(country);
    let lines = lines.chain([customer.email.clone()]).filter(|line| !line.is_empty());
    Card { label: says.of("CLIENT", "CLIENT").to_owned(), name: to.legal_name.clone(), lines: lines.collect() }
}

fn table(says: &Says, view: &OrderView) -> Table {
    let row = |line: &OrderLine| Row {
        name: line.name.clone(),
        details: line.description.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        figures: [
            says.quantity(Quantity(i64::from(line.quantity) * Quantity::ONE.0), ""),
            sums::unit_price(line.unit_price).map_or_else(
                || line.unit_price.said(says.locale()),
                |price| says.price(price, line.unit_price.currency),
            ),
            says.rate(line.vat_rate_bp),
            line.net.said(says.locale()),
        ],
    };
    Table {
        summary: says.of("Lignes de la commande", "Lines of the order").to_owned(),
        columns: says.columns(),
        rows: view.lines.iter().map(row).collect(),
    }
}

fn recap(says: &Says, view: &OrderView) -> Recap {
    let said = |money: Money| money.said(says.locale());
    let rows = view.vat.iter().map(|rate| vec![says.rate(rate.vat_rate_bp), said(rate.net), said(rate.vat)]);
    says.recap(rows.collect(), Vec::new())
}

fn totals(says: &Says, view: &OrderView) -> Vec<Total> {
    let total =
        |label: &str, money: Money| Total { label: label.to_owned(), value: money.said(says.locale()), strong: false };
    vec![
        total(says.of("Total HT", "Total excl. VAT"), view.order.total_net),
        total(says.of("TVA", "VAT"), view.order.total_vat),
    ]
}
