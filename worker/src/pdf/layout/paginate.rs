//! Decides what stands on which page, from heights alone.

use std::ops::Range;

/// What is to be distributed. All in points.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The head of the table, on every page that has rows.
    pub head: f32,
    /// The rows, or pieces of rows.
    pub rows: &'a [f32],
    /// The sums, with the gap above them.
    pub closing: f32,
    /// The payment, with the gap above it. 0 if there is none.
    pub payment: f32,
    /// Above the first note.
    pub gap: f32,
    /// The small print.
    pub notes: &'a [f32],
    /// What the first page has room for.
    pub first: f32,
    /// What the others have room for.
    pub other: f32,
}

/// What stands on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Rows; none: no head either.
    pub rows: Range<usize>,
    /// The sums.
    pub closing: bool,
    /// The payment.
    pub payment: bool,
    /// Of the small print.
    pub notes: Range<usize>,
}

/// Distributes. The sums take rows with them when they go to a new page; everything after the table stays together if
/// one page can hold it; so no page has only small print unless there is more of it than a page.
pub fn distribute(parts: &Parts<'_>) -> Vec<Share> {
    let mut pages = rows(parts);
    let ending = parts.closing + parts.payment + parts.small_print();
    if ending > parts.left(&pages) && !carry(parts, &mut pages, ending) {
        return piecemeal(parts, pages);
    }
    let last = pages.last_mut().expect("a document has a page");
    *last = Share { closing: true, payment: true, notes: 0..parts.notes.len(), ..last.clone() };
    pages
}

impl Parts<'_> {
    fn small_print(&self) -> f32 {
        if self.notes.is_empty() { 0.0 } else { self.gap + self.notes.iter().sum::<f32>() }
    }

    /// The height of some rows with their head.
    fn height(&self, rows: &Range<usize>) -> f32 {
        if rows.is_empty() { 0.0 } else { self.head + self.rows[rows.clone()].iter().sum::<f32>() }
    }

    /// What is left below the rows of the last page.
    fn left(&self, pages: &[Share]) -> f32 {
        let room = if pages.len() == 1 { self.first } else { self.other };
        room - pages.last().map_or(0.0, |page| self.height(&page.rows))
    }
}

/// Fills pages with rows.
fn rows(parts: &Parts<'_>) -> Vec<Share> {
    let mut pages: Vec<Share> = vec![Share::default()];
    for (index, height) in parts.rows.iter().enumerate() {
        let fresh = pages.last().is_some_and(|page| page.rows.is_empty());
        let needed = height + if fresh { parts.head } else { 0.0 };
        // The first page has the head of the document; any other takes a row, however high.
        if needed > parts.left(&pages) && (!fresh || pages.len() == 1) {
            pages.push(Share::default());
        }
        let page = pages.last_mut().expect("a document has a page");
        let start = if page.rows.is_empty() { index } else { page.rows.start };
        page.rows = start..index + 1;
    }
    pages
}

/// Opens a page for what follows the table, and takes up to two rows there, never the only one. False if that does not
/// help.
fn carry(parts: &Parts<'_>, pages: &mut Vec<Share>, following: f32) -> bool {
    let last = pages.last().map_or(0..0, |page| page.rows.clone());
    for count in (1..=2.min(last.len().saturating_sub(1))).rev() {
        let taken = last.end - count..last.end;
        if parts.height(&taken) + following <= parts.other {
            if let Some(page) = pages.last_mut() {
                page.rows = last.start..taken.start;
            }
            pages.push(Share { rows: taken, ..Share::default() });
            return true;
        }
    }
    false
}

/// One after the other: when all of it together is more than a page, or there is one row.
fn piecemeal(parts: &Parts<'_>, mut pages: Vec<Share>) -> Vec<Share> {
    if parts.closing > parts.left(&pages) && !carry(parts, &mut pages, parts.closing) {
        pages.push(Share::default());
    }
    let mut left = parts.left(&pages) - parts.closing;
    let last = pages.len() - 1;
    pages[last].closing = true;
    if parts.payment > left {
        pages.push(Share::default());
        left = parts.other;
    }
    left -= parts.payment;
    let last = pages.len() - 1;
    pages[last].payment = true;
    for (index, height) in parts.notes.iter().enumerate() {
        let gap = if pages.last().is_some_and(|page| page.notes.is_empty()) { parts.gap } else { 0.0 };
        if height + gap > left {
            pages.push(Share { notes: index..index, ..Share::default() });
            left = parts.other + gap;
        }
        left -= height + gap;
        let page = pages.last_mut().expect("a document has a page");
        let start = if page.notes.is_empty() { index } else { page.notes.start };
        page.notes = start..index + 1;
    }
    pages
}
