//! The invoice of an order: what was ordered and paid, by whom, in the words of the house.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::document::{Exemption, Invoice, Kind, Line, Locale, Means, Note, Payment, Unit};
use super::party::{Address, Buyer, BuyerKind, ElectronicAddress, Seller};
use super::{Problem, french, numbering, sums};
use crate::domain::billing::customers::Customer;
use crate::domain::billing::orders::{Order, OrderLine};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::config::{House, Nature, Regime, WordingKey};
use crate::kernel::decimal::{Quantity, UnitPrice};
use crate::kernel::registered;
use crate::kernel::text;

/// Characters of a product's description that an invoice repeats.
const DETAIL: usize = 500;
/// An address of the EAS list that is one for mails.
pub(super) const MAIL: &str = "EM";

/// A payment of the whole, before there was an invoice.
#[derive(Clone, Debug)]
pub struct Prepaid {
    /// When.
    pub at: DateTime<Utc>,
    /// How, in Stripe's words: `card`, `sepa_debit` …
    pub method: Option<String>,
    /// `pi_…`
    pub intent: Option<String>,
}

/// What an invoice is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    /// Who sells.
    pub house: &'a House,
    /// Who buys.
    pub customer: &'a Customer,
    /// What was ordered.
    pub order: &'a Order,
    /// Its lines.
    pub lines: &'a [OrderLine],
    /// How it was paid up front, if it was.
    pub prepaid: Option<&'a Prepaid>,
    /// Today in Paris.
    pub today: NaiveDate,
}

/// The invoice of an order, without a number, and not checked.
pub fn of_order(sale: &Sale<'_>) -> Invoice {
    let Sale { house, customer, order, today, .. } = *sale;
    let locale = if customer.locale == "en" { Locale::En } else { Locale::Fr };
    let said = |key| house.wording(key, locale.name(), today).to_owned();
    let buyer = buyer(customer);
    let terms = match sale.prepaid {
        Some(_) => said(WordingKey::Prepaid),
        None => said(WordingKey::Terms).replace("{days}", &house.terms_days.to_string()),
    };
    let mut invoice = Invoice {
        number: None,
        kind: Kind::Invoice,
        issue_date: today,
        due_date: match sale.prepaid {
            Some(paid) => Some(numbering::day_in_paris(paid.at)),
            None => today.checked_add_days(Days::new(house.terms_days.into())),
        },
        delivery_date: order.delivered_at.map(numbering::day_in_paris),
        period: None,
        currency: order.total_gross.currency,
        billing_frame: format!("{}{}", letter(house.nature), if sale.prepaid.is_some() { '2' } else { '1' }),
        buyer_ref: None,
        order_ref: Some(order.number.clone()),
        preceding: Vec::new(),
        seller: seller(house),
        notes: notes(house, &buyer, locale, today),
        buyer,
        ship_to: None,
        lines: sale.lines.iter().enumerate().map(|(n, line)| one(house, locale, today, n, line)).collect(),
        allowances: Vec::new(),
        stated_vat: Vec::new(),
        vat_in_euro: None,
        payment: payment(sale),
        terms: Some(terms),
        vat_on_debits: house.vat_on_debits && sale.lines.iter().any(|line| line.vat_category.is_taxed()),
        exemption: None,
        locale,
        theme: Invoice::house_theme(),
    };
    let rate = house.euro_rate(invoice.currency, today);
    invoice.vat_in_euro = rate.and_then(|(rate, day)| invoice.vat_in_euro_at(rate, day));
    invoice
}

/// What the house itself has against an invoice.
pub fn problems(house: &House, invoice: &Invoice) -> Vec<Problem> {
    let taxed = |line: &&Line| house.regime == Regime::Franchise && line.vat_category.is_taxed();
    let of = |line: &Line| Problem {
        path: format!("lines[{}].vat_category", line.position.saturating_sub(1)),
        code: "franchise".into(),
        message: "must be E: the house charges no VAT".into(),
    };
    invoice.lines.iter().filter(taxed).map(of).collect()
}

pub(super) const fn letter(nature: Nature) -> char {
    match nature {
        Nature::Goods => 'B',
        Nature::Services => 'S',
        Nature::Mixed => 'M',
    }
}

fn one(house: &House, locale: Locale, day: NaiveDate, n: usize, line: &OrderLine) -> Line {
    let detail = line.description.trim();
    Line {
        position: n as u32 + 1,
        name: line.name.clone(),
        detail: (!detail.is_empty()).then(|| text::cut(detail, DETAIL).into_owned()),
        quantity: Quantity(i64::from(line.quantity) * Quantity::ONE.0),
        unit: Unit::default(),
        unit_price: sums::unit_price(line.unit_price).unwrap_or(UnitPrice(0)), // 0 is refused, and its draft says so
        allowance: None,
        net: line.net.amount,
        vat_category: line.vat_category,
        vat_rate_bp: line.vat_rate_bp,
        exemption: exemption(house, locale, day, line.vat_category),
    }
}

