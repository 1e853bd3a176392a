//! The invoice that everybody draws: made up, in its final words, so that no contender formats an amount.

use serde::Serialize;
use shared::kernel::money::{Currency, Money};

/// What is on the page.
#[derive(Serialize)]
pub struct Document {
    /// BCP 47.
    pub language: &'static str,
    /// Large, top right.
    pub title: &'static str,
    /// Under it.
    pub number: &'static str,
    /// Name, then the rest in small print.
    pub seller: Vec<&'static str>,
    /// Label and value.
    pub facts: Vec<(&'static str, &'static str)>,
    /// To whom.
    pub buyer: Card,
    /// Heads of the table.
    pub columns: [&'static str; 5],
    /// The lines.
    pub rows: Vec<Row>,
    /// VAT by rate.
    pub recap: Recap,
    /// Label, value, whether it weighs more.
    pub totals: Vec<(&'static str, String, bool)>,
    /// Label and value of what remains.
    pub balance: (&'static str, String),
    /// How to pay.
    pub payment: Payment,
    /// Small print.
    pub notes: Vec<&'static str>,
    /// Left at the foot of every page.
    pub legal: &'static str,
    /// Right of it, before the number of the page.
    pub page: &'static str,
}

/// Somebody's address.
#[derive(Serialize)]
pub struct Card {
    pub label: &'static str,
    pub name: &'static str,
    pub lines: Vec<&'static str>,
}

/// A line: quantity with unit, unit price, VAT and total are its figures.
#[derive(Serialize)]
pub struct Row {
    pub name: String,
    pub details: Vec<String>,
    pub figures: [String; 4],
}

/// A small table.
#[derive(Serialize)]
pub struct Recap {
    pub caption: &'static str,
    pub columns: [&'static str; 3],
    pub rows: Vec<[String; 3]>,
}

/// Terms and account.
#[derive(Serialize)]
pub struct Payment {
    pub heading: &'static str,
    pub lines: Vec<&'static str>,
    pub facts: Vec<(&'static str, &'static str)>,
}

const SERVICES: [(&str, &str); 4] = [
    ("Développement d'une interface de programmation", "Lot 2 : commandes et paiements, recette comprise"),
    ("Atelier d'architecture", "Journée sur site à Lyon, compte rendu sous cinq jours"),
    ("Maintenance corrective", "Forfait mensuel, délai d'intervention de quatre heures ouvrées"),
    ("Formation « Files de tâches fiables »", "Deux jours, six personnes, supports numériques"),
];

impl Document {
    /// With so many lines.
    pub fn new(lines: usize) -> Self {
        let euro = Currency::from_code("EUR").expect("a currency");
        let said = |cents: i64| Money::new(cents, euro).said("fr");
        let prices = (0..lines).map(|line| (line as i64 % 7 + 1, 45_000 + 1_250 * (line as i64 % 23)));
        let net: i64 = prices.clone().map(|(quantity, price)| quantity * price).sum();
        let vat = net / 5;
        let rows = prices.enumerate().map(|(line, (quantity, price))| {
            let (name, detail) = SERVICES[line % SERVICES.len()];
            let figures = [format!("{quantity} h"), said(price), "20 %".to_owned(), said(quantity * price)];
            Row { name: name.to_owned(), details: vec![detail.to_owned()], figures }
        });
        Self {
            rows: rows.collect(),
            recap: Recap {
                caption: "TVA",
                columns: ["Taux", "Base HT", "TVA"],
                rows: vec![["20 %".to_owned(), said(net), said(vat)]],
            },
            totals: vec![
                ("Total HT", said(net), false),
                ("TVA 20 %", said(vat), false),
                ("Total TTC", said(net + vat), true),
            ],
            balance: ("Net à payer", said(net + vat)),
            ..Self::words()
        }
    }

    /// All but lines and sums.
    fn words() -> Self {
        Self {
            language: "fr",
            title: "Facture",
            number: "F-2026-0042",
            seller: vec![
                "Atelier Berthier",
                "14 rue des Fabriques",
                "69003 Lyon",
                "SARL au capital de 10 000 €",
                "SIREN 392 809 137, RCS Lyon",
                "TVA FR 55 392809137",
            ],
            facts: vec![
                ("Date d'émission", "3 novembre 2026"),
                ("Échéance", "3 décembre 2026"),
                ("Prestation", "octobre 2026"),
                ("Commande", "C-2026-0187"),
                ("Catégorie", "Prestation de services"),
            ],
            buyer: Card {
                label: "FACTURÉ À",
                name: "Compagnie des Eaux du Val de Loire",
                lines: vec!["2 place de la Mairie", "41000 Blois", "SIREN 732 829 320, TVA FR 44 732829320"],
            },
            columns: ["Désignation", "Quantité", "Prix unitaire HT", "TVA", "Total HT"],
            rows: Vec::new(),
            recap: Recap { caption: "", columns: [""; 3], rows: Vec::new() },
            totals: Vec::new(),
            balance: ("", String::new()),
            payment: Payment {
                heading: "Règlement",
                lines: vec!["Par virement à trente jours, sans escompte en cas de paiement anticipé."],
                facts: vec![
                    ("IBAN", "FR76 3000 6000 0112 3456 7890 189"),
                    ("BIC", "AGRIFRPP"),
                    ("Référence", "F-2026-0042"),
                ],
            },
            notes: vec![
                "En cas de retard de paiement, des pénalités de trois fois le taux d'intérêt légal sont exigibles.",
                "Indemnité forfaitaire pour frais de recouvrement due au créancier : 40 €.",
            ],
            legal: "Atelier Berthier, SARL au capital de 10 000 €, 392 809 137 RCS Lyon, TVA FR 55 392809137",
            page: "Facture F-2026-0042 – page",
        }
    }
}
