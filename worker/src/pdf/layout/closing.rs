//! What follows the table: VAT by rate and the sums, the payment, the small print.

use super::super::sheet::{Balance, Payment, Recap, Sheet, Total};
use super::desk::{Desk, Edge, Frame, Piece, hair};
use super::display::{Draw, Node, Role};
use super::ink::{self, HAIR, INK, SIDE, SPAN, Type, WHITE};
use super::lists::{self, Looks};

/// Between the recap and the sums.
const GUTTER: f32 = 34.0;
/// The sums are at least this wide.
const SUMS: f32 = 214.0;
/// Inside the bar.
const PAD: f32 = 12.0;

/// Of the terms of payment.
const TERMS: Type = ink::TEXT.sized(8.6, 12.2);
/// Of account and reference.
const ACCOUNT: Type = ink::ITEM.sized(8.6, 12.2);

/// The recap to the left, the sums to the right: as wide as their longest value needs, the recap gets the rest.
pub fn closing(desk: &mut Desk<'_>, sheet: &Sheet, sums: f32) -> Piece {
    let mut piece = Piece::default();
    if let Some(recap) = &sheet.recap {
        let recap = self::recap(desk, recap, SPAN - sums - GUTTER);
        piece.at(0.0, recap);
    }
    let mut right = totals(desk, &sheet.totals, SIDE + SPAN - sums, sums);
    let bar = balance(desk, &sheet.balance, SIDE + SPAN - sums, sums);
    right.below(7.0, bar);
    piece.at(0.0, right);
    piece
}

/// How wide the sums must be.
pub fn width(desk: &mut Desk<'_>, sheet: &Sheet) -> f32 {
    let figure = ink::ITEM.tabular();
    let mut widest = SUMS;
    for total in &sheet.totals {
        let needed = desk.width(ink::TEXT, &total.label) + desk.width(figure, &total.value);
        widest = widest.max(needed + 2.0 * PAD + 14.0);
    }
    let bar =
        desk.width(ink::ITEM, &sheet.balance.label) + desk.width(ink::NAME.scaled(1.2).tabular(), &sheet.balance.value);
    widest.max(bar + 2.0 * PAD + 16.0).min(SPAN * 0.6)
}

fn recap(desk: &mut Desk<'_>, recap: &Recap, width: f32) -> Piece {
    let frame = Frame::left(SIDE, width);
    let mut piece =
        desk.text(Role::Heading(2, recap.caption.clone()), ink::LABEL.in_color(desk.accent), frame, &recap.caption);
    let frames = recap_frames(desk, recap, width);
    let mut body = Vec::new();
    let mut table = Piece::default();
    for (index, cells) in std::iter::once(&recap.columns).chain(&recap.rows).enumerate() {
        let (role, look) =
            if index == 0 { (Role::ColumnHead, ink::SMALL) } else { (Role::Cell, ink::SMALL.in_color(INK).tabular()) };
        let mut row = Piece::default();
        for (text, frame) in cells.iter().zip(&frames) {
            let cell = desk.text(role.clone(), look, *frame, text);
            row.at(3.0, cell);
        }
        row.height += 3.0;
        let y = row.height - 0.3;
        row.ornament(hair(SIDE, y, width, HAIR));
        let node = Node::Group(Role::TableRow, std::mem::take(&mut row.nodes));
        let part = if index == 0 { Role::TableHead } else { Role::TableBody };
        match body.last_mut() {
            Some(Node::Group(last, rows)) if *last == part => rows.push(node),
            _ => body.push(Node::Group(part, vec![node])),
        }
        table.below(0.0, row);
    }
    table.nodes = vec![Node::Group(Role::Table(recap.caption.clone()), body)];
    piece.below(2.5, table);
    for remark in &recap.remarks {
        let remark = desk.text(Role::Paragraph, ink::SMALL, frame, remark);
        piece.below(6.0, remark);
    }
    piece
}

/// The first column takes what the others leave; when that is little, all share by what they need.
fn recap_frames(desk: &mut Desk<'_>, recap: &Recap, width: f32) -> Vec<Frame> {
    let look = ink::SMALL.tabular();
    let mut wanted = vec![0.0_f32; recap.columns.len()];
    for cells in std::iter::once(&recap.columns).chain(&recap.rows) {
        for (wanted, text) in wanted.iter_mut().zip(cells) {
            *wanted = wanted.max(desk.width(look, text) + 0.1);
        }
    }
    let gap = 12.0;
    let inner = width - gap * (wanted.len().saturating_sub(1)) as f32;
    let sum: f32 = wanted.iter().sum();
    if sum > inner {
        for wanted in &mut wanted {
            *wanted *= inner / sum;
        }
    } else if let Some(first) = wanted.first_mut() {
        *first += inner - sum;
    }
    let mut x = SIDE;
    let frame = |(index, width): (usize, f32)| {
        let frame = Frame { x, width, edge: if index == 0 { Edge::Left } else { Edge::Right } };
        x += width + gap;
        frame
    };
    wanted.into_iter().enumerate().map(frame).collect()
}

/// The sums above the bar.
fn totals(desk: &mut Desk<'_>, totals: &[Total], x: f32, width: f32) -> Piece {
    let mut piece = Piece::default();
    let mut rows = Vec::new();
    for total in totals {
        let label = if total.strong { ink::ITEM } else { ink::TEXT.in_color(ink::GREY) };
        let value = if total.strong { ink::ITEM } else { ink::TEXT };
        let mut row = pair(desk, (label, &total.label), (value.tabular(), &total.value), x + PAD, width - 2.0 * PAD);
        rows.append(&mut row.nodes);
        let gap = if piece.blocks.is_empty() { 0.0 } else { 4.2 };
        piece.below(gap, row);
    }
    if !rows.is_empty() {
        piece.nodes = vec![Node::Group(Role::Table(String::new()), vec![Node::Group(Role::TableBody, rows)])];
    }
    piece
}

