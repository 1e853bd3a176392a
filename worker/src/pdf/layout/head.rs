//! The top of the first page: who, what, when, to whom.

use super::super::sheet::{Card, Sheet};
use super::desk::{Desk, Edge, Frame, Piece};
use super::display::{Draw, Node, Role};
use super::ink::{self, SIDE, SPAN};
use super::lists::{self, Looks};

/// The logo is fitted into this, in points.
const LOGO: (f32, f32) = (150.0, 44.0);
/// Width of the column of facts.
const FACTS: f32 = 226.0;

/// The head of the document.
pub fn head(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    let mut piece = sign(desk, sheet);
    let title = title(desk, sheet);
    piece.at(0.0, title);
    piece.below(desk.density.gap + 4.0, parties(desk, sheet));
    piece.below(desk.density.gap, cards(desk, sheet));
    for (index, paragraph) in sheet.opening.iter().enumerate() {
        let gap = if index == 0 { desk.density.gap - 4.0 } else { 5.0 };
        let frame = Frame::left(SIDE, SPAN);
        let paragraph = desk.text(Role::Paragraph, ink::TEXT, frame, paragraph);
        piece.below(gap, paragraph);
    }
    piece
}

/// The logo, or the seller's name in its place.
fn sign(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    if let Some(logo) = &sheet.logo {
        let (width, height) = (logo.size().0 as f32, logo.size().1 as f32);
        let scale = (LOGO.0 / width).min(LOGO.1 / height);
        let draw = Draw::Logo { x: SIDE, y: 0.0, width: width * scale, height: height * scale };
        return desk.piece(Role::Figure(logo.alt.clone()), vec![draw], height * scale);
    }
    let name = sheet.seller.first().map_or("", String::as_str);
    let mut draws = Vec::new();
    let height = desk.write(&mut draws, ink::WORDMARK, Frame::left(SIDE, SPAN * 0.5), 4.0, name);
    desk.piece(Role::Paragraph, draws, height + 4.0)
}

fn title(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    let frame = Frame::right(SIDE + SPAN * 0.5 + 10.0, SPAN * 0.5 - 10.0);
    let mut draws = Vec::new();
    // The capitals begin where the logo begins.
    let up = ink::TITLE.rise() - ink::TITLE.size * 0.727;
    let mut y = -up;
    y += desk.write(&mut draws, ink::TITLE, frame, y, &format!("{} ", sheet.title));
    let color = desk.accent;
    y += 1.0 + desk.write(&mut draws, ink::NUMBER.in_color(color), frame, y + 1.0, &sheet.number);
    let said = format!("{} {}", sheet.title, sheet.number);
    desk.piece(Role::Heading(1, said), draws, y)
}

/// The seller to the left, the facts to the right.
fn parties(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    let mut piece = Piece::default();
    let frame = Frame::left(SIDE, SPAN - FACTS - 28.0);
    let (name, lines) = sheet.seller.split_first().map_or((None, &[][..]), |(name, lines)| (Some(name), lines));
    if let Some(name) = name.filter(|_| sheet.logo.is_some()) {
        let strong = ink::ITEM.scaled(0.95);
        piece.below(0.0, desk.text(Role::Paragraph, strong, frame, name));
    }
    if !lines.is_empty() {
        piece.below(0.0, desk.lines(Role::Paragraph, ink::SMALL, frame, lines));
    }
    let looks = Looks { label: ink::SMALL.scaled(1.05), value: ink::ITEM.scaled(0.934), edge: Edge::Right, gap: 2.6 };
    let facts = lists::facts(desk, &looks, SIDE + SPAN - FACTS, FACTS, &sheet.facts);
    piece.at(0.0, facts);
    piece
}

/// The buyer, and the place of delivery beside, on a pale ground.
fn cards(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    let pad = 15.0;
    let inner = SPAN - 2.0 * pad;
    let half = (inner - 24.0) / 2.0;
    let mut piece = card(desk, SIDE + pad, if sheet.delivery.is_some() { half } else { inner }, &sheet.buyer);
    if let Some(delivery) = &sheet.delivery {
        let beside = card(desk, SIDE + pad + half + 24.0, half, delivery);
        piece.at(0.0, beside);
    }
    let mut padded = Piece::default();
    padded.at(pad - 2.0, piece);
    padded.height += pad - 4.0;
    let (height, color) = (padded.height, desk.pale);
    padded.behind(Draw::Rect { x: SIDE, y: 0.0, width: SPAN, height, radius: 6.0, color });
    padded
}

fn card(desk: &mut Desk<'_>, x: f32, width: f32, card: &Card) -> Piece {
    let frame = Frame::left(x, width);
    let label = ink::LABEL.in_color(desk.accent);
    let mut piece = desk.text(Role::Heading(2, card.label.clone()), label, frame, &card.label);
    let mut draws = Vec::new();
    let mut y = desk.write(&mut draws, ink::NAME, frame, 0.0, &format!("{} ", card.name));
    y += 1.5;
    for line in &card.lines {
        y += desk.write(&mut draws, ink::TEXT, frame, y, &format!("{line} "));
    }
    piece.below(3.5, desk.piece(Role::Paragraph, draws, y));
    piece
}

/// The head of the pages after the first: whose document it is and which.
pub fn running(desk: &mut Desk<'_>, sheet: &Sheet) -> Piece {
    let (left, right) = (SPAN * 0.55, SPAN * 0.45 - 12.0);
    let mut draws = Vec::new();
    let name = sheet.seller.first().map_or("", String::as_str);
    let height = desk.write(&mut draws, ink::SMALL, Frame::left(SIDE, left), 0.0, name);
    let which = format!("{} {}", sheet.title, sheet.number);
    let look = ink::ITEM.scaled(0.9);
    let other = desk.write(&mut draws, look, Frame::right(SIDE + left + 12.0, right), 0.0, &which);
    let block = super::display::Block { mark: super::display::Mark::Header, draws };
    Piece { height: height.max(other), blocks: vec![block], nodes: Vec::<Node>::new() }
}
