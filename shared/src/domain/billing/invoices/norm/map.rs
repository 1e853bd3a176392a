//! Ours in theirs, term by term.

use chrono::{Datelike, NaiveDate};
use en16931::invoice as en;
use en16931::{Date, DocumentReference, Identifier, InvoiceAmount, Percentage};
use rust_decimal::Decimal;

use crate::domain::billing::invoices::document::{Allowance, Invoice, Kind, Line, Means};
use crate::domain::billing::invoices::party::{Address, Buyer, ElectronicAddress, Seller};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::decimal::{Quantity, UnitPrice};
use crate::kernel::money::{Currency, Money};

/// What BT-24 says: the norm itself, without a country's additions.
const SPECIFICATION: &str = "urn:cen.eu:en16931:2017";
/// The VAT is due when the invoice is issued (BT-8, UNTDID 2005).
const ON_ISSUE: &str = "3";
/// Stands for the number that a draft does not have yet.
const UNNUMBERED: &str = "DRAFT";

/// An invoice in the words of the norm. None: an amount does not fit.
pub fn invoice(ours: &Invoice) -> Option<en::Invoice> {
    // Where something is outside the scope of VAT, nobody may show a VAT number (BR-O-02).
    let hide_vat = ours.lines.iter().any(|line| line.vat_category == VatCategory::OutOfScope);
    let mut theirs = en::Invoice::default();
    theirs.kind = if ours.kind == Kind::CreditNote { en::DocumentKind::CreditNote } else { en::DocumentKind::Invoice };
    theirs.specification_id = Some(SPECIFICATION.into());
    theirs.business_process = some(&ours.billing_frame);
    theirs.number = Some(ours.number.clone().unwrap_or_else(|| UNNUMBERED.into()));
    theirs.issue_date = date(ours.issue_date);
    theirs.type_code = Some(en::Code::new(ours.kind.code().to_string()));
    theirs.currency = Some(en::Code::new(ours.currency.code()));
    theirs.vat_accounting_currency = ours.vat_in_euro.as_ref().map(|_| en::Code::new(Currency::EUR.code()));
    theirs.vat_point_date_code = ours.vat_on_debits.then(|| en::Code::new(ON_ISSUE));
    theirs.due_date = ours.due_date.and_then(date);
    theirs.buyer_reference.clone_from(&ours.buyer_ref);
    theirs.purchase_order_reference = ours.order_ref.as_ref().map(DocumentReference::new);
    theirs.payment_terms.clone_from(&ours.terms);
    theirs.notes = ours.notes.iter().map(|note| note_of(note.code.as_deref(), &note.text)).collect();
    theirs.preceding_invoices = ours.preceding.iter().map(|one| preceding(&one.number, one.date)).collect();
    theirs.seller = seller(&ours.seller, hide_vat);
    theirs.buyer = buyer(&ours.buyer, hide_vat);
    theirs.delivery = Some(delivery(ours));
    theirs.invoicing_period = ours.period.map(|days| en::Period { start: date(days.from), end: date(days.to) });
    theirs.payment = Some(payment(ours));
    theirs.allowances = ours.allowances.iter().map(|off| allowance(ours, off)).collect::<Option<_>>()?;
    theirs.lines = ours.lines.iter().map(|one| line(ours, one)).collect::<Option<_>>()?;
    sums(ours, &mut theirs)?;
    Some(theirs)
}

