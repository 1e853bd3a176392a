//! Documents on paper: `sheet` (a document in its final words) → `layout` (pages of things to draw and a structure
//! tree) → a painter. `legal` paints what the law asks for (PDF/A-3a, PDF/UA-1, Factur-X), `everyday` the rest.
//!
//! The only folder that knows krilla, printpdf and hayro. The layout knows none of them.

pub mod everyday;
pub mod fonts;
pub mod layout;
pub mod legal;
pub mod logo;
pub mod preview;
pub mod shape;
pub mod sheet;

#[cfg(test)]
mod samples;
