//! Where a finding of the norm's is in our document.

use en16931::bt::{Group, Path};

use crate::domain::billing::invoices::document::Invoice;

/// Our field for a place of theirs: `BG-25[2]/BT-151` is `lines[2].vat_category`.
pub(super) fn ours(invoice: &Invoice, theirs: &Path) -> String {
    let term = theirs.term.map_or(0, |term| term.0);
    let nth = theirs.index.unwrap_or_default();
    match theirs.group {
        Group::Document => document(term).into(),
        Group::Seller => join("seller", party(term)),
        Group::Buyer => join("buyer", party(term)),
        Group::Delivery => delivery(term).into(),
        Group::Payment => join("payment", payment(term)),
        Group::DocumentAllowance => join(&format!("allowances[{nth}]"), allowance(term)),
        Group::Line if nth >= invoice.lines.len() => "lines".into(),
        Group::Line => join(&format!("lines[{nth}]"), line(term)),
        Group::VatBreakdown if matches!(term, 120 | 121) => "exemption".into(),
        Group::VatBreakdown if invoice.stated_vat.is_empty() => "lines".into(),
        Group::VatBreakdown => format!("stated_vat[{nth}]"),
        Group::Totals if matches!(term, 111) => "vat_in_euro".into(),
        Group::Totals if matches!(term, 113 | 115) => "payment.paid".into(),
        Group::Totals => "lines".into(),
        _ => String::new(),
    }
}

fn join(group: &str, field: &str) -> String {
    if field.is_empty() { group.to_owned() } else { format!("{group}.{field}") }
}

const fn document(term: u16) -> &'static str {
    match term {
        1 => "number",
        2 => "issue_date",
        3 => "kind",
        5 => "currency",
        6 | 111 => "vat_in_euro",
        7 | 8 => "vat_on_debits",
        9 => "due_date",
        10 => "buyer_ref",
        13 => "order_ref",
        20 => "terms",
        21 | 22 => "notes",
        23 => "billing_frame",
        25 | 26 => "preceding",
        27..=43 => "seller",
        44..=58 => "buyer",
        70..=72 => "delivery_date",
        73 | 74 => "period",
        81..=91 => "payment",
        113 | 115 => "payment.paid",
        120 | 121 => "exemption",
        106..=119 | 126..=161 => "lines",
        _ => "",
    }
}

const fn party(term: u16) -> &'static str {
    match term {
        27 | 44 => "name",
        28 => "trading_name",
        29 | 46 => "siret",
        30 | 47 => "siren",
        31 | 48 => "vat_number",
        32 => "tax_number",
        34 | 49 => "electronic_address",
        35 | 50 => "address.line1",
        36 | 51 => "address.line2",
        37 | 52 => "address.city",
        38 | 53 => "address.postal_code",
        40 | 55 => "address.country",
        42 => "phone",
        43 | 58 => "email",
        _ => "",
    }
}

const fn delivery(term: u16) -> &'static str {
    match term {
        70 => "ship_to.name",
        72 => "delivery_date",
        75 => "ship_to.address.line1",
        77 => "ship_to.address.city",
        78 => "ship_to.address.postal_code",
        80 => "ship_to.address.country",
        _ => "ship_to",
    }
}

const fn payment(term: u16) -> &'static str {
    match term {
        81 => "means",
        83 => "reference",
        84 | 91 => "iban",
        86 => "bic",
        89 => "mandate",
        _ => "",
    }
}

const fn allowance(term: u16) -> &'static str {
    match term {
        92 => "amount",
        95 => "vat_category",
        96 => "vat_rate_bp",
        97 | 98 => "reason",
        _ => "",
    }
}

const fn line(term: u16) -> &'static str {
    match term {
        126 => "position",
        129 => "quantity",
        130 => "unit.code",
        131 => "net",
        136 => "allowance.amount",
        139 | 140 => "allowance.reason",
        146..=150 => "unit_price",
        151 => "vat_category",
        152 => "vat_rate_bp",
        153 => "name",
        154 => "detail",
        _ => "",
    }
}
