//! What a layout is: pages of things to draw, and the tree that says what they mean. Points from the top left.

use std::rc::Rc;

use super::super::shape::Line;
use super::super::sheet::Rgb;

/// Width of A4 in points.
pub const WIDTH: f32 = 595.28;
/// Height of A4 in points.
pub const HEIGHT: f32 = 841.89;

/// A document, laid out.
pub struct Laid {
    /// In their order.
    pub pages: Vec<Page>,
    /// In reading order.
    pub tree: Vec<Node>,
}

/// A page.
#[derive(Default)]
pub struct Page {
    /// In the order in which they are painted.
    pub blocks: Vec<Block>,
}

/// Things that mean one thing.
#[derive(Clone)]
pub struct Block {
    /// What they mean.
    pub mark: Mark,
    /// From back to front.
    pub draws: Vec<Draw>,
}

/// The meaning of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A leaf of the tree. Every number from 0 occurs once in the pages and once in the tree.
    Leaf(usize),
    /// A shape that means nothing: a line, a background.
    Ornament,
    /// Repeated at the top of pages.
    Header,
    /// Repeated at the bottom of pages.
    Footer,
}

/// Something to draw.
#[derive(Clone)]
pub enum Draw {
    /// A line of text.
    Text {
        /// Left end.
        x: f32,
        /// Its base line.
        y: f32,
        /// Points in an em.
        size: f32,
        /// Of the letters.
        color: Rgb,
        /// The glyphs.
        line: Rc<Line>,
    },
    /// A filled rectangle.
    Rect {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// To the right.
        width: f32,
        /// Downwards.
        height: f32,
        /// Of the corners.
        radius: f32,
        /// Of its inside.
        color: Rgb,
    },
    /// The logo.
    Logo {
        /// Left.
        x: f32,
        /// Top.
        y: f32,
        /// To the right.
        width: f32,
        /// Downwards.
        height: f32,
    },
}

impl Draw {
    /// Moves it downwards.
    pub fn lower(&mut self, by: f32) {
        match self {
            Self::Text { y, .. } | Self::Rect { y, .. } | Self::Logo { y, .. } => *y += by,
        }
    }
}

/// A node of the structure tree.
#[derive(Debug)]
pub enum Node {
    /// A structure with its parts.
    Group(Role, Vec<Node>),
    /// A block on a page.
    Leaf(usize),
}

/// What a structure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A heading of a level, with its text.
    Heading(u16, String),
    /// A paragraph.
    Paragraph,
    /// A picture, with its text.
    Figure(String),
    /// A table, with what it holds.
    Table(String),
    /// The rows of heads.
    TableHead,
    /// The rows.
    TableBody,
    /// A row.
    TableRow,
    /// The head of a column.
    ColumnHead,
    /// The head of a row.
    RowHead,
    /// A cell.
    Cell,
    /// A list.
    List,
    /// Of a list.
    Item,
    /// Of an item.
    Label,
    /// What the label labels.
    Body,
}
