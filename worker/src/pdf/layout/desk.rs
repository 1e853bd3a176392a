//! Where pieces of a page are made: text is wrapped and measured here, and every meaning gets its number.

use super::super::shape::Shaper;
use super::super::sheet::Rgb;
use super::display::{Block, Draw, Mark, Node, Role};
use super::ink::Type;

/// How close things stand.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// Above and below the text of a row.
    pub row: f32,
    /// Between the parts of the page.
    pub gap: f32,
}

impl Density {
    /// The rule.
    pub const AIRY: Self = Self { row: 6.6, gap: 22.0 };
    /// When that saves a page, and in long tables.
    pub const DENSE: Self = Self { row: 4.2, gap: 15.0 };
}

/// To which edge of its frame a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// Where a text may stand.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Left.
    pub x: f32,
    /// To the right.
    pub width: f32,
    /// Where its lines begin or end.
    pub edge: Edge,
}

impl Frame {
    /// For words.
    pub const fn left(x: f32, width: f32) -> Self {
        Self { x, width, edge: Edge::Left }
    }

    /// For figures.
    pub const fn right(x: f32, width: f32) -> Self {
        Self { x, width, edge: Edge::Right }
    }
}

/// A part of a page, measured, with its top at 0.
#[derive(Default)]
pub struct Piece {
    /// In points.
    pub height: f32,
    /// What it shows.
    pub blocks: Vec<Block>,
    /// What that means.
    pub nodes: Vec<Node>,
}

impl Piece {
    /// Puts another one below, after a gap.
    pub fn below(&mut self, gap: f32, other: Self) {
        self.at(self.height + gap, other);
    }

    /// Puts another one at a height.
    pub fn at(&mut self, top: f32, mut other: Self) {
        other.blocks.iter_mut().flat_map(|block| &mut block.draws).for_each(|draw| draw.lower(top));
        self.height = self.height.max(top + other.height);
        self.blocks.append(&mut other.blocks);
        self.nodes.append(&mut other.nodes);
    }

    /// Adds a shape that means nothing, behind what is there.
    pub fn behind(&mut self, draw: Draw) {
        self.blocks.insert(0, Block { mark: Mark::Ornament, draws: vec![draw] });
    }

    /// Adds a shape that means nothing.
    pub fn ornament(&mut self, draw: Draw) {
        self.blocks.push(Block { mark: Mark::Ornament, draws: vec![draw] });
    }

    /// Its shapes and texts as something that repeats at the top of pages.
    pub fn as_header(&self) -> Vec<Block> {
        let repeated = |block: &Block| Block { mark: Mark::Header, draws: block.draws.clone() };
        self.blocks.iter().map(repeated).collect()
    }
}

/// The maker of pieces.
pub struct Desk<'f> {
    /// Of the document's texts.
    pub shaper: Shaper<'f>,
    /// The accent, dark enough for text.
    pub accent: Rgb,
    /// The accent, pale enough for paper.
    pub pale: Rgb,
    /// How close things stand.
    pub density: Density,
    leaves: usize,
}

impl<'f> Desk<'f> {
    /// For a document.
    pub fn new(shaper: Shaper<'f>, accent: Rgb) -> Self {
        let pale = super::ink::tint(accent, 0.06);
        Self { shaper, accent: super::ink::readable(accent), pale, density: Density::AIRY, leaves: 0 }
    }

    /// Begins again, with what the shaper remembers.
    pub fn clear(&mut self, density: Density) {
        self.density = density;
        self.leaves = 0;
    }

    /// Writes a text into a frame from a height on and says how high it became.
    pub fn write(&mut self, draws: &mut Vec<Draw>, look: Type, frame: Frame, top: f32, text: &str) -> f32 {
        let lines = self.shaper.wrap(look.cut, look.size, frame.width, text);
        let mut y = top;
        for line in lines {
            let x = match frame.edge {
                Edge::Left => frame.x,
                Edge::Right => frame.x + frame.width - line.width * look.size,
            };
            draws.push(Draw::Text { x, y: y + look.rise(), size: look.size, color: look.color, line });
            y += look.leading;
        }
        y - top
    }

    /// A text with a meaning of its own.
    pub fn text(&mut self, role: Role, look: Type, frame: Frame, text: &str) -> Piece {
        self.lines(role, look, frame, std::slice::from_ref(&text))
    }

    /// Lines that are one paragraph. Each but the last ends in a space, so that they are not read as one word.
    pub fn lines(&mut self, role: Role, look: Type, frame: Frame, lines: &[impl AsRef<str>]) -> Piece {
        let mut draws = Vec::new();
        let mut height = 0.0;
        for (index, line) in lines.iter().enumerate() {
            let line = line.as_ref();
            let spaced = if index + 1 < lines.len() { format!("{line} ") } else { line.to_owned() };
            height += self.write(&mut draws, look, frame, height, &spaced);
        }
        self.piece(role, draws, height)
    }

    /// Things to draw that have one meaning.
    pub fn piece(&mut self, role: Role, draws: Vec<Draw>, height: f32) -> Piece {
        let (block, leaf) = self.leaf(draws);
        Piece { height, blocks: vec![block], nodes: vec![Node::Group(role, vec![leaf])] }
    }

    /// Things to draw, and the leaf that stands for them.
    pub fn leaf(&mut self, draws: Vec<Draw>) -> (Block, Node) {
        let number = self.leaves;
        self.leaves += 1;
        (Block { mark: Mark::Leaf(number), draws }, Node::Leaf(number))
    }

    /// The width of a text on one line.
    pub fn width(&mut self, look: Type, text: &str) -> f32 {
        self.shaper.width(look.cut, look.size, text)
    }
}

/// A hairline.
pub fn hair(x: f32, y: f32, width: f32, color: Rgb) -> Draw {
    Draw::Rect { x, y, width, height: 0.6, radius: 0.0, color }
}
