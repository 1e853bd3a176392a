//! What the layout promises, read from its pages.

use super::super::fonts::Fonts;
use super::super::samples;
use super::super::shape::Line;
use super::super::sheet::{Sheet, Total};
use super::display::{Draw, HEIGHT, Laid, Mark, Node, Page, WIDTH};
use super::layout;

fn laid(sheet: &Sheet) -> Laid {
    layout(sheet, Fonts::shared())
}

fn said(line: &Line) -> String {
    let mut runs: Vec<_> = line.runs.iter().collect();
    runs.sort_by_key(|run| run.start);
    runs.iter().map(|run| run.text.as_str()).collect()
}

/// The texts of a page with where they stand: text, left, right, base line.
fn texts(page: &Page) -> Vec<(String, f32, f32, f32)> {
    let draws = page.blocks.iter().flat_map(|block| &block.draws);
    let text = |draw: &Draw| match draw {
        Draw::Text { x, y, size, line, .. } => Some((said(line).trim().to_owned(), *x, x + line.width * size, *y)),
        Draw::Rect { .. } | Draw::Logo { .. } => None,
    };
    draws.filter_map(text).collect()
}

fn shows(page: &Page, text: &str) -> bool {
    texts(page).iter().any(|(said, ..)| said == text)
}

#[test]
fn the_head_of_the_table_is_on_every_page_with_rows_and_the_sums_on_the_last() {
    for rows in [1, 5, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 40, 100] {
        let laid = laid(&samples::invoice(rows));
        let last = laid.pages.len() - 1;
        for (index, page) in laid.pages.iter().enumerate() {
            assert!(shows(page, "Désignation"), "{rows} rows, page {index}");
            assert!(texts(page).iter().any(|text| text.0.starts_with("Conseil en")), "{rows} rows: {index} has no row");
            assert_eq!(shows(page, "Net à payer"), index == last, "{rows} rows, page {index}");
            let foot = format!("Facture F-2026-000123 – page {}/{}", index + 1, last + 1);
            assert!(shows(page, &foot), "{rows} rows, page {index}");
        }
        let notes = |page: &Page| texts(page).iter().any(|text| text.0.starts_with("En cas de retard"));
        assert!(notes(&laid.pages[last]), "{rows} rows: the notes stand with the sums");
    }
}

#[test]
fn a_thousand_rows_take_at_most_sixty_pages() {
    let laid = laid(&samples::invoice(1000));
    assert!(laid.pages.len() <= 60, "{} pages", laid.pages.len());
    let rows: usize =
        laid.pages.iter().map(|page| texts(page).iter().filter(|t| t.0.starts_with("Conseil en")).count()).sum();
    assert_eq!(rows, 1000);
}

#[test]
fn nothing_overlaps_and_nothing_leaves_the_page() {
    let mut sheet = samples::invoice(3);
    let amount = "999\u{202F}999\u{202F}999\u{202F}999,99\u{A0}€";
    sheet.table.rows[0].figures =
        ["1\u{202F}000\u{202F}000,0000\u{A0}h", amount, "20\u{A0}%", amount].map(str::to_owned);
    sheet.table.rows[1].figures = [&"9".repeat(80), amount, "20\u{A0}%", amount].map(str::to_owned);
    sheet.table.rows[2].name = "x".repeat(130);
    sheet.buyer.name = "Fédération interdépartementale ".repeat(5);
    sheet.totals.push(Total { label: "Acompte versé ".repeat(9), value: amount.to_owned(), strong: false });
    for page in &laid(&sheet).pages {
        let texts = texts(page);
        for (index, a) in texts.iter().enumerate() {
            assert!(a.1 >= 40.0 && a.2 <= WIDTH - 40.0 && a.3 > 20.0 && a.3 < HEIGHT - 20.0, "{a:?} leaves the page");
            for b in &texts[index + 1..] {
                let beside = (a.3 - b.3).abs() > 4.0 || a.2 <= b.1 + 0.01 || b.2 <= a.1 + 0.01;
                assert!(beside, "{a:?} overlaps {b:?}");
            }
        }
    }
}

#[test]
fn every_block_with_a_meaning_is_in_the_tree_once() {
    fn leaves(nodes: &[Node], found: &mut Vec<usize>) {
        for node in nodes {
            match node {
                Node::Leaf(number) => found.push(*number),
                Node::Group(_, parts) => leaves(parts, found),
            }
        }
    }
    for rows in [0, 1, 17, 60] {
        let laid = laid(&samples::invoice(rows));
        let marks = laid.pages.iter().flat_map(|page| &page.blocks).map(|block| block.mark);
        let mut painted: Vec<usize> =
            marks.filter_map(|mark| if let Mark::Leaf(number) = mark { Some(number) } else { None }).collect();
        let mut meant = Vec::new();
        leaves(&laid.tree, &mut meant);
        painted.sort_unstable();
        meant.sort_unstable();
        assert_eq!(painted, meant, "{rows} rows");
        assert!(painted.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

#[test]
fn a_row_that_no_page_could_hold_is_broken() {
    let mut sheet = samples::invoice(3);
    sheet.table.rows[1].details = (0..120).map(|number| format!("Détail {number}")).collect();
    let laid = laid(&sheet);
    assert!(laid.pages.len() >= 3);
    let all: Vec<String> = laid.pages.iter().flat_map(|page| texts(page).into_iter().map(|text| text.0)).collect();
    assert!((0..120).all(|number| all.contains(&format!("Détail {number}"))));
    assert!(laid.pages.iter().flat_map(texts).all(|text| text.3 < HEIGHT - 20.0));
}

#[test]
fn small_print_of_several_pages_flows() {
    let mut sheet = samples::invoice(2);
    sheet.notes =
        (0..40).map(|number| format!("Article {number}. {}", "Conditions générales de vente. ".repeat(20))).collect();
    let laid = laid(&sheet);
    assert!(laid.pages.len() > 1 && shows(&laid.pages[0], "Net à payer"));
    let articles = laid.pages.iter().flat_map(texts).filter(|text| text.0.starts_with("Article ")).count();
    assert_eq!(articles, 40);
    assert!(laid.pages.iter().flat_map(texts).all(|text| text.3 < HEIGHT - 20.0));
}
