//! The rows of a sheet (ISO/IEC 29500-1, 18.3) with typed cells: words in place, numbers, days and moments as numbers with
//! a format. Written by hand, because what a library holds until a sheet is finished is the sheet.

use shared::reports::exports::{Cell, Selection};

use super::{is_formula, times};

/// Rows of a sheet, headings included: no program opens more.
pub const MOST_ROWS: i64 = 1_048_576;
/// UTF-16 units of a cell: no program opens more.
const LONGEST: usize = 32_767;

/// The formats of cells, in the order of `cellXfs` in [`STYLES`](super::workbook).
#[derive(Clone, Copy)]
enum Style {
    Day = 1,
    Moment = 2,
    Whole = 3,
    TwoDecimals = 4,
    ThreeDecimals = 5,
    /// Words that look like a formula: edited by hand, they stay words.
    Quoted = 6,
    Heading = 7,
}

/// A writer of rows.
#[derive(Default)]
pub struct Xlsx;

impl Xlsx {
    /// The beginning of a sheet, and its headings, which stay in sight.
    pub fn head(&mut self, out: &mut Vec<u8>, of: &Selection, french: bool) {
        out.extend_from_slice(
            br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>"#,
        );
        let columns = format!(
            "<cols><col min=\"1\" max=\"{}\" width=\"18\" customWidth=\"1\"/></cols><sheetData>",
            of.columns.len()
        );
        out.extend_from_slice(columns.as_bytes());
        self.begin(out);
        for column in &of.columns {
            words(out, if french { column.fr } else { column.en }, Some(Style::Heading));
        }
        end(out);
    }

    /// A row begins.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<row>");
    }

    /// Its next cell.
    pub fn cell(&mut self, out: &mut Vec<u8>, cell: Cell) {
        match cell {
            Cell::Empty => out.extend_from_slice(b"<c/>"),
            Cell::Text(text) | Cell::Json(text) => words(out, text, is_formula(text).then_some(Style::Quoted)),
            Cell::Id(id) => {
                out.extend_from_slice(b"<c t=\"inlineStr\"><is><t>");
                times::id(out, id);
                out.extend_from_slice(b"</t></is></c>");
            }
            Cell::Integer(number) => value(out, Style::Whole, |out| times::whole(out, number)),
            Cell::Number(number) => decimal(out, number),
            Cell::Money(money) => {
                let style = match money.currency.decimals() {
                    0 => Style::Whole,
                    1 | 2 => Style::TwoDecimals,
                    _ => Style::ThreeDecimals,
                };
                value(out, style, |out| times::amount(out, money, b'.'));
            }
            Cell::Date(day) => value(out, Style::Day, |out| times::whole(out, times::days(day))),
            Cell::Time(at) => {
                let serial = times::serial(at);
                value(out, Style::Moment, |out| out.extend_from_slice(format!("{serial}").as_bytes()));
            }
            Cell::Bool(yes) => {
                let said: &[u8] = if yes { b"<c t=\"b\"><v>1</v></c>" } else { b"<c t=\"b\"><v>0</v></c>" };
                out.extend_from_slice(said);
            }
        }
    }
}

/// A row ends.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</row>");
}

/// The end of a sheet.
pub fn foot(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</sheetData></worksheet>");
}

fn decimal(out: &mut Vec<u8>, number: &str) {
    let style = match number.split_once('.').map_or(0, |(_, decimals)| decimals.len()) {
        0 => Style::Whole,
        1 | 2 => Style::TwoDecimals,
        _ => Style::ThreeDecimals,
    };
    value(out, style, |out| out.extend_from_slice(number.as_bytes()));
}

fn value(out: &mut Vec<u8>, style: Style, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"<c s=\"");
    out.push(b'0' + style as u8);
    out.extend_from_slice(b"\"><v>");
    write(out);
    out.extend_from_slice(b"</v></c>");
}

fn words(out: &mut Vec<u8>, text: &str, style: Option<Style>) {
    out.extend_from_slice(b"<c");
    if let Some(style) = style {
        out.extend_from_slice(b" s=\"");
        out.push(b'0' + style as u8);
        out.push(b'"');
    }
    out.extend_from_slice(b" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
    escape(out, fitting(text));
    out.extend_from_slice(b"</t></is></c>");
}

/// What a cell holds of a text: all of it, or its beginning.
fn fitting(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// XML 1.0 has no control characters but these three, not even escaped.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let replaced: &[u8] = match c {
            '&' => b"&amp;",
            '<' => b"&lt;",
            '>' => b"&gt;",
            '\r' => b"&#13;",
            '\t' | '\n' => continue,
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => "\u{fffd}".as_bytes(),
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        out.extend_from_slice(replaced);
        from = at + c.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}
