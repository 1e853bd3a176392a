//! How far an export has come: what is stored already, and from where it goes on.

use serde::{Deserialize, Serialize};

/// Written with every finished part, read by the run that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which of the tables is being read, from 0.
    pub step: usize,
    /// The key of its last row that is stored; none: nothing of it is.
    pub cursor: Option<String>,
    /// Rows of all tables that are stored.
    pub rows: i64,
    /// What the file will hold, in order. A plain file has one entry.
    pub entries: Vec<Entry>,
}

/// A file in the file: a sheet of a workbook, a CSV in a ZIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name inside.
    pub name: String,
    /// For people: the name of a sheet.
    pub title: String,
    /// Its rows of data so far.
    pub rows: i64,
    /// Its bytes, in order.
    pub parts: Vec<Part>,
}

/// A stored part of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Under which name it is stored.
    pub name: String,
    /// As it is stored, in bytes.
    pub stored: u64,
    /// Before it was compressed, in bytes; the same when it is not.
    pub size: u64,
    /// CRC-32 of what was compressed.
    pub crc: u32,
}

impl Checkpoint {
    /// All parts of all entries.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.entries.iter().flat_map(|entry| &entry.parts)
    }
}