/// A label and a value on one line, as a row of a table.
fn pair(desk: &mut Desk<'_>, label: (Type, &str), value: (Type, &str), x: f32, width: f32) -> Piece {
    let needed = desk.width(value.0, value.1) + 0.1;
    let values = needed.min(width * 0.7);
    let labels = Frame::left(x, width - values - 12.0);
    let mut row = desk.text(Role::RowHead, label.0, labels, label.1);
    let drop = label.0.rise() - value.0.rise();
    let cell = desk.text(Role::Cell, value.0, Frame::right(x + width - values, values), value.1);
    let mut both = Piece::default();
    let cells = [row.nodes.remove(0)];
    both.at(0.0_f32.max(-drop), row);
    both.at(0.0_f32.max(drop), cell);
    let nodes = cells.into_iter().chain(both.nodes.drain(..)).collect();
    both.nodes = vec![Node::Group(Role::TableRow, nodes)];
    both
}

/// The filled bar: dark when something is to be paid, pale when nothing is.
fn balance(desk: &mut Desk<'_>, balance: &Balance, x: f32, width: f32) -> Piece {
    let (ground, letters) = if balance.settled { (desk.pale, desk.accent) } else { (desk.accent, WHITE) };
    let label = (ink::ITEM.in_color(letters), balance.label.as_str());
    let value = (ink::NAME.scaled(1.2).tabular().in_color(letters), balance.value.as_str());
    let row = pair(desk, label, value, x + PAD, width - 2.0 * PAD);
    let mut bar = Piece::default();
    bar.at(8.0, row);
    bar.height += 8.0;
    let table = Role::Table(balance.label.clone());
    bar.nodes = vec![Node::Group(table, vec![Node::Group(Role::TableBody, std::mem::take(&mut bar.nodes))])];
    let height = bar.height;
    bar.behind(Draw::Rect { x, y: 0.0, width, height, radius: 5.0, color: ground });
    bar
}

/// Terms to the left, account and reference to the right: below the sums if they fit there.
pub fn payment(desk: &mut Desk<'_>, payment: &Payment, sums: f32) -> Piece {
    let aside = if payment.facts.is_empty() { 0.0 } else { facts_width(desk, payment, sums) };
    let words = if aside > 0.0 { SPAN - aside - GUTTER } else { SPAN };
    let frame = Frame::left(SIDE, words);
    let mut piece = Piece { height: 12.0, ..Piece::default() };
    piece.ornament(hair(SIDE, 0.0, SPAN, HAIR));
    let look = ink::LABEL.in_color(desk.accent);
    let heading = desk.text(Role::Heading(2, payment.heading.clone()), look, frame, &payment.heading);
    piece.below(0.0, heading);
    let start = piece.height + 3.5;
    for (index, line) in payment.lines.iter().enumerate() {
        let line = desk.text(Role::Paragraph, TERMS, frame, line);
        piece.below(if index == 0 { 3.5 } else { 2.0 }, line);
    }
    if aside > 0.0 {
        let looks = Looks { label: ink::SMALL, value: ACCOUNT, edge: Edge::Left, gap: 2.6 };
        let facts = lists::facts(desk, &looks, SIDE + SPAN - aside, aside, &payment.facts);
        let top = if payment.lines.is_empty() { start } else { 12.0 };
        piece.at(top, facts);
    }
    piece
}

/// Of the facts of a payment: as wide as the sums, wider when they need it, narrower when the terms do.
fn facts_width(desk: &mut Desk<'_>, payment: &Payment, sums: f32) -> f32 {
    let (mut labels, mut values) = (0.0_f32, 0.0_f32);
    for fact in &payment.facts {
        labels = labels.max(desk.width(ink::SMALL, &fact.label));
        values = values.max(desk.width(ACCOUNT, &fact.value));
    }
    let needed = labels + values + 13.0;
    let words = payment.lines.iter().map(|line| desk.width(TERMS, line)).fold(0.0, f32::max);
    let spare = SPAN - GUTTER - words - 1.0;
    needed.max(sums.min(spare)).min(SPAN * 0.6)
}

/// A paragraph of the small print may be broken after this many lines.
const LONGEST: usize = 24;

/// The small print: pieces in their order, and what each paragraph means.
pub fn notes(desk: &mut Desk<'_>, paragraphs: &[String]) -> (Vec<Piece>, Vec<Node>) {
    let mut pieces = Vec::new();
    let mut nodes = Vec::new();
    for paragraph in paragraphs {
        let mut lines = Vec::new();
        desk.write(&mut lines, ink::NOTE, Frame::left(SIDE, SPAN), 0.0, paragraph);
        let mut leaves = Vec::new();
        for (number, chunk) in lines.chunks(LONGEST).enumerate() {
            let mut draws = chunk.to_vec();
            let up = (number * LONGEST) as f32 * ink::NOTE.leading;
            for draw in &mut draws {
                draw.lower(-up);
            }
            let (block, leaf) = desk.leaf(draws);
            leaves.push(leaf);
            let last = (number + 1) * LONGEST >= lines.len();
            let height = chunk.len() as f32 * ink::NOTE.leading + if last { 3.0 } else { 0.0 };
            pieces.push(Piece { height, blocks: vec![block], nodes: Vec::new() });
        }
        nodes.push(Node::Group(Role::Paragraph, leaves));
    }
    (pieces, nodes)
}
