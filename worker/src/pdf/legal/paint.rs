//! Display list → krilla.

use std::ops::Range;

use krilla::color::rgb;
use krilla::document::Document;
use krilla::geom::{Path, PathBuilder, Point, Rect, Size, Transform};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::{Location, Surface};
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, SpanTag};
use krilla::text::{Font, GlyphId};

use super::super::fonts::{FaceId, Fonts};
use super::super::layout::display::{Draw, HEIGHT, Laid, Mark, WIDTH};
use super::super::shape::Glyph;
use super::super::sheet::{Rgb, Sheet};

/// Paints all pages and returns the identifiers of the leaves, by number.
pub fn pages(document: &mut Document, laid: &Laid, sheet: &Sheet, fonts: &Fonts) -> Vec<Option<Identifier>> {
    let mut leaves: Vec<Option<Identifier>> = Vec::new();
    for page in &laid.pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).expect("A4 is a size");
        let mut sheet_of_paper = document.start_page_with(settings);
        let mut surface = sheet_of_paper.surface();
        for block in &page.blocks {
            let identifier = surface.start_tagged(tag(block.mark));
            block.draws.iter().for_each(|draw| paint(&mut surface, draw, sheet, fonts));
            surface.end_tagged();
            if let Mark::Leaf(number) = block.mark {
                if leaves.len() <= number {
                    leaves.resize(number + 1, None);
                }
                leaves[number] = Some(identifier);
            }
        }
        surface.finish();
        sheet_of_paper.finish();
    }
    leaves
}

fn tag(mark: Mark) -> ContentTag<'static> {
    let artifact = |kind| ContentTag::Artifact(Artifact::with_kind(kind));
    match mark {
        Mark::Leaf(_) => ContentTag::Span(SpanTag::empty()),
        Mark::Ornament => artifact(ArtifactType::Layout),
        Mark::Header => artifact(ArtifactType::Header),
        Mark::Footer => artifact(ArtifactType::Footer),
    }
}

fn paint(surface: &mut Surface<'_>, draw: &Draw, sheet: &Sheet, fonts: &Fonts) {
    match draw {
        Draw::Text { x, y, size, color, line } => {
            surface.set_fill(Some(fill(*color)));
            let mut x = *x;
            for run in &line.runs {
                surface.draw_glyphs(Point::from_xy(x, *y), &run.glyphs, font(fonts, run.face), &run.text, *size, false);
                x += run.width() * size;
            }
        }
        Draw::Rect { x, y, width, height, radius, color } => {
            if let Some(path) = rounded(*x, *y, *width, *height, *radius) {
                surface.set_fill(Some(fill(*color)));
                surface.draw_path(&path);
            }
        }
        Draw::Logo { x, y, width, height } => {
            let logo = sheet.logo.as_ref().map(|logo| logo.picture.krilla.clone());
            if let Some((image, size)) = logo.zip(Size::from_wh(*width, *height)) {
                surface.push_transform(&Transform::from_translate(*x, *y));
                surface.draw_image(image, size);
                surface.pop();
            }
        }
    }
}

fn fill(color: Rgb) -> Fill {
    let paint = rgb::Color::new(color.0, color.1, color.2).into();
    Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

fn font(fonts: &Fonts, id: FaceId) -> Font {
    let face = fonts.face(id);
    let parse = || Font::new(face.bytes.into(), 0).expect("an embedded face can be read");
    face.krilla.get_or_init(parse).clone()
}

/// A rectangle whose corners are quarters of circles, as cubic curves approach them.
fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    if radius <= 0.0 {
        path.push_rect(Rect::from_xywh(x, y, width, height)?);
        return path.finish();
    }
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (x + width, y + height);
    let pull = radius * 0.447_715;
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - pull, y, right, y + pull, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - pull, right - pull, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.cubic_to(x + pull, bottom, x, bottom - pull, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + pull, x + pull, y, x + radius, y);
    path.close();
    path.finish()
}

impl krilla::text::Glyph for Glyph {
    fn glyph_id(&self) -> GlyphId {
        GlyphId::new(self.id)
    }

    fn text_range(&self) -> Range<usize> {
        self.text.clone()
    }

    fn x_advance(&self, size: f32) -> f32 {
        self.advance * size
    }

    fn x_offset(&self, size: f32) -> f32 {
        self.dx * size
    }

    fn y_offset(&self, size: f32) -> f32 {
        self.dy * size
    }

    fn y_advance(&self, _size: f32) -> f32 {
        0.0
    }

    fn location(&self) -> Option<Location> {
        None
    }
}
