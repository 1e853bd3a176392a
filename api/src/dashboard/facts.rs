//! Names and values beside a job or a mail.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::dashboard::words::{decimal, word};

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
        Self { name: word(name), value: value.to_string(), href: None, at: None, mono: false }
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
        0..1_000 => format!("{bytes} {}", word("B")),
        1_000..1_000_000 => format!("{} {}", decimal(bytes / 100), word("KB")),
        _ => format!("{} {}", decimal(bytes / 100_000), word("MB")),
    }
}
