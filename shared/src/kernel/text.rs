//! Small text tools.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};

const MONTHS_FR: &str = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre";
const MONTHS_EN: &str = "January February March April May June July August September October November December";

/// At most `max` characters, with an ellipsis where something was cut.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
    }
}

/// Without NUL, which PostgreSQL refuses in text: a foreign error message must never keep an outcome from its row.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// An address that a log may show: `a…@example.org`.
pub fn mask_address(address: &str) -> String {
    match address.split_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('?')),
        None => "…".into(),
    }
}

/// Escapes `%`, `_` and `\` for the right side of LIKE.
pub fn like(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// Digits with this mark between thousands.
pub fn grouped(digits: &str, mark: char) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * mark.len_utf8());
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// A day as people read it: `21 novembre 2026`, `1er mai 2026`; `21 November 2026` in English (`en`).
pub fn day(day: NaiveDate, locale: &str) -> String {
    let months = if locale == "en" { MONTHS_EN } else { MONTHS_FR };
    let month = months.split(' ').nth(day.month0() as usize).unwrap_or_default();
    let first = if day.day() == 1 && locale != "en" { "er" } else { "" };
    format!("{}{first} {month} {}", day.day(), day.year())
}

/// The best language we have for an `Accept-Language` header; French when in doubt.
pub fn locale(accept_language: Option<&str>) -> &'static str {
    let mut best = ("fr", -1.0_f32);
    for part in accept_language.unwrap_or_default().split(',') {
        let (tag, q) = part.split_once(";q=").unwrap_or((part, "1"));
        let tag = tag.trim().to_ascii_lowercase();
        let q: f32 = q.trim().parse().unwrap_or(0.0);
        for known in ["fr", "en"] {
            if (tag == known || tag.starts_with(&format!("{known}-"))) && q > best.1 {
                best = (known, q);
            }
        }
    }
    best.0
}
