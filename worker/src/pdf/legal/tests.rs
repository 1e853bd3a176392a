//! What the legal painter promises. Whether others accept its files is judged in `tests/`.

use chrono::{TimeZone, Utc};

use super::super::fonts::Fonts;
use super::super::samples;
use super::*;

fn data() -> FacturX {
    FacturX {
        xml: b"<invoice/>".to_vec(),
        profile: "EN 16931".to_owned(),
        date: Utc.with_ymd_and_hms(2026, 11, 3, 9, 0, 0).single().expect("a time"),
        description: "Données de la facture".to_owned(),
    }
}

fn painted(sheet: &Sheet) -> Vec<u8> {
    legal(sheet, Fonts::shared(), Some(&data())).expect("it conforms")
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_same_sheet_is_the_same_file_in_every_thread() {
    let first = painted(&samples::invoice(30));
    assert!(first == painted(&samples::invoice(30)));
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(|| painted(&samples::invoice(30)))).collect();
    for thread in threads {
        assert!(first == thread.join().expect("it painted"));
    }
    assert!(first != painted(&samples::invoice(31)));
}

#[test]
fn any_name_can_be_painted() {
    let names = [
        "شركة النور",
        "株式会社東京",
        "Αφοί Παπαδόπουλοι",
        "👩\u{200D}🚒🌸",
        "\u{13000}\u{1F9FF}\u{10330}",
        "\u{E000}\u{FEFF}\0\u{202E}x",
        "",
        " ",
        "\u{0301}a",
        "\u{200D}",
        "क्षेत्र ไทย עברית",
    ];
    for name in names {
        let mut sheet = samples::invoice(1);
        sheet.buyer.name = name.to_owned();
        sheet.table.rows[0].name = name.to_owned();
        sheet.meta.author = format!("Atelier <?xpacket begin {name}");
        let painted = legal(&sheet, Fonts::shared(), Some(&data()));
        assert!(painted.is_ok(), "{name:?}: {painted:?}");
    }
}

#[test]
fn the_metadata_announce_the_data_and_the_offsets_are_right() {
    let bytes = painted(&samples::invoice(1));
    for text in [
        "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>",
        "<fx:DocumentFileName>factur-x.xml",
        "pdfaSchema:prefix>fx<",
        "/AFRelationship/Alternative",
        "/AF[",
    ] {
        assert!(
            contains(&bytes, text)
                || contains(&bytes, &text.replace("/Alternative", " /Alternative").replace('[', " [")),
            "{text}"
        );
    }
    let text = String::from_utf8_lossy(&bytes);
    let table: usize = text
        .rsplit("startxref")
        .next()
        .and_then(|tail| tail.split_whitespace().next())
        .and_then(|at| at.parse().ok())
        .expect("a pointer");
    let lines: Vec<&[u8]> = bytes[table..].split(|byte| *byte == b'\n').collect();
    let entries: Vec<usize> = lines
        .iter()
        .filter(|line| line.len() >= 18 && line[17] == b'n')
        .map(|line| std::str::from_utf8(&line[..10]).expect("digits").parse().expect("a number"))
        .collect();
    assert!(entries.len() > 20);
    for offset in entries {
        let head = String::from_utf8_lossy(&bytes[offset..(offset + 16).min(bytes.len())]).into_owned();
        assert!(head.contains(" 0 obj"), "{offset}: {head}");
    }
}

#[test]
fn without_data_there_is_no_factur_x() {
    let bytes = legal(&samples::invoice(1), Fonts::shared(), None).expect("it conforms");
    assert!(!contains(&bytes, "factur-x"));
    assert!(contains(&bytes, "<pdfuaid:part>1"));
}

#[test]
fn one_page_is_small() {
    let size = painted(&samples::invoice(5)).len();
    assert!(size <= 60 * 1024, "{size} bytes");
}
