//! A run of glyphs as printpdf's operators.

use std::collections::BTreeMap;

use printpdf::{Codepoint, DictItem, Op, PdfFontHandle, Pt, TextItem, TextMatrix};

use super::super::shape::Run;
use super::faces::{Cut, Faces, said};

/// Shows a run whose pen starts at `x` on the base line `y`, both from the bottom left of the page.
pub fn show(ops: &mut Vec<Op>, faces: &Faces, run: &Run, size: f32, x: f32, y: f32) {
    let cut = faces.of(run.face);
    let placed = place(run, cut);
    let mut rest = placed.as_slice();
    while let Some(first) = rest.first() {
        // Glyphs at one height go together; one whose text is not what the face's table says goes alone.
        let alone = |glyph: &Placed| cut.texts.get(&glyph.code) != Some(&glyph.text);
        let joins = |glyph: &&Placed| (glyph.dy - first.dy).abs() < 1e-6 && !alone(glyph);
        let count = if alone(first) { 1 } else { rest.iter().take_while(joins).count() };
        let (part, after) = rest.split_at(count);
        let spanned = alone(first);
        if spanned {
            let actual = DictItem::String { data: utf16(&first.text), literal: false };
            let map = BTreeMap::from([("ActualText".to_owned(), actual)]);
            let properties = DictItem::Dict { map };
            ops.push(Op::BeginMarkedContentWithProperties { tag: "Span".to_owned(), properties });
        }
        ops.push(Op::StartTextSection);
        ops.push(Op::SetFont { font: PdfFontHandle::External(cut.id.clone()), size: Pt(size) });
        let matrix = TextMatrix::Translate(Pt(x + first.x * size), Pt(y + first.dy * size));
        ops.push(Op::SetTextMatrix { matrix });
        ops.push(Op::ShowText { items: vec![TextItem::GlyphIds(codepoints(part, cut))] });
        ops.push(Op::EndTextSection);
        if spanned {
            ops.push(Op::EndMarkedContentWithProperties);
        }
        rest = after;
    }
}

struct Placed {
    code: u16,
    /// From the start of the run, in em.
    x: f32,
    dy: f32,
    text: String,
}

fn place(run: &Run, cut: &Cut) -> Vec<Placed> {
    let mut pen = 0.0;
    let place = |(index, glyph): (usize, &super::super::shape::Glyph)| {
        let x = pen + glyph.dx;
        pen += glyph.advance;
        let code = cut.glyphs.get(glyph.id as u16).unwrap_or_default();
        Placed { code, x, dy: glyph.dy, text: said(run, index).to_owned() }
    };
    run.glyphs.iter().enumerate().map(place).collect()
}

/// Glyphs with what is to be taken back after each, in thousandths of an em, so that the next stands in its place.
fn codepoints(part: &[Placed], cut: &Cut) -> Vec<Codepoint> {
    let code = |(index, glyph): (usize, &Placed)| {
        let width = cut.widths.get(usize::from(glyph.code)).copied().unwrap_or_default();
        let next = part.get(index + 1).map_or(0.0, |next| glyph.x * 1000.0 + width - next.x * 1000.0);
        let offset = if next.abs() < 0.05 { 0.0 } else { next };
        Codepoint { gid: glyph.code, offset, cid: cut.texts.get(&glyph.code).cloned() }
    };
    part.iter().enumerate().map(code).collect()
}

/// A text string of PDF: UTF-16BE with its mark (ISO 32000-1, 7.9.2.2).
fn utf16(text: &str) -> Vec<u8> {
    [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
}
