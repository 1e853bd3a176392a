//! Every rule, with a document that breaks it and the field that says so; and documents that break none.

use chrono::NaiveDate;
use shared::domain::billing::invoices::document::{
    Allowance, Exemption, Kind, Line, LineAllowance, Means, Note, Period, Preceding, ShipTo, VatInEuro,
};
use shared::domain::billing::invoices::party::BuyerKind;
use shared::domain::billing::invoices::{Invoice, checks};
use shared::domain::billing::totals::{self, VatCategory};
use shared::kernel::decimal::{EuroRate, Quantity, UnitPrice};
use shared::kernel::money::{Currency, Money};

use super::sample;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// What is wrong, as `path code`.
fn wrong(invoice: &Invoice) -> Vec<String> {
    checks::problems(invoice).into_iter().map(|one| format!("{} {}", one.path, one.code)).collect()
}

fn changed(change: impl FnOnce(&mut Invoice)) -> Invoice {
    let mut invoice = sample();
    change(&mut invoice);
    invoice
}

/// Not paid yet, by transfer.
fn to_pay() -> Invoice {
    changed(|i| {
        i.billing_frame = "S1".into();
        i.due_date = Some(day("2026-12-20"));
        i.payment.means = Means::Transfer;
        i.payment.iban = Some("FR7630006000011234567890189".into());
        i.payment.bic = Some("AGRIFRPP".into());
        (i.payment.paid, i.payment.paid_at) = (0, None);
    })
}

/// Without VAT, in this category.
fn untaxed(category: VatCategory, vatex: &str, text: &str) -> Invoice {
    let mut invoice = to_pay();
    for line in &mut invoice.lines {
        (line.vat_category, line.vat_rate_bp) = (category, 0);
    }
    invoice.exemption = Some(Exemption { vatex: Some(vatex.into()), text: text.into() });
    invoice
}

fn note<'a>(invoice: &'a mut Invoice, code: &str) -> &'a mut Note {
    invoice.notes.iter_mut().find(|note| note.code.as_deref() == Some(code)).expect("a note")
}

fn consumer(invoice: &mut Invoice) {
    invoice.buyer.kind = BuyerKind::Consumer;
    (invoice.buyer.siren, invoice.buyer.siret, invoice.buyer.vat_number) = (None, None, None);
    let address = invoice.buyer.electronic_address.as_mut().expect("an address");
    (address.scheme, address.id) = ("EM".into(), "claire@example.org".into());
    note(invoice, "BAR").text = "B2C".into();
}

