//! Ours: what `worker::pdf` makes of the document, in a process of its own, as the others are drawn.

use anyhow::Context;
use chrono::DateTime;
use worker::pdf::fonts::Fonts;
use worker::pdf::legal::{FacturX, legal};
use worker::pdf::sheet::{Balance, Card, Fact, Footer, Meta, Payment, Recap, Rgb, Row, Sheet, Table, Total};

use super::document::Document;

/// `draw LINES XML COUNT THREADS OUT`: draws so many, shared by so many threads, and writes the last.
pub fn draw(args: &[String]) -> anyhow::Result<()> {
    let [lines, xml, count, threads, out] = args else { anyhow::bail!("draw LINES XML COUNT THREADS OUT") };
    let document = Document::new(lines.parse()?);
    let xml = std::fs::read(xml).context("the attachment")?;
    let (count, threads): (usize, usize) = (count.parse()?, threads.parse()?);
    let share = || (0..count / threads).map(|_| once(&document, &xml)).last();
    let drawn = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        workers.into_iter().filter_map(|worker| worker.join().expect("a thread draws")).next_back()
    });
    Ok(std::fs::write(out, drawn.context("nothing was asked for")?)?)
}

/// One invoice from its words to its bytes.
fn once(document: &Document, xml: &[u8]) -> Vec<u8> {
    let sheet = sheet(document);
    let data = FacturX {
        xml: xml.to_vec(),
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
