//! Labels and values side by side.

use super::super::sheet::Fact;
use super::desk::{Desk, Edge, Frame, Piece};
use super::display::{Node, Role};
use super::ink::Type;

/// How a list of facts looks.
pub struct Looks {
    /// Of labels.
    pub label: Type,
    /// Of values.
    pub value: Type,
    /// Where values go: beside the longest label, or to the right edge.
    pub edge: Edge,
    /// Between two facts.
    pub gap: f32,
}

/// Facts as a list: a label takes at most half of the width, a value the rest.
pub fn facts(desk: &mut Desk<'_>, looks: &Looks, x: f32, width: f32, facts: &[Fact]) -> Piece {
    let widest = facts.iter().map(|fact| desk.width(looks.label, &fact.label)).fold(0.0, f32::max);
    let labels = (widest + 0.1).min(width * 0.5);
    let value = Frame { x: x + labels + 12.0, width: width - labels - 12.0, edge: looks.edge };
    let mut list = Piece::default();
    let mut items = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let mut row = desk.text(Role::Label, looks.label, Frame::left(x, labels), &fact.label);
        row.at(0.0, desk.text(Role::Body, looks.value, value, &fact.value));
        items.push(Node::Group(Role::Item, std::mem::take(&mut row.nodes)));
        list.below(if index == 0 { 0.0 } else { looks.gap }, row);
    }
    if !items.is_empty() {
        list.nodes = vec![Node::Group(Role::List, items)];
    }
    list
}