/// The documents of the scenarios that an invoice must be able to be.
pub(super) fn scenarios() -> Vec<(&'static str, Invoice)> {
    let mut all = vec![
        ("prepaid by card", sample()),
        ("to pay by transfer", to_pay()),
        ("consumer", changed(consumer)),
        ("reverse charge", untaxed(VatCategory::ReverseCharge, "VATEX-EU-AE", "Autoliquidation")),
    ];
    let mut franchise =
        untaxed(VatCategory::Exempt, "VATEX-FR-FRANCHISE", "TVA non applicable, article L. 223-3 du CIBS");
    (franchise.seller.vat_number, franchise.seller.tax_number) = (None, Some("123456782".into()));
    all.push(("franchise", franchise));
    let mut abroad = untaxed(VatCategory::IntraCommunity, "VATEX-EU-IC", "Livraison intracommunautaire");
    abroad.billing_frame = "B1".into();
    (abroad.buyer.siren, abroad.buyer.siret, abroad.buyer.vat_number) = (None, None, Some("DE136695976".into()));
    abroad.buyer.address.country = "DE".into();
    let address = abroad.buyer.electronic_address.as_mut().expect("an address");
    (address.scheme, address.id) = ("EM".into(), "einkauf@example.org".into());
    note(&mut abroad, "BAR").text = "B2BINT".into();
    abroad.delivery_date = Some(day("2026-11-18"));
    abroad.ship_to = Some(ShipTo { name: None, address: abroad.buyer.address.clone() });
    all.push(("intra-Community", abroad.clone()));
    let mut export = abroad;
    export.exemption = Some(Exemption { vatex: Some("VATEX-EU-G".into()), text: "Exportation".into() });
    export.lines.iter_mut().for_each(|line| line.vat_category = VatCategory::Export);
    all.push(("export", export));
    all.push(("out of scope", untaxed(VatCategory::OutOfScope, "VATEX-EU-O", "Hors champ de la TVA")));
    let mut deposit = to_pay();
    (deposit.kind, deposit.due_date) = (Kind::Deposit, Some(day("2026-11-01")));
    all.push(("deposit", deposit));
    all.push((
        "discount",
        changed(|i| {
            let off = Allowance {
                amount: 5_000,
                reason: "Remise".into(),
                vat_category: VatCategory::Standard,
                vat_rate_bp: 2000,
            };
            i.allowances.push(off);
            i.payment.paid = 62_440;
        }),
    ));
    all.push((
        "credit note",
        changed(|i| {
            i.kind = Kind::CreditNote;
            i.preceding = vec![Preceding { number: "F-2026-000041".into(), date: day("2026-11-02") }];
        }),
    ));
    all.push(("part of an invoice taken back", part()));
    all.push(("corrective", {
        let mut corrective = to_pay();
        corrective.kind = Kind::Corrective;
        corrective.preceding = vec![Preceding { number: "F-2026-000041".into(), date: day("2026-11-02") }];
        corrective
    }));
    all.push(("dollars", in_dollars()));
    all.push((
        "yens",
        changed(|i| {
            i.currency = Currency::from_code("JPY").expect("yens");
            for line in &mut i.lines {
                (line.unit_price, line.quantity, line.allowance, line.net) =
                    (UnitPrice(99_000_000), Quantity::ONE, None, 99);
            }
            i.payment.paid = 223; // 99 + 99, 20 and 5 of VAT
            i.vat_in_euro = i.vat_in_euro_at(EuroRate(5_500), day("2026-11-19"));
        }),
    ));
    all.push((
        "a thousand lines",
        changed(|i| {
            let line =
                Line { quantity: Quantity::ONE, unit_price: UnitPrice(1_000_000), net: 100, ..i.lines[0].clone() };
            i.lines = (1..=1000).map(|position| Line { position, ..line.clone() }).collect();
            i.payment.paid = 120_000;
        }),
    ));
    all
}

fn in_dollars() -> Invoice {
    let mut invoice = sample();
    invoice.currency = Currency::from_code("USD").expect("dollars");
    invoice.vat_in_euro = invoice.vat_in_euro_at(EuroRate(862_143), day("2026-11-19"));
    assert_eq!(invoice.vat_in_euro.as_ref().map(|vat| vat.vat), Some(9_001)); // 104.40 × 0.862143 = 90.0077
    invoice
}

/// 0.03 € at 20 %: 0.02 € and 0.01 €, where the rate would make nothing of two cents.
fn part() -> Invoice {
    changed(|i| {
        i.kind = Kind::CreditNote;
        i.preceding = vec![Preceding { number: "F-2026-000041".into(), date: day("2026-11-02") }];
        let line = Line { quantity: Quantity::ONE, unit_price: UnitPrice(20_000), net: 2, ..i.lines[0].clone() };
        i.lines = vec![line];
        let mut vat = i.computed().expect("a sum").by_rate;
        vat[0].vat = Money::new(1, Currency::EUR);
        i.stated_vat = vat;
        i.payment.paid = 3;
    })
}

#[test]
fn every_kind_of_document_can_be_right() {
    for (name, invoice) in scenarios() {
        assert_eq!(wrong(&invoice), Vec::<String>::new(), "{name}");
    }
}

