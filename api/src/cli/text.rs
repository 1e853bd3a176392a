//! How answers look on a terminal: tables, times, sizes, and nothing that could steer it.

use std::fmt::Write;
use std::io::{BufRead, IsTerminal};

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::kernel::secret;
use shared::kernel::text::cut;

use super::complain;
use super::exit::{Failure, INTERNAL, USAGE};

/// Aligned columns under their names; the last one may be as long as it likes.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![head.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(row, "{cell:<width$}  ");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// One line without control characters: what is in a row was written by others.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The same, at most so long; a dash for nothing.
pub fn short(text: Option<&str>, most: usize) -> String {
    text.map_or_else(|| "-".into(), |text| cut(&plain(text), most).into_owned())
}

/// `3 min ago`, `in 2 h`.
pub fn relative(now: DateTime<Utc>, time: DateTime<Utc>) -> String {
    let seconds = (time - now).num_seconds();
    let span = match seconds.unsigned_abs() {
        0..2 => return "now".into(),
        s @ 2..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    };
    if seconds < 0 { format!("{span} ago") } else { format!("in {span}") }
}

/// A moment with both: `2026-11-21 09:30:12 UTC (3 min ago)`.
pub fn moment(now: DateTime<Utc>, time: DateTime<Utc>) -> String {
    format!("{} UTC ({})", time.format("%Y-%m-%d %H:%M:%S"), relative(now, time))
}

/// For programs.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(INTERNAL, error.to_string()))
}

/// A fresh password that can be read aloud: 80 random bits in groups of four.
pub fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = secret::sha256(secret::token());
    let letters: Vec<_> = bytes.iter().take(16).map(|byte| LETTERS[usize::from(byte % 32)] as char).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// Asks on the terminal; anything but yes is no. Refuses where nobody can answer.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(USAGE, "nobody is here to be asked: look first, then say --yes"));
    }
    complain(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "o" | "oui"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_do_nothing() {
        let rows = vec![vec!["é".into(), "x\u{1b}[31m".into()], vec!["long".into(), "y".into()]];
        assert_eq!(table(&["A", "B"], &rows), "A     B\né     x [31m\nlong  y");
    }

    #[test]
    fn times_are_told_as_people_do() {
        let now = DateTime::UNIX_EPOCH;
        let after = |seconds| relative(now, now + chrono::Duration::seconds(seconds));
        assert_eq!(after(-1), "now");
        assert_eq!(after(-90), "90 s ago");
        assert_eq!(after(600), "in 10 min");
        assert_eq!(after(-3 * 86_400), "3 days ago");
    }

    #[test]
    fn passwords_are_long_and_differ() {
        assert_eq!(password().len(), 19);
        assert_ne!(password(), password());
    }
}
