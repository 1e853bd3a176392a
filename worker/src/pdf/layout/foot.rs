//! The foot of every page: the company's legal line, the number of the document, the number of the page.

use super::super::sheet::Footer;
use super::desk::{Desk, Frame, Piece, hair};
use super::display::{Block, HEIGHT, Mark};
use super::ink::{self, FOOT, HAIR, SIDE, SPAN};

/// The foot of a page.
pub fn foot(desk: &mut Desk<'_>, footer: &Footer, page: usize, pages: usize) -> Piece {
    let text = footer.page.replace("{page}", &page.to_string()).replace("{pages}", &pages.to_string());
    let look = ink::FOOTER;
    let which = (desk.width(look, &text) + 0.1).min(SPAN * 0.5);
    let mut draws = vec![hair(SIDE, 0.0, SPAN, HAIR)];
    let left = desk.write(&mut draws, ink::FOOTER, Frame::left(SIDE, SPAN - which - 28.0), 7.0, &footer.legal);
    let right = desk.write(&mut draws, look, Frame::right(SIDE + SPAN - which, which), 7.0, &text);
    let block = Block { mark: Mark::Footer, draws };
    Piece { height: 7.0 + left.max(right), blocks: vec![block], nodes: Vec::new() }
}

/// Where a foot of a height begins.
pub fn top(height: f32) -> f32 {
    HEIGHT - FOOT - height
}
