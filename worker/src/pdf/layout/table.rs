//! The table of what is sold: a head that repeats, rows that break only when no page could hold them.

use super::super::sheet::{Row, Table};
use super::columns::Columns;
use super::desk::{Desk, Frame, Piece, hair};
use super::display::{Draw, Node, Role};
use super::ink::{self, HAIR, INK, SIDE, SPAN, Type};

/// A row higher than this is broken.
const HIGHEST: f32 = 330.0;

/// A row: one piece, or several for several pages, and what they mean together.
pub struct Rows {
    /// From top to bottom.
    pub pieces: Vec<Piece>,
    /// A row of the table.
    pub node: Node,
}

/// The dark row of heads.
pub fn head(desk: &mut Desk<'_>, table: &Table, columns: &Columns) -> Piece {
    let mut row = Piece::default();
    let frames = std::iter::once(&columns.name).chain(&columns.figures);
    for (text, frame) in table.columns.iter().zip(frames) {
        let cell = desk.text(Role::ColumnHead, ink::HEAD, *frame, text);
        row.at(6.2, cell);
    }
    row.height += 6.2;
    let nodes = std::mem::take(&mut row.nodes);
    row.nodes = vec![Node::Group(Role::TableHead, vec![Node::Group(Role::TableRow, nodes)])];
    let height = row.height;
    row.behind(Draw::Rect { x: SIDE, y: 0.0, width: SPAN, height, radius: 4.0, color: INK });
    row
}

/// A row of the table.
pub fn row(desk: &mut Desk<'_>, row: &Row, columns: &Columns) -> Rows {
    let pad = desk.density.row;
    let figure = ink::TEXT.tabular().scaled(columns.scale);
    // Smaller figures stand on the base line of the name.
    let drop = ink::ITEM.rise() - figure.rise();
    let mut pieces = name(desk, row, columns.name);
    let leaves = pieces.iter_mut().flat_map(|piece| std::mem::take(&mut piece.nodes)).collect();
    let mut cells = vec![Node::Group(Role::Cell, leaves)];
    for (text, frame) in row.figures.iter().zip(columns.figures) {
        let cell = desk.text(Role::Cell, figure, frame, text);
        pieces[0].at(drop, cell);
        cells.append(&mut pieces[0].nodes);
    }
    let last = pieces.len() - 1;
    let pad_out = |(index, piece): (usize, Piece)| {
        let mut padded = Piece::default();
        padded.at(pad, piece);
        padded.height += pad;
        if index == last {
            let y = padded.height - 0.3;
            padded.ornament(hair(SIDE, y, SPAN, HAIR));
        }
        padded
    };
    let pieces = pieces.into_iter().enumerate().map(pad_out).collect();
    Rows { pieces, node: Node::Group(Role::TableRow, cells) }
}

/// Name and details, broken into pieces when they are very long.
fn name(desk: &mut Desk<'_>, row: &Row, frame: Frame) -> Vec<Piece> {
    let details = row.details.iter().map(|detail| (ink::SMALL, detail));
    let texts: Vec<(Type, &String)> = std::iter::once((ink::ITEM, &row.name)).chain(details).collect();
    let mut pieces = Vec::new();
    let mut draws: Vec<Draw> = Vec::new();
    let mut y = 0.0;
    for (index, (look, text)) in texts.iter().enumerate() {
        let spaced = if index + 1 < texts.len() { format!("{text} ") } else { (*text).clone() };
        let mut lines = Vec::new();
        desk.write(&mut lines, *look, frame, 0.0, &spaced);
        for (number, mut line) in lines.into_iter().enumerate() {
            if y + look.leading > HIGHEST {
                pieces.push(leaf(desk, std::mem::take(&mut draws), y));
                y = 0.0;
            }
            line.lower(y - number as f32 * look.leading);
            draws.push(line);
            y += look.leading;
        }
    }
    pieces.push(leaf(desk, draws, y));
    pieces
}

fn leaf(desk: &mut Desk<'_>, draws: Vec<Draw>, height: f32) -> Piece {
    let (block, node) = desk.leaf(draws);
    Piece { height, blocks: vec![block], nodes: vec![node] }
}
