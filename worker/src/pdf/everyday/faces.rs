//! The faces of one document, cut to what it uses: without its HTML engine printpdf embeds a face as it is given.

use std::collections::BTreeMap;

use printpdf::{FontId, ParsedFont, PdfDocument};
use subsetter::GlyphRemapper;

use super::super::fonts::{FaceId, Fonts};
use super::super::layout::display::{Draw, Laid};
use super::super::shape::Run;

/// A face as it is embedded.
pub struct Cut {
    /// In the document.
    pub id: FontId,
    /// Glyphs of the whole face to glyphs of this one.
    pub glyphs: GlyphRemapper,
    /// Advances as printpdf writes them: whole thousandths of an em, by glyph of this face.
    pub widths: Vec<f32>,
    /// What the reader of the file takes a glyph for, by glyph of this face.
    pub texts: BTreeMap<u16, String>,
}

/// The faces in use.
pub struct Faces {
    cuts: BTreeMap<FaceId, Cut>,
}

impl Faces {
    /// Cuts every face to the glyphs on the pages, and gives it to the document.
    pub fn cut(document: &mut PdfDocument, laid: &Laid, fonts: &Fonts) -> Self {
        let mut used: BTreeMap<FaceId, (GlyphRemapper, BTreeMap<u16, String>)> = BTreeMap::new();
        for run in runs(laid) {
            let (glyphs, texts) = used.entry(run.face).or_default();
            for (index, glyph) in run.glyphs.iter().enumerate() {
                let code = glyphs.remap(glyph.id as u16);
                texts.entry(code).or_insert_with(|| said(run, index).to_owned());
            }
        }
        let embed = |(face, (glyphs, texts)): (FaceId, (GlyphRemapper, BTreeMap<u16, String>))| {
            let bytes = subsetter::subset(fonts.face(face).bytes, 0, &glyphs).expect("an embedded face can be cut");
            let mut font = ParsedFont::from_bytes(&bytes, 0, &mut Vec::new()).expect("a cut face can be read");
            font.font_name = Some(format!("Face{}", face.0));
            let width = |code: u16| {
                let width = f32::from(font.get_glyph_width(code).unwrap_or_default());
                (width * 1000.0 / f32::from(font.units_per_em)).trunc()
            };
            let widths = (0..glyphs.num_gids()).map(width).collect();
            (face, Cut { id: document.add_font(&font), glyphs, widths, texts })
        };
        Self { cuts: used.into_iter().map(embed).collect() }
    }

    /// The cut of a face. Every face of the pages has one.
    pub fn of(&self, face: FaceId) -> &Cut {
        &self.cuts[&face]
    }
}

/// What a glyph says: the first of a cluster all of it, the others nothing one sees.
pub fn said(run: &Run, index: usize) -> &str {
    let glyph = &run.glyphs[index];
    let first = index == 0 || run.glyphs[index - 1].text != glyph.text;
    if first { &run.text[glyph.text.clone()] } else { "\u{200B}" }
}

fn runs(laid: &Laid) -> impl Iterator<Item = &Run> {
    let draws = laid.pages.iter().flat_map(|page| &page.blocks).flat_map(|block| &block.draws);
    draws.flat_map(|draw| match draw {
        Draw::Text { line, .. } => line.runs.as_slice(),
        Draw::Rect { .. } | Draw::Logo { .. } => &[],
    })
}
