//! The structure tree for screen readers (PDF/UA-1, ISO 14289-1).

use std::num::NonZeroU16;

use krilla::tagging::{Identifier, ListNumbering, Node as Tagged, TableHeaderScope, Tag, TagGroup, TagKind, TagTree};

use super::super::layout::display::{Node, Role};

/// The tree of a document. `leaves` are the blocks that were painted, by number.
pub fn tree(nodes: &[Node], leaves: &[Option<Identifier>], language: &str) -> TagTree {
    let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
    nodes.iter().filter_map(|node| tagged(node, leaves)).for_each(|node| tree.push(node));
    tree
}

fn tagged(node: &Node, leaves: &[Option<Identifier>]) -> Option<Tagged> {
    match node {
        Node::Leaf(number) => leaves.get(*number).copied().flatten().map(Tagged::Leaf),
        Node::Group(role, parts) => {
            let children = parts.iter().filter_map(|part| tagged(part, leaves)).collect();
            Some(Tagged::Group(TagGroup::with_children(kind(role), children)))
        }
    }
}

fn kind(role: &Role) -> TagKind {
    match role {
        Role::Heading(level, text) => {
            let level = NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN);
            Tag::Hn(level, Some(text.clone())).into()
        }
        Role::Paragraph => Tag::P.into(),
        Role::Figure(alt) => Tag::Figure(Some(alt.clone())).into(),
        Role::Table(summary) => Tag::Table.with_summary(Some(summary.clone()).filter(|text| !text.is_empty())).into(),
        Role::TableHead => Tag::THead.into(),
        Role::TableBody => Tag::TBody.into(),
        Role::TableRow => Tag::TR.into(),
        Role::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
        Role::RowHead => Tag::TH(TableHeaderScope::Row).into(),
        Role::Cell => Tag::TD.into(),
        Role::List => Tag::L(ListNumbering::None).into(),
        Role::Item => Tag::LI.into(),
        Role::Label => Tag::Lbl.into(),
        Role::Body => Tag::LBody.into(),
    }
}
