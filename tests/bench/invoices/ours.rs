//! Ours: what `worker::pdf` makes of the document, in a process of its own, as the others are drawn.

use anyhow::Context;
use chrono::DateTime;
use shared::domain::billing::invoices::{Invoice, checks};
use worker::pdf::cii;
use worker::pdf::fonts::Fonts;
use worker::pdf::legal::{FacturX, legal};
use worker::pdf::sheet::{Balance, Card, Fact, Footer, Meta, Payment, Recap, Rgb, Row, Sheet, Table, Total};

use super::document::Document;

/// `draw LINES COUNT THREADS OUT`: draws so many, shared by so many threads, and writes the last.
pub fn draw(args: &[String]) -> anyhow::Result<()> {
    let [lines, count, threads, out] = args else { anyhow::bail!("draw LINES COUNT THREADS OUT") };
    let lines = lines.parse()?;
    let (document, invoice) = (Document::new(lines), invoice(lines));
    let (count, threads): (usize, usize) = (count.parse()?, threads.parse()?);
    let share = || (0..count / threads).fold(None, |_, _| Some(once(&document, &invoice)));
    let drawn = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        workers.into_iter().filter_map(|worker| worker.join().expect("a thread draws")).next_back()
    });
    Ok(std::fs::write(out, drawn.context("nothing was asked for")?)?)
}

/// How much of drawing one page with its data it takes to check the invoice first, by all rules.
pub fn checks_share() -> f64 {
    const TURNS: u32 = 200;
    let (document, invoice) = (Document::new(1), invoice(1));
    let timed = |what: &dyn Fn()| {
        what();
        let from = std::time::Instant::now();
        (0..TURNS).for_each(|_| what());
        from.elapsed().as_secs_f64()
    };
    let checked = timed(&|| assert!(checks::problems(&invoice).is_empty(), "the sample is in order"));
    checked / timed(&|| drop(once(&document, &invoice)))
}

/// The documented sample with so many lines: what the attached data say.
fn invoice(lines: usize) -> Invoice {
    let sample = include_str!("../../../templates/invoice/sample.json");
    let mut invoice: Invoice = serde_json::from_str(sample).expect("the sample is an invoice");
    let mut one = invoice.lines.swap_remove(0);
    invoice.lines = (1..=lines as u32)
        .map(|position| {
            one.position = position;
            one.clone()
        })
        .collect();
    invoice.payment.paid = 0;
    invoice.payment.paid = invoice.sums().expect("it fits").gross.amount;
    invoice
}

/// One invoice from its words to its bytes, with its data written and attached.
fn once(document: &Document, invoice: &Invoice) -> Vec<u8> {
    let sheet = sheet(document);
    let data = FacturX {
        xml: cii::write(invoice).expect("the sample is in order"),
        profile: "EN 16931".to_owned(),
        date: sheet.meta.created,
        description: "Les données de la facture".to_owned(),
    };
    legal(&sheet, Fonts::shared(), Some(&data)).expect("a made-up invoice conforms")
}

/// The same words, where our painter wants them.
fn sheet(document: &Document) -> Sheet {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let facts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(label, value)| Fact { label: (*label).into(), value: (*value).into() }).collect()
    };
    let Document { buyer, recap, payment, .. } = document;
    Sheet {
        language: document.language.into(),
        title: document.title.into(),
        number: document.number.into(),
        logo: None,
        accent: Rgb(0x1d, 0x4e, 0xd8),
        seller: own(&document.seller),
        facts: facts(&document.facts),
        buyer: Card { label: buyer.label.into(), name: buyer.name.into(), lines: own(&buyer.lines) },
        delivery: None,
        opening: Vec::new(),
        table: table(document),
        recap: Some(Recap {
            caption: recap.caption.into(),
            columns: own(&recap.columns),
            rows: recap.rows.iter().map(|row| row.to_vec()).collect(),
            remarks: Vec::new(),
        }),
        totals: document.totals.iter().map(total).collect(),
        balance: Balance { label: document.balance.0.into(), value: document.balance.1.clone(), settled: false },
        payment: Some(Payment {
            heading: payment.heading.into(),
            lines: own(&payment.lines),
            facts: facts(&payment.facts),
        }),
        notes: own(&document.notes),
        footer: Footer { legal: document.legal.into(), page: format!("{} {{page}}/{{pages}}", document.page) },
        meta: Meta {
            title: format!("{} {}", document.title, document.number),
            author: document.seller[0].into(),
            created: DateTime::from_timestamp(1_793_664_000, 0).expect("3 November 2026"),
        },
    }
}

fn table(document: &Document) -> Table {
    let rows = document.rows.iter();
    let row = |row: &super::document::Row| Row {
        name: row.name.clone(),
        details: row.details.clone(),
        figures: row.figures.clone(),
    };
    Table {
        summary: "Ce qui est facturé".into(),
        columns: document.columns.map(str::to_owned),
        rows: rows.map(row).collect(),
    }
}

fn total((label, value, strong): &(&str, String, bool)) -> Total {
    Total { label: (*label).into(), value: value.clone(), strong: *strong }
}
