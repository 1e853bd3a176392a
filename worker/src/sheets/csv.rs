//! CSV (RFC 4180), and the dialect of a French Excel: UTF-8 with BOM, semicolons, decimal commas.
//!
//! Words that a spreadsheet would take for a formula get an apostrophe before them; numbers and dates are written as such
//! and never do, be they negative.

use shared::reports::exports::{Cell, Selection};

use super::{is_formula, times};

/// A writer of CSV.
pub struct Csv {
    excel: bool,
    separator: u8,
    first: bool,
}

impl Csv {
    /// In this dialect.
    pub fn new(excel: bool) -> Self {
        Self { excel, separator: if excel { b';' } else { b',' }, first: true }
    }

    /// The headings.
    pub fn head(&mut self, out: &mut Vec<u8>, of: &Selection, french: bool) {
        if self.excel {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        self.begin();
        for column in &of.columns {
            self.cell(out, Cell::Text(if french { column.fr } else { column.en }));
        }
        self.end(out);
    }

    /// A row begins.
    pub fn begin(&mut self) {
        self.first = true;
    }

    /// Its next cell.
    pub fn cell(&mut self, out: &mut Vec<u8>, cell: Cell) {
        if !std::mem::take(&mut self.first) {
            out.push(self.separator);
        }
        match cell {
            Cell::Empty => {}
            Cell::Text(text) | Cell::Json(text) => words(out, text),
            Cell::Id(id) => times::id(out, id),
            Cell::Integer(number) => times::whole(out, number),
            Cell::Number(number) => self.number(out, number),
            Cell::Money(money) => times::amount(out, money, if self.excel { b',' } else { b'.' }),
            Cell::Date(day) => times::day(out, day),
            Cell::Time(at) if self.excel => times::plain(out, at, b' '),
            Cell::Time(at) => times::moment(out, at),
            Cell::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        }
    }

    /// It ends.
    pub fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }

    fn number(&self, out: &mut Vec<u8>, number: &str) {
        let comma = |digit| if digit == b'.' { b',' } else { digit };
        if self.excel {
            out.extend(number.bytes().map(comma));
        } else {
            out.extend_from_slice(number.as_bytes());
        }
    }
}

fn words(out: &mut Vec<u8>, text: &str) {
    let formula = is_formula(text);
    let special = |byte: u8| byte == b'"' || byte == b'\n' || byte == b'\r' || byte == b',' || byte == b';';
    if !text.bytes().any(special) {
        if formula {
            out.push(b'\'');
        }
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    for (nth, piece) in text.split('"').enumerate() {
        if nth > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use shared::kernel::money::{Currency, Money};

    use super::*;

    fn line(excel: bool, cells: &[Cell]) -> String {
        let (mut csv, mut out) = (Csv::new(excel), Vec::new());
        csv.begin();
        for cell in cells {
            csv.cell(&mut out, *cell);
        }
        csv.end(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn words_are_never_a_formula_and_numbers_stay_numbers() {
        for evil in ["=1+1", "+33 6", "-2", "@SUM(A1)", "\t=1", "\"=1", " =1", "＝1", "\u{feff}=1"] {
            let said = line(false, &[Cell::Text(evil)]);
            assert!(said.starts_with('\'') || said.starts_with("\"'"), "{evil:?} became {said:?}");
        }
        let owed = Money::new(-1250, Currency::EUR);
        let cells = [Cell::Money(owed), Cell::Integer(-3), Cell::Number("-0.50"), Cell::Text("a-b=c"), Cell::Empty];
        assert_eq!(line(false, &cells), "-12.50,-3,-0.50,a-b=c,\r\n");
        assert_eq!(line(true, &cells), "-12,50;-3;-0,50;a-b=c;\r\n");
        assert_eq!(
            line(false, &[Cell::Text("dit \"oui\",\nnon"), Cell::Bool(true)]),
            "\"dit \"\"oui\"\",\nnon\",true\r\n"
        );
        assert_eq!(line(false, &[Cell::Integer(i64::MIN)]), "-9223372036854775808\r\n");
    }
}
