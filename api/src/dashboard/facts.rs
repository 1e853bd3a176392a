//! Names and values beside a job or a mail.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    name: &'static str,
    value: String,
    href: Option<String>,
    at: Option<DateTime<Utc>>,
    mono: bool,
}

impl Fact {
    /// A word or a number.
    pub fn text(name: &'static str, value: impl ToString) -> Self {
        Self { name, value: value.to_string(), href: None, at: None, mono: false }
    }

    /// A name of ours: an id, a key.
    pub fn code(name: &'static str, value: impl ToString) -> Self {
        Self { mono: true, ..Self::text(name, value) }
    }

    /// The same, with a page of its own.
    pub fn link(name: &'static str, value: impl ToString, href: String) -> Self {
        Self { href: Some(href), ..Self::text(name, value) }
    }

    /// A moment.
    pub fn at(name: &'static str, at: DateTime<Utc>) -> Self {
        Self { at: Some(at), ..Self::text(name, "") }
    }
}

/// So many bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
