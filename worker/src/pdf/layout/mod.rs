//! The layout: a `Sheet` becomes pages of things to draw and a structure tree. It measures everything before it breaks
//! anything, and knows nothing of PDF.

mod closing;
mod columns;
mod desk;
pub mod display;
mod foot;
mod head;
mod ink;
mod lists;
mod paginate;
mod table;

#[cfg(test)]
mod tests;

use self::desk::{Density, Desk, Piece};
use self::display::{HEIGHT, Laid, Node, Page, Role};
use self::paginate::{Parts, Share};
use super::fonts::Fonts;
use super::shape::Shaper;
use super::sheet::Sheet;

/// Longer tables are set close from the start.
const LONG: usize = 40;

/// Lays a document out.
pub fn layout(sheet: &Sheet, fonts: &Fonts) -> Laid {
    let mut desk = Desk::new(Shaper::new(fonts), sheet.accent);
    if sheet.table.rows.len() > LONG {
        desk.clear(Density::DENSE);
        return set(&mut desk, sheet);
    }
    let airy = set(&mut desk, sheet);
    if airy.pages.len() == 1 {
        return airy;
    }
    desk.clear(Density::DENSE);
    let dense = set(&mut desk, sheet);
    if dense.pages.len() < airy.pages.len() { dense } else { airy }
}

/// The measured pieces of a document.
struct Pieces {
    head: Piece,
    table_head: Piece,
    rows: Vec<Piece>,
    closing: Piece,
    payment: Option<Piece>,
    notes: Vec<Piece>,
    running: Piece,
    tree: Vec<Node>,
}

fn set(desk: &mut Desk<'_>, sheet: &Sheet) -> Laid {
    let mut pieces = pieces(desk, sheet);
    let foot = foot::foot(desk, &sheet.footer, 999, 999).height;
    let bottom = foot::top(foot) - 16.0;
    let later = ink::TOP - 8.0 + pieces.running.height + 14.0;
    let heights = |pieces: &[Piece]| pieces.iter().map(|piece| piece.height).collect::<Vec<_>>();
    let (rows, notes) = (heights(&pieces.rows), heights(&pieces.notes));
    let shares = paginate::distribute(&Parts {
        head: pieces.table_head.height,
        rows: &rows,
        closing: pieces.closing.height + desk.density.gap - 4.0,
        payment: pieces.payment.as_ref().map_or(0.0, |piece| piece.height + desk.density.gap),
        gap: desk.density.gap - 4.0,
        notes: &notes,
        first: bottom - ink::TOP - pieces.head.height - desk.density.gap,
        other: bottom - later,
    });
    let tree = std::mem::take(&mut pieces.tree);
    let count = shares.len();
    let mut pages = Vec::with_capacity(count);
    for (index, share) in shares.into_iter().enumerate() {
        let mut page = Piece::default();
        let top = if index == 0 { ink::TOP } else { later };
        fill(desk, &mut page, &mut pieces, &share, (index, top, bottom));
        let foot = foot::foot(desk, &sheet.footer, index + 1, count);
        page.at(foot::top(foot.height), foot);
        debug_assert!(page.height <= HEIGHT, "nothing is below the foot");
        pages.push(Page { blocks: page.blocks });
    }
    Laid { pages, tree }
}

fn pieces(desk: &mut Desk<'_>, sheet: &Sheet) -> Pieces {
    let mut head = head::head(desk, sheet);
    let columns = columns::measure(desk, &sheet.table);
    let mut table_head = table::head(desk, &sheet.table, &columns);
    let mut rows = Vec::with_capacity(sheet.table.rows.len());
    let mut body = Vec::with_capacity(sheet.table.rows.len());
    for row in &sheet.table.rows {
        let mut row = table::row(desk, row, &columns);
        rows.append(&mut row.pieces);
        body.push(row.node);
    }
    let sums = closing::width(desk, sheet);
    let mut closing = closing::closing(desk, sheet, sums);
    let mut payment = sheet.payment.as_ref().map(|payment| closing::payment(desk, payment, sums));
    let (notes, mut note_nodes) = closing::notes(desk, &sheet.notes);
    let mut tree = std::mem::take(&mut head.nodes);
    if !body.is_empty() {
        let mut table = std::mem::take(&mut table_head.nodes);
        table.push(Node::Group(Role::TableBody, body));
        tree.push(Node::Group(Role::Table(sheet.table.summary.clone()), table));
    }
    tree.append(&mut closing.nodes);
    tree.extend(payment.iter_mut().flat_map(|payment| std::mem::take(&mut payment.nodes)));
    tree.append(&mut note_nodes);
    Pieces { head, table_head, rows, closing, payment, notes, running: head::running(desk, sheet), tree }
}

/// Puts a page's share on it.
fn fill(desk: &Desk<'_>, page: &mut Piece, pieces: &mut Pieces, share: &Share, at: (usize, f32, f32)) {
    let (index, top, bottom) = at;
    let gap = desk.density.gap;
    if index == 0 {
        page.at(top, std::mem::take(&mut pieces.head));
        page.height += gap;
    } else {
        page.at(
            ink::TOP - 8.0,
            Piece { height: pieces.running.height, blocks: pieces.running.as_header(), nodes: Vec::new() },
        );
        page.height = top;
    }
    if !share.rows.is_empty() {
        let height = pieces.table_head.height;
        let repeated = Piece { height, blocks: pieces.table_head.as_header(), nodes: Vec::new() };
        // The first time it is a part of the table, later an ornament.
        let head = std::mem::replace(&mut pieces.table_head, repeated);
        page.below(0.0, head);
    }
    for row in share.rows.clone() {
        page.below(0.0, std::mem::take(&mut pieces.rows[row]));
    }
    if share.closing {
        page.below(gap - 4.0, std::mem::take(&mut pieces.closing));
    }
    if let Some(payment) = pieces.payment.take_if(|_| share.payment) {
        page.below(gap, payment);
    }
    let mut notes = Piece::default();
    for note in share.notes.clone() {
        notes.below(0.0, std::mem::take(&mut pieces.notes[note]));
    }
    if !share.notes.is_empty() {
        // Below the sums the small print stands at the foot of the page, wherever they end; more of it fills pages.
        let lowest = if share.closing { bottom - notes.height } else { 0.0 };
        page.at(lowest.max(page.height + gap - 4.0), notes);
    }
}
