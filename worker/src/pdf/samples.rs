//! Sheets for the tests of this folder.

use chrono::{TimeZone, Utc};

use super::sheet::{Balance, Card, Fact, Footer, Meta, Payment, Recap, Rgb, Row, Sheet, Table, Total};

fn fact(label: &str, value: &str) -> Fact {
    Fact { label: label.into(), value: value.into() }
}

fn strings<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(str::to_owned)
}

/// A row of a service by the hour.
pub fn row(name: &str) -> Row {
    Row {
        name: name.into(),
        details: vec!["Atelier du 12 octobre 2026, deux animateurs".into()],
        figures: strings(["12,5\u{A0}h", "96,00\u{A0}€", "20\u{A0}%", "1\u{202F}200,00\u{A0}€"]),
    }
}

/// An invoice of as many rows as asked for.
pub fn invoice(rows: usize) -> Sheet {
    Sheet {
        language: "fr".into(),
        title: "Facture".into(),
        number: "F-2026-000123".into(),
        logo: None,
        accent: Rgb(0x1F, 0x5F, 0xD6),
        seller: strings(["Atelier Lumière SAS", "14 rue des Tanneurs", "69005 Lyon", "SIREN 552 100 554"]).into(),
        facts: vec![fact("Date d’émission", "3 novembre 2026"), fact("Échéance", "3 décembre 2026")],
        buyer: Card {
            label: "FACTURÉ À".into(),
            name: "Coopérative des Alpes".into(),
            lines: strings(["8 avenue du Vercors", "38000 Grenoble", "SIREN 444 608 442"]).into(),
        },
        delivery: None,
        opening: Vec::new(),
        table: Table {
            summary: "Lignes de la facture".into(),
            columns: strings(["Désignation", "Quantité", "Prix unitaire HT", "TVA", "Total HT"]),
            rows: (1..=rows).map(|number| row(&format!("Conseil en organisation, séance {number}"))).collect(),
        },
        recap: Some(Recap {
            caption: "RÉCAPITULATIF DE LA TVA".into(),
            columns: strings(["Taux", "Base HT", "TVA"]).into(),
            rows: vec![strings(["20\u{A0}%", "1\u{202F}200,00\u{A0}€", "240,00\u{A0}€"]).into()],
            remarks: Vec::new(),
        }),
        totals: vec![
            Total { label: "Total HT".into(), value: "1\u{202F}200,00\u{A0}€".into(), strong: false },
            Total { label: "Total TTC".into(), value: "1\u{202F}440,00\u{A0}€".into(), strong: true },
        ],
        balance: Balance { label: "Net à payer".into(), value: "1\u{202F}440,00\u{A0}€".into(), settled: false },
        payment: Some(Payment {
            heading: "RÈGLEMENT".into(),
            lines: vec!["Par virement, avant le 3 décembre 2026.".into()],
            facts: vec![fact("IBAN", "FR76 3000 6000 0112 3456 7890 189"), fact("Référence", "F-2026-000123")],
        }),
        notes: vec!["En cas de retard de paiement, une pénalité est exigible sans rappel.".into()],
        footer: Footer {
            legal: "Atelier Lumière SAS au capital de 10 000 € – RCS Lyon 552 100 554".into(),
            page: "Facture F-2026-000123 – page {page}/{pages}".into(),
        },
        meta: Meta {
            title: "Facture F-2026-000123".into(),
            author: "Atelier Lumière SAS".into(),
            created: Utc.with_ymd_and_hms(2026, 11, 3, 9, 0, 0).single().expect("a time"),
        },
    }
}
