//! JSON: objects of a list, under the names that programs know. Words are what they are: no program takes them for a
//! formula here.

use shared::reports::exports::{Cell, Selection};

use super::times;

/// A writer of objects.
pub struct Json {
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    at: usize,
    first: bool,
}

impl Json {
    /// Objects of these columns. `first`: no row stands before the next one.
    pub fn new(of: &Selection, first: bool) -> Self {
        let key = |name: &str| format!("\"{name}\":").into_bytes();
        Self { keys: of.columns.iter().map(|column| key(column.name)).collect(), at: 0, first }
    }

    /// An object begins.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        self.at = 0;
        out.extend_from_slice(if std::mem::take(&mut self.first) { b"{" } else { b",\n{" });
    }

    /// Its next member.
    pub fn cell(&mut self, out: &mut Vec<u8>, cell: Cell) {
        if self.at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&self.keys[self.at]);
        self.at += 1;
        match cell {
            Cell::Empty => out.extend_from_slice(b"null"),
            Cell::Text(text) => words(out, text),
            Cell::Id(id) => quoted(out, |out| times::id(out, id)),
            Cell::Integer(number) => times::whole(out, number),
            Cell::Number(number) | Cell::Json(number) => out.extend_from_slice(number.as_bytes()),
            Cell::Money(money) => {
                out.extend_from_slice(b"{\"amount\":");
                times::whole(out, money.amount);
                out.extend_from_slice(b",\"currency\":");
                words(out, money.currency.code());
                out.push(b'}');
            }
            Cell::Date(day) => quoted(out, |out| times::day(out, day)),
            Cell::Time(at) => quoted(out, |out| times::moment(out, at)),
            Cell::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        }
    }
}

/// An object ends.
pub fn end(out: &mut Vec<u8>) {
    out.push(b'}');
}

/// A string.
pub fn words(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a buffer takes any string");
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}