fn sums(ours: &Invoice, theirs: &mut en::Invoice) -> Option<()> {
    let sums = ours.sums()?;
    theirs.totals = en::DocumentTotals {
        line_total: amount(sums.lines)?,
        allowance_total: if ours.allowances.is_empty() { None } else { Some(amount(sums.allowances)?) },
        charge_total: None,
        taxable_total: amount(sums.net)?,
        vat_total: Some(amount(sums.vat)?),
        vat_total_accounting: match &ours.vat_in_euro {
            Some(vat) => Some(amount(Money::new(vat.vat, Currency::EUR))?),
            None => None,
        },
        gross_total: amount(sums.gross)?,
        paid: if sums.paid.amount == 0 { None } else { Some(amount(sums.paid)?) },
        rounding: None,
        due: amount(sums.due)?,
    };
    for total in sums.by_rate {
        let exemption = ours.exemption_of(total.vat_category);
        theirs.vat_breakdown.push(en::VatBreakdown {
            taxable_amount: amount(total.net)?,
            tax_amount: amount(total.vat)?,
            category: en::Code::new(total.vat_category.code()),
            rate: rate(total.vat_category, total.vat_rate_bp),
            exemption_reason: exemption.and_then(|exemption| some(&exemption.text)),
            exemption_reason_code: exemption.and_then(|exemption| exemption.vatex.as_ref()).map(en::Code::new),
        });
    }
    Some(())
}

fn line(ours: &Invoice, line: &Line) -> Option<en::InvoiceLine> {
    let off = line.allowance.iter().map(|off| {
        Some(en::LineAllowanceCharge {
            amount: amount(ours.money(off.amount))?,
            base_amount: None,
            percentage: None,
            reason: some(&off.reason),
            reason_code: None,
        })
    });
    Some(en::InvoiceLine {
        id: line.position.to_string(),
        note: None,
        order_line_reference: None,
        accounting_reference: None,
        object_identifier: None,
        quantity: en16931::Quantity::new(Decimal::new(line.quantity.0, Quantity::DECIMALS).normalize()),
        unit_code: en::Code::new(&line.unit.code),
        net_amount: amount(ours.money(line.net))?,
        period: None,
        allowances: off.collect::<Option<_>>()?,
        charges: Vec::new(),
        price: en::PriceDetails {
            net_price: en16931::UnitPriceAmount::new(Decimal::new(line.unit_price.0, UnitPrice::DECIMALS).normalize()),
            ..en::PriceDetails::default()
        },
        vat: vat(line.vat_category, line.vat_rate_bp),
        item: en::Item { name: some(&line.name), description: line.detail.clone(), ..en::Item::default() },
    })
}

fn allowance(ours: &Invoice, off: &Allowance) -> Option<en::DocumentAllowanceCharge> {
    Some(en::DocumentAllowanceCharge {
        amount: amount(ours.money(off.amount))?,
        base_amount: None,
        percentage: None,
        vat: vat(off.vat_category, off.vat_rate_bp),
        reason: some(&off.reason),
        reason_code: None,
    })
}

fn seller(seller: &Seller, hide_vat: bool) -> en::Party {
    let form = match (&seller.legal_form, &seller.capital) {
        (Some(form), Some(capital)) => Some(format!("{form} au capital de {capital}")),
        (Some(form), None) => Some(form.clone()),
        (None, capital) => capital.as_ref().map(|capital| format!("Capital : {capital}")),
    };
    let legal = form.into_iter().chain(seller.rcs.clone()).collect::<Vec<_>>().join(", ");
    let contact = seller.email.is_some() || seller.phone.is_some();
    en::Party {
        name: some(&seller.name),
        trading_name: seller.trading_name.clone(),
        identifiers: identifiers(seller.siret.as_deref()),
        legal_registration: seller.siren.as_ref().map(|siren| Identifier::schemed(siren, "0002")),
        vat_identifier: seller.vat_number.clone().filter(|_| !hide_vat),
        tax_registration: seller.tax_number.clone(),
        additional_legal_information: some(&legal),
        electronic_address: seller.electronic_address.as_ref().map(electronic),
        address: address(&seller.address),
        contact: en::Contact {
            name: contact.then(|| seller.name.clone()),
            phone: seller.phone.clone(),
            email: seller.email.clone(),
        },
    }
}