/// Why there is no VAT, with the code of the VATEX list where there is one.
pub(super) fn exemption(house: &House, locale: Locale, day: NaiveDate, category: VatCategory) -> Option<Exemption> {
    let (key, vatex) = match category {
        VatCategory::Standard | VatCategory::Zero => return None,
        VatCategory::Exempt if house.regime == Regime::Franchise => (WordingKey::Franchise, Some("VATEX-FR-FRANCHISE")),
        VatCategory::Exempt => (WordingKey::Exempt, None),
        VatCategory::ReverseCharge => (WordingKey::ReverseCharge, Some("VATEX-EU-AE")),
        VatCategory::IntraCommunity => (WordingKey::IntraCommunity, Some("VATEX-EU-IC")),
        VatCategory::Export => (WordingKey::Export, Some("VATEX-EU-G")),
        VatCategory::OutOfScope => (WordingKey::OutOfScope, Some("VATEX-EU-O")),
    };
    let text = house.wording(key, locale.name(), day).to_owned();
    Some(Exemption { vatex: vatex.map(str::to_owned), text })
}

fn payment(sale: &Sale<'_>) -> Payment {
    let Some(paid) = sale.prepaid else {
        return Payment {
            means: Means::Transfer,
            iban: sale.house.seller.iban.clone(),
            bic: sale.house.seller.bic.clone(),
            reference: Some(sale.order.number.clone()),
            mandate: None,
            paid: 0,
            paid_at: None,
            stripe_payment_intent: None,
        };
    };
    let debit = paid.method.as_deref().is_some_and(|method| method.ends_with("_debit"));
    Payment {
        means: if debit { Means::DirectDebit } else { Means::Card },
        iban: None,
        bic: None,
        reference: Some(sale.order.number.clone()),
        mandate: None,
        paid: sale.order.total_gross.amount,
        paid_at: Some(paid.at),
        stripe_payment_intent: paid.intent.clone(),
    }
}

pub(super) fn notes(house: &House, buyer: &Buyer, locale: Locale, day: NaiveDate) -> Vec<Note> {
    let consumer = buyer.kind == BuyerKind::Consumer;
    let own = [("PMT", WordingKey::Recovery), ("PMD", WordingKey::Penalties), ("AAB", WordingKey::Discount)];
    let own = own.map(|(code, key)| {
        let text = house.wording(if consumer { WordingKey::Consumer } else { key }, locale.name(), day);
        Note { code: Some(code.into()), text: text.into() }
    });
    let treatment = match (consumer, buyer.address.country == "FR") {
        (false, true) => "B2B",
        (false, false) => "B2BINT",
        (true, true) => "B2C",
        (true, false) => "B2CINT",
    };
    let treatment = Note { code: Some(french::TREATMENT.into()), text: treatment.into() };
    let on_debits = house
        .vat_on_debits
        .then(|| Note { code: None, text: house.wording(WordingKey::VatOnDebits, locale.name(), day).into() });
    own.into_iter().chain([treatment]).chain(on_debits).collect()
}

/// The house as it is today.
pub fn seller(house: &House) -> Seller {
    let own = &house.seller;
    Seller {
        name: own.name.clone(),
        trading_name: own.trading_name.clone(),
        legal_form: own.legal_form.clone(),
        capital: own.capital.clone(),
        siren: Some(own.siren.clone()),
        siret: own.siret.clone(),
        rcs: own.rcs.clone(),
        vat_number: own.vat_number.clone(),
        tax_number: if own.vat_number.is_none() { Some(own.siren.clone()) } else { None },
        address: Address {
            line1: own.line1.clone(),
            line2: own.line2.clone(),
            postal_code: own.postal_code.clone(),
            city: own.city.clone(),
            country: "FR".into(),
        },
        electronic_address: Some(ElectronicAddress {
            scheme: french::DIRECTORY.into(),
            id: own.electronic_address.clone().unwrap_or_else(|| own.siren.clone()),
        }),
        email: own.email.clone(),
        phone: own.phone.clone(),
    }
}

/// A customer as they are today. Whoever gave a company's number or a VAT number is a business.
pub fn buyer(customer: &Customer) -> Buyer {
    let plain = |number: &Option<String>| {
        number.as_deref().map(|number| number.replace(' ', "").to_uppercase()).filter(|number| !number.is_empty())
    };
    let billing = &customer.billing;
    let (vat_number, company) = (plain(&billing.vat_number), plain(&billing.company_number));
    let french = billing.country_code == "FR";
    let office = company.clone().filter(|number| french && number.len() == 14);
    let named = match &office {
        Some(office) => office.get(..9).map(str::to_owned),
        None => company.clone().filter(|_| french),
    };
    let from_vat = || vat_number.as_deref()?.strip_prefix("FR")?.get(2..).filter(|n| registered::is_siren(n));
    let siren = named.or_else(|| from_vat().map(str::to_owned));
    let electronic_address = match &siren {
        Some(siren) => ElectronicAddress { scheme: french::DIRECTORY.into(), id: siren.clone() },
        None => ElectronicAddress { scheme: MAIL.into(), id: customer.email.clone() },
    };
    let business = vat_number.is_some() || company.is_some();
    Buyer {
        kind: if business { BuyerKind::Business } else { BuyerKind::Consumer },
        name: billing.legal_name.clone(),
        siren,
        siret: office,
        registration: company.filter(|_| !french),
        vat_number,
        address: Address {
            line1: billing.address_line1.clone(),
            line2: billing.address_line2.clone(),
            postal_code: billing.postal_code.clone(),
            city: billing.city.clone(),
            country: billing.country_code.clone(),
        },
        electronic_address: Some(electronic_address),
        email: Some(customer.email.clone()),
    }
}
