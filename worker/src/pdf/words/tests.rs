//! What stands on the page, in both languages.

use shared::domain::billing::invoices::document::Preceding;
use shared::kernel::config::House;

use super::*;

fn sample() -> Invoice {
    serde_json::from_str(include_str!("../../../../templates/invoice/sample.json")).expect("the sample is an invoice")
}

fn page(document: &Invoice) -> Sheet {
    let theme = Theme::of(&House::sample()).expect("the sample has a look");
    invoice(&theme, document, &document.sums().expect("it fits"))
}

fn fact<'a>(facts: &'a [Fact], label: &str) -> Option<&'a str> {
    facts.iter().find(|fact| fact.label == label).map(|fact| &*fact.value)
}

#[test]
fn a_prepaid_invoice_says_that_nothing_is_due() {
    let sheet = page(&sample());
    assert_eq!((&*sheet.title, &*sheet.number, &*sheet.language), ("Facture", "F-2026-000042", "fr"));
    assert_eq!(sheet.balance.label, "Payée le 20 novembre 2026 par carte");
    assert_eq!((&*sheet.balance.value, sheet.balance.settled), ("0,00\u{a0}€", true));
    assert_eq!(fact(&sheet.facts, "Catégorie"), Some("Prestation de services"));
    assert_eq!(fact(&sheet.facts, "Échéance"), None, "there is nothing to wait for");
    assert_eq!(sheet.table.rows[0].figures, ["2,5\u{a0}h", "200,00\u{a0}€", "20\u{a0}%", "500,00\u{a0}€"]);
    assert_eq!(sheet.table.rows[1].details, ["Remise fidélité\u{a0}: −10,00\u{a0}€"]);
    assert_eq!(sheet.table.rows[1].figures[2], "5,5\u{a0}%");
    assert!(sheet.notes.iter().all(|note| note != "B2B"), "what is for machines alone: {:?}", sheet.notes);
    assert!(sheet.seller.iter().any(|line| line.contains("RCS Paris")), "{:?}", sheet.seller);
    assert!(sheet.payment.as_ref().is_some_and(|paying| paying.facts.is_empty()), "no account is named");
}

#[test]
fn a_transfer_names_its_account_and_its_day() {
    let mut document = Invoice { billing_frame: "S1".into(), ..sample() };
    document.payment = serde_json::from_value(serde_json::json!({
        "means": "transfer", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"
    }))
    .expect("a payment");
    let sheet = page(&document);
    let paying = sheet.payment.expect("how to pay");
    assert_eq!(fact(&paying.facts, "IBAN"), Some("FR76 3000 6000 0112 3456 7890 189"));
    assert_eq!(fact(&paying.facts, "Référence"), Some("F-2026-000042"));
    assert_eq!(fact(&sheet.facts, "Échéance"), Some("20 novembre 2026"));
    assert_eq!((&*sheet.balance.label, sheet.balance.settled), ("Net à payer", false));
}

#[test]
fn a_consumer_does_not_read_what_concerns_companies() {
    let mut document = sample();
    document.buyer.kind = BuyerKind::Consumer;
    assert_eq!(page(&document).notes, [""; 0]);
}

#[test]
fn a_credit_note_names_its_invoice_in_english_too() {
    let preceding = vec![Preceding { number: "F-2026-000041".into(), date: sample().issue_date }];
    let document = Invoice { kind: Kind::CreditNote, locale: Locale::En, preceding, ..sample() };
    let sheet = page(&document);
    assert_eq!(sheet.opening, ["This credit note corrects invoice F-2026-000041 of 20 November 2026."]);
    assert_eq!((&*sheet.title, &*sheet.balance.label), ("Credit note", "Refunded on 20 November 2026 by card"));
    assert_eq!(sheet.table.rows[0].figures, ["2.5\u{a0}h", "€200.00", "20%", "€500.00"]);
}

#[test]
fn numbers_are_said_as_people_write_them() {
    let says = Says::new(false);
    let price = |text: &str, code: &str| {
        let currency = shared::kernel::money::Currency::from_code(code).expect("a currency");
        says.price(shared::kernel::decimal::UnitPrice::parse(text).expect("a price"), currency)
    };
    assert_eq!(price("48.125", "EUR"), "48,125\u{a0}€");
    assert_eq!(price("1234567.5", "EUR"), "1\u{202f}234\u{202f}567,50\u{a0}€");
    assert_eq!((price("99", "JPY"), price("0.5", "KWD")), ("99\u{a0}¥".into(), "0,500\u{a0}KWD".into()));
    assert_eq!(
        (says.rate(0), says.rate(2000), says.rate(210)),
        ("0\u{a0}%".into(), "20\u{a0}%".into(), "2,1\u{a0}%".into())
    );
    assert_eq!(
        (says::siret("12345678200010"), says::fours("FR76 3000")),
        ("123 456 782 00010".into(), "FR76 3000".into())
    );
}
