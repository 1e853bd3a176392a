//! The order of the list of jobs: its words, and the headings that change it.

use serde::Serialize;
use shared::platform::jobs::admin::Sort;

use crate::dashboard::words::word;

/// A heading that orders the list by its column.
#[derive(Clone, Debug, Serialize)]
pub struct Heading {
    href: String,
    /// As `aria-sort` says it.
    aria: &'static str,
    arrow: &'static str,
}

/// Columns and the order that a first click on them asks for.
const SORTED: [(&str, Sort); 3] = [("age", Sort::Age), ("next", Sort::Longest), ("attempts", Sort::Most)];

/// Of a column, where the list can be ordered by it; `link` makes the address of the list in an order.
pub fn heading(column: &str, now: Sort, link: impl Fn(Sort) -> String) -> Option<Heading> {
    let (_, first) = SORTED.into_iter().find(|(name, _)| *name == column)?;
    let current = now == first || now == first.turned();
    let (aria, arrow) = match (current, now.descends()) {
        (false, _) => ("none", ""),
        (true, true) => ("descending", "↓"),
        (true, false) => ("ascending", "↑"),
    };
    Some(Heading { href: link(if current { now.turned() } else { first }), aria, arrow })
}

/// `newest first`
pub fn words(sort: Sort) -> &'static str {
    match sort {
        Sort::Age => word("newest first"),
        Sort::Oldest => word("oldest first"),
        Sort::Duration => word("shortest run first"),
        Sort::Longest => word("longest run first"),
        Sort::Attempts => word("fewest attempts first"),
        Sort::Most => word("most attempts first"),
    }
}