fn buyer(buyer: &Buyer, hide_vat: bool) -> en::Party {
    let siren = buyer.siren.as_ref().map(|siren| Identifier::schemed(siren, "0002"));
    en::Party {
        name: some(&buyer.name),
        identifiers: identifiers(buyer.siret.as_deref()),
        legal_registration: siren.or_else(|| buyer.registration.as_ref().map(Identifier::new)),
        vat_identifier: buyer.vat_number.clone().filter(|_| !hide_vat),
        electronic_address: buyer.electronic_address.as_ref().map(electronic),
        address: address(&buyer.address),
        contact: en::Contact { email: buyer.email.clone(), ..en::Contact::default() },
        ..en::Party::default()
    }
}

fn identifiers(siret: Option<&str>) -> Vec<Identifier> {
    siret.map(|siret| Identifier::schemed(siret, "0009")).into_iter().collect()
}

fn electronic(address: &ElectronicAddress) -> Identifier {
    Identifier::schemed(&address.id, &address.scheme)
}

fn address(address: &Address) -> en::PostalAddress {
    en::PostalAddress {
        line1: some(&address.line1),
        line2: some(&address.line2),
        city: some(&address.city),
        post_code: some(&address.postal_code),
        country: Some(en::Code::new(&address.country)),
        ..en::PostalAddress::default()
    }
}

/// CII must have this group and must not have it empty: where nothing is said of the delivery, it went to the buyer.
fn delivery(ours: &Invoice) -> en::Delivery {
    let unsaid = ours.ship_to.is_none() && ours.delivery_date.is_none();
    let name = ours.ship_to.as_ref().and_then(|place| place.name.clone());
    en::Delivery {
        party_name: if unsaid { some(&ours.buyer.name) } else { name },
        date: ours.delivery_date.and_then(date),
        address: ours.ship_to.as_ref().map(|place| address(&place.address)),
        ..en::Delivery::default()
    }
}

fn payment(ours: &Invoice) -> en::PaymentInstructions {
    let payment = &ours.payment;
    let means = match payment.means {
        Means::Card => None, // BG-18 would want digits of the card, which we never see
        Means::Transfer => Some(en::PaymentMeans::CreditTransfer(vec![en::CreditTransfer {
            account_identifier: payment.iban.clone(),
            account_name: None,
            provider_identifier: payment.bic.clone(),
        }])),
        Means::DirectDebit => Some(en::PaymentMeans::DirectDebit(en::DirectDebit {
            mandate_reference: payment.mandate.clone(),
            creditor_identifier: None,
            debited_account: payment.iban.clone(),
        })),
    };
    en::PaymentInstructions {
        means_code: Some(en::Code::new(payment.means.code().to_string())),
        means_text: None,
        remittance_information: payment.reference.clone(),
        means,
    }
}

fn preceding(number: &str, day: NaiveDate) -> en::PrecedingInvoice {
    en::PrecedingInvoice { reference: DocumentReference::new(number), issue_date: date(day) }
}

fn note_of(code: Option<&str>, text: &str) -> en::InvoiceNote {
    en::InvoiceNote { subject_code: code.map(en::Code::new), note: some(text) }
}

fn vat(category: VatCategory, rate_bp: i32) -> en::LineVat {
    en::LineVat { category: en::Code::new(category.code()), rate: rate(category, rate_bp) }
}

/// What is outside the scope of VAT has no rate, not even 0 % (BR-O-05).
fn rate(category: VatCategory, rate_bp: i32) -> Option<Percentage> {
    let percent = Decimal::new(rate_bp.into(), 2).normalize();
    (category != VatCategory::OutOfScope).then(|| Percentage::new(percent))
}

/// The norm's amounts have two decimals; a currency may have none, and none of ours more when it comes here.
fn amount(money: Money) -> Option<InvoiceAmount> {
    InvoiceAmount::from_decimal_exact(Decimal::try_new(money.amount, money.currency.decimals()).ok()?).ok()
}

fn date(day: NaiveDate) -> Option<Date> {
    Date::new(day.year(), u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?).ok()
}

fn some(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}