/// What breaks a rule, and where and how it is told.
type Case = (&'static str, fn(&mut Invoice));

#[track_caller]
fn told(base: &Invoice, cases: &[Case]) {
    for (expected, change) in cases {
        let mut invoice = base.clone();
        change(&mut invoice);
        let wrong = wrong(&invoice);
        assert!(wrong.iter().any(|one| one == expected), "{expected} should be told: {wrong:?}");
    }
}

#[test]
fn numbers_days_and_texts() {
    told(
        &sample(),
        &[
            ("number BR-FR-01", |i| i.number = Some("F".repeat(36))),
            ("number BR-FR-01", |i| i.number = Some(String::new())),
            ("number BR-FR-02", |i| i.number = Some("F 1".into())),
            ("number BR-FR-02", |i| i.number = Some("É1".into())),
            ("preceding[0].number BR-FR-02", |i| {
                i.preceding = vec![Preceding { number: "n°1".into(), date: day("2026-01-01") }]
            }),
            ("preceding[0].date BR-FR-03", |i| {
                i.preceding = vec![Preceding { number: "F1".into(), date: day("1999-12-31") }]
            }),
            ("issue_date BR-FR-03", |i| i.issue_date = day("2100-01-01")),
            ("delivery_date BR-FR-03", |i| i.delivery_date = Some(day("1999-12-31"))),
            ("period.to BR-29", |i| i.period = Some(Period { from: day("2026-11-30"), to: day("2026-11-01") })),
            ("buyer.name characters", |i| i.buyer.name = "A\u{7}B".into()),
            ("lines[1].detail characters", |i| i.lines[1].detail = Some("\u{fffe}".into())),
            ("theme choice", |i| i.theme = "../x".into()),
            ("terms length", |i| i.terms = Some("x".repeat(5_001))),
        ],
    );
}

#[test]
fn notes_and_who_deals_with_whom() {
    told(
        &sample(),
        &[
            ("notes BR-FR-05", |i| i.notes.retain(|note| note.code.as_deref() != Some("PMT"))),
            ("notes BR-FR-05", |i| i.notes.retain(|note| note.code.as_deref() != Some("PMD"))),
            ("notes BR-FR-05", |i| i.notes.retain(|note| note.code.as_deref() != Some("AAB"))),
            ("notes BR-FR-06", |i| i.notes.push(i.notes[0].clone())),
            ("notes BAR", |i| i.notes.retain(|note| note.code.as_deref() != Some("BAR"))),
            ("notes BR-FR-31", |i| i.notes.push(i.notes[3].clone())),
            ("notes[3].text BR-FR-20", |i| note(i, "BAR").text = "B2X".into()),
            ("notes[3].text buyer_kind", |i| note(i, "BAR").text = "B2C".into()),
            ("notes[0].text required", |i| i.notes[0].text = " ".into()),
            ("buyer.siren BR-FR-11", |i| (i.buyer.siren, i.buyer.siret) = (None, None)),
            ("buyer.electronic_address BR-FR-21", |i| {
                i.buyer.electronic_address.as_mut().expect("it").scheme = "EM".into()
            }),
            ("buyer.electronic_address BR-FR-21", |i| {
                i.buyer.electronic_address.as_mut().expect("it").id = "552100554".into()
            }),
            ("buyer.electronic_address BR-FR-23", |i| {
                i.buyer.electronic_address.as_mut().expect("it").id = "732829320 A".into()
            }),
            ("buyer.electronic_address BR-FR-25", |i| {
                i.buyer.electronic_address.as_mut().expect("it").id = format!("732829320_{}", "A".repeat(120))
            }),
            ("buyer.electronic_address BR-FR-12", |i| i.buyer.electronic_address = None),
        ],
    );
    told(
        &changed(consumer),
        &[
            ("buyer.electronic_address BR-FR-12", |i| i.buyer.electronic_address = None),
            ("notes[3].text buyer_kind", |i| note(i, "BAR").text = "B2B".into()),
        ],
    );
}

#[test]
fn who_sells_and_who_buys() {
    told(
        &sample(),
        &[
            ("seller.siren BR-FR-10", |i| (i.seller.siren, i.seller.siret) = (None, None)),
            ("seller.siren luhn", |i| i.seller.siren = Some("123456783".into())),
            ("seller.siret BR-FR-09", |i| i.seller.siret = Some("73282932000074".into())),
            ("seller.siret luhn", |i| i.seller.siret = Some("12345678200011".into())),
            ("seller.vat_number vat_number", |i| i.seller.vat_number = Some("FR12123456782".into())),
            ("seller.vat_number siren", |i| i.seller.vat_number = Some("FR44732829320".into())),
            ("seller.electronic_address BR-FR-13", |i| i.seller.electronic_address = None),
            ("seller.electronic_address directory", |i| {
                i.seller.electronic_address.as_mut().expect("it").scheme = "EM".into()
            }),
            ("seller.electronic_address directory", |i| {
                i.seller.electronic_address.as_mut().expect("it").id = "732829320".into()
            }),
            ("seller.address.country BR-CL-14", |i| i.seller.address.country = "XX".into()),
            ("seller.name BR-06", |i| i.seller.name = String::new()),
            ("buyer.siren luhn", |i| i.buyer.siren = Some("732829321".into())),
            ("buyer.siret BR-FR-09", |i| i.buyer.siret = Some("12345678200010".into())),
            ("buyer.vat_number vat_number", |i| i.buyer.vat_number = Some("FR45732829320".into())),
            ("buyer.name BR-07", |i| i.buyer.name = " ".into()),
            ("buyer.address.line1 required", |i| i.buyer.address.line1 = String::new()),
            ("buyer.address.postal_code required", |i| i.buyer.address.postal_code = String::new()),
            ("buyer.address.city required", |i| i.buyer.address.city = String::new()),
        ],
    );
    let exempt = untaxed(VatCategory::Exempt, "VATEX-FR-FRANCHISE", "TVA non applicable");
    told(&exempt, &[("seller.tax_number BR-E-02", |i| i.seller.vat_number = None)]);
    let owed = untaxed(VatCategory::ReverseCharge, "VATEX-EU-AE", "Autoliquidation");
    told(
        &owed,
        &[("buyer.vat_number BR-AE-02", |i| {
            note(i, "BAR").text = "B2BINT".into();
            (i.buyer.vat_number, i.buyer.siren, i.buyer.siret) = (None, None, None);
        })],
    );
    told(
        &untaxed(VatCategory::IntraCommunity, "VATEX-EU-IC", "x"),
        &[
            ("buyer.vat_number BR-IC-02", |i| i.buyer.vat_number = None),
            ("ship_to.address.country BR-IC-12", |_| {}),
            ("delivery_date BR-IC-11", |i| i.period = None),
        ],
    );
}

#[test]
fn frames_kinds_and_what_was_paid() {
    told(
        &sample(),
        &[
            ("billing_frame BR-FR-08", |i| i.billing_frame = "S8".into()),
            ("billing_frame BR-FR-08", |i| i.billing_frame = String::new()),
            ("billing_frame BR-FR-CO-08", |i| (i.billing_frame, i.kind) = ("S4".into(), Kind::Deposit)),
            ("payment.paid BR-FR-CO-09", |i| i.payment.paid -= 1),
            ("payment.paid range", |i| i.payment.paid += 1),
            ("payment.paid range", |i| i.payment.paid = -1),
            ("payment.paid_at required", |i| i.payment.paid_at = None),
            ("due_date BR-FR-CO-09", |i| i.due_date = None),
            ("due_date BR-FR-CO-09", |i| i.due_date = Some(day("2026-11-21"))),
            ("preceding BR-FR-CO-05", |i| i.kind = Kind::CreditNote),
            ("preceding BR-FR-CO-04", |i| i.kind = Kind::Corrective),
            ("preceding BG-3", |i| i.preceding = vec![Preceding { number: "F1".into(), date: day("2026-01-01") }; 2]),
        ],
    );
    told(
        &to_pay(),
        &[
            ("due_date BR-FR-CO-07", |i| i.due_date = Some(day("2026-11-19"))),
            ("payment.iban BR-61", |i| i.payment.iban = None),
            ("payment.iban iban", |i| i.payment.iban = Some("FR7630006000011234567890188".into())),
            ("payment.bic bic", |i| i.payment.bic = Some("AGRI".into())),
            ("due_date BR-CO-25", |i| (i.due_date, i.terms) = (None, None)),
        ],
    );
}

#[test]
fn lines_and_their_arithmetic() {
    told(
        &sample(),
        &[
            ("lines[0].net arithmetic", |i| i.lines[0].net += 1),
            ("lines[1].net arithmetic", |i| i.lines[1].allowance = None),
            ("lines[1].allowance.amount range", |i| {
                i.lines[1].allowance = Some(LineAllowance { amount: 0, reason: "x".into() })
            }),
            ("lines[1].allowance.reason BR-42", |i| i.lines[1].allowance.as_mut().expect("it").reason = String::new()),
            ("lines[0].position sequence", |i| i.lines[0].position = 7),
            ("lines[0].quantity range", |i| i.lines[0].quantity = Quantity(0)),
            ("lines[0].unit_price BR-FR-DEC-03", |i| i.lines[0].unit_price = UnitPrice(0)),
            ("lines[0].unit_price BR-FR-DEC-03", |i| i.lines[0].unit_price = UnitPrice(-1)),
            ("lines[0].unit.code BR-CL-23", |i| i.lines[0].unit.code = "hour".into()),
            ("lines[0].name BR-25", |i| i.lines[0].name = String::new()),
            ("lines[0].vat_rate_bp vat_rate", |i| i.lines[0].vat_rate_bp = 0),
            ("lines[0].vat_rate_bp BR-FR-16", |i| i.lines[0].vat_rate_bp = 1900),
            ("lines[0].exemption taxed", |i| i.lines[0].exemption = Some(Exemption { vatex: None, text: "x".into() })),
            ("lines BR-16", |i| i.lines.clear()),
            ("lines length", |i| i.lines = vec![i.lines[0].clone(); 2_001]),
            ("lines range", |i| i.lines[0].net = i64::MAX),
            ("allowances[0].amount range", |i| i.allowances.push(off(0, 2000))),
            ("allowances[0].vat_category unknown", |i| i.allowances.push(off(1, 1000))),
            ("allowances[0].vat_rate_bp BR-FR-16", |i| i.allowances.push(off(1, 1900))),
        ],
    );
    told(
        &untaxed(VatCategory::Exempt, "VATEX-EU-132", "Exonération"),
        &[
            ("exemption BT-120", |i| i.exemption = None),
            ("exemption BR-CL-22", |i| i.exemption.as_mut().expect("it").vatex = Some("VATEX-0".into())),
            ("lines[1].exemption different", |i| {
                for (n, line) in i.lines.iter_mut().enumerate() {
                    line.exemption = Some(Exemption { vatex: None, text: n.to_string() });
                }
            }),
            ("lines[0].vat_rate_bp vat_rate", |i| i.lines[0].vat_rate_bp = 2000),
        ],
    );
}

fn off(amount: i64, vat_rate_bp: i32) -> Allowance {
    Allowance { amount, reason: "Remise".into(), vat_category: VatCategory::Standard, vat_rate_bp }
}

#[test]
fn currencies_and_stated_vat() {
    told(
        &sample(),
        &[
            ("vat_in_euro BR-FR-CO-12", |i| i.currency = Currency::from_code("USD").expect("dollars")),
            ("currency BR-DEC", |i| i.currency = Currency::from_code("KWD").expect("dinars")),
            ("vat_in_euro.vat arithmetic", |i| {
                i.vat_in_euro = Some(VatInEuro { vat: 10_440, rate: EuroRate::ONE, rate_date: day("2026-11-20") });
            }),
            ("stated_vat kind", |i| i.stated_vat = i.computed().expect("a sum").by_rate),
        ],
    );
    told(
        &in_dollars(),
        &[
            ("vat_in_euro.vat arithmetic", |i| i.vat_in_euro.as_mut().expect("it").vat += 1),
            ("vat_in_euro.rate range", |i| i.vat_in_euro.as_mut().expect("it").rate = EuroRate(0)),
            ("vat_in_euro.rate_date BR-FR-03", |i| i.vat_in_euro.as_mut().expect("it").rate_date = day("1999-01-01")),
        ],
    );
    told(
        &part(),
        &[
            ("stated_vat[0].vat arithmetic", |i| i.stated_vat[0].vat.amount = 3),
            ("stated_vat[0].vat arithmetic", |i| i.stated_vat[0].vat.amount = -1),
            ("stated_vat arithmetic", |i| i.stated_vat[0].net.amount = 3),
        ],
    );
}

#[test]
fn sums_are_those_of_the_norm() {
    let invoice = changed(|i| i.allowances.push(off(5_000, 2000)));
    let sums = invoice.sums().expect("a sum");
    let rates: Vec<_> = sums.by_rate.iter().map(|r| (r.vat_rate_bp, r.net.amount, r.vat.amount)).collect();
    assert_eq!(rates, [(550, 8_000, 440), (2000, 45_000, 9_000)]);
    let amounts = [sums.lines, sums.allowances, sums.net, sums.vat, sums.gross, sums.paid, sums.due].map(|m| m.amount);
    assert_eq!(amounts, [58_000, 5_000, 53_000, 9_440, 62_440, 68_440, -6_000]);
    // VAT is of the sum: a hundred lines of 0.33 € at 5.5 % are 1.82 €, not a hundred times 0.02 €.
    let many = changed(|i| {
        let line = Line {
            quantity: Quantity::ONE,
            unit_price: UnitPrice(330_000),
            net: 33,
            allowance: None,
            ..i.lines[1].clone()
        };
        i.lines = vec![line; 100];
    });
    assert_eq!(many.sums().map(|sums| sums.vat.amount), Some(182));
    assert_eq!(totals::of(Currency::EUR, []).map(|totals| totals.gross.amount), Some(0));
}
