//! Rows as text that other programs read: CSV, JSON, the sheets of a workbook. A writer appends to a buffer and holds
//! nothing of what it wrote, so that any number of rows passes through.

pub mod csv;
pub mod json;
mod times;
pub mod workbook;
pub mod xlsx;

use shared::reports::exports::{Cell, Selection};

use self::csv::Csv;
use self::json::Json;
use self::xlsx::Xlsx;

/// One of the writers.
pub enum Sheet {
    /// Comma-separated values.
    Csv(Csv),
    /// Objects of a list.
    Json(Json),
    /// Rows of a sheet.
    Xlsx(Xlsx),
}

impl Sheet {
    /// What stands before the first row.
    pub fn head(&mut self, out: &mut Vec<u8>, of: &Selection, french: bool) {
        match self {
            Self::Csv(csv) => csv.head(out, of, french),
            Self::Json(_) => {}
            Self::Xlsx(xlsx) => xlsx.head(out, of, french),
        }
    }

    /// A row begins.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Csv(csv) => csv.begin(),
            Self::Json(json) => json.begin(out),
            Self::Xlsx(xlsx) => xlsx.begin(out),
        }
    }

    /// Its next cell.
    pub fn cell(&mut self, out: &mut Vec<u8>, cell: Cell) {
        match self {
            Self::Csv(csv) => csv.cell(out, cell),
            Self::Json(json) => json.cell(out, cell),
            Self::Xlsx(xlsx) => xlsx.cell(out, cell),
        }
    }

    /// It ends.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Csv(csv) => csv.end(out),
            Self::Json(_) => json::end(out),
            Self::Xlsx(_) => xlsx::end(out),
        }
    }

    /// What stands after the last row.
    pub fn foot(&self, out: &mut Vec<u8>) {
        match self {
            Self::Csv(_) | Self::Json(_) => {}
            Self::Xlsx(_) => xlsx::foot(out),
        }
    }
}

/// Whether a spreadsheet would take these words for a formula: they begin with a sign that begins one, be it in its wide
/// form, behind quotes or behind space (OWASP, «CSV injection»).
pub fn is_formula(text: &str) -> bool {
    let tail = text.trim_start_matches(['"', '\'', ' ', '\u{a0}', '\u{feff}']);
    tail.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}
