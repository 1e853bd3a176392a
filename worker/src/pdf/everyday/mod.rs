//! The painter of everyday documents (quotations, order summaries): printpdf, light and without tags. What printpdf does
//! not do is done here: faces are cut to the glyphs in use, and every glyph is chosen by the layout, so none is lost.

mod faces;
mod text;

use printpdf::{
    Color, LinePoint, Mm, Op, PaintMode, PdfDocument, PdfPage, PdfSaveOptions, Point, Polygon, PolygonRing, Pt,
    RawImage, RawImageData, RawImageFormat, WindingOrder, XObjectId, XObjectTransform,
};

use self::faces::Faces;
use super::fonts::Fonts;
use super::layout::display::{Draw, HEIGHT, Laid, Mark, WIDTH};
use super::layout::layout;
use super::sheet::{Rgb, Sheet};

/// Paints a document as a plain PDF. Not for what the law wants kept: two runs differ in the identifier of the file.
pub fn everyday(sheet: &Sheet, fonts: &Fonts) -> Vec<u8> {
    let laid = layout(sheet, fonts);
    let mut document = PdfDocument::new(&sheet.meta.title);
    information(&mut document, sheet);
    let faces = Faces::cut(&mut document, &laid, fonts);
    let logo = sheet.logo.as_ref().map(|logo| {
        let (width, height) = logo.size();
        let image = RawImage {
            pixels: RawImageData::U8(on_paper(&logo.picture.rgba)),
            width: width as usize,
            height: height as usize,
            data_format: RawImageFormat::RGB8,
            tag: Vec::new(),
        };
        (document.add_image(&image), width)
    });
    let pages = pages(&laid, &faces, logo.as_ref());
    document.with_pages(pages);
    document.save(&PdfSaveOptions { subset_fonts: false, ..PdfSaveOptions::default() }, &mut Vec::new())
}

/// Pixels laid on white paper: without its image codecs printpdf writes no transparency.
fn on_paper(rgba: &[u8]) -> Vec<u8> {
    let lay = |pixel: &[u8]| {
        let [red, green, blue, alpha] = [pixel[0], pixel[1], pixel[2], pixel[3]].map(u32::from);
        [red, green, blue].map(|channel| ((channel * alpha + 255 * (255 - alpha)) / 255) as u8)
    };
    rgba.chunks_exact(4).flat_map(lay).collect()
}

fn information(document: &mut PdfDocument, sheet: &Sheet) {
    let info = &mut document.metadata.info;
    info.author.clone_from(&sheet.meta.author);
    "Facteur".clone_into(&mut info.creator);
    info.identifier.clone_from(&sheet.number);
    // Beyond the years that printpdf's clock can tell the file goes without a date.
    if let Ok(date) = printpdf::OffsetDateTime::from_unix_timestamp(sheet.meta.created.timestamp()) {
        info.creation_date = date;
        info.modification_date = date;
        info.metadata_date = date;
    }
}

fn pages(laid: &Laid, faces: &Faces, logo: Option<&(XObjectId, u32)>) -> Vec<PdfPage> {
    let paint = |page: &super::layout::display::Page| {
        let mut ops = Vec::new();
        for block in &page.blocks {
            let artifact = !matches!(block.mark, Mark::Leaf(_));
            if artifact {
                ops.push(Op::BeginMarkedContent { tag: "Artifact".to_owned() });
            }
            block.draws.iter().for_each(|draw| draw_into(&mut ops, draw, faces, logo));
            if artifact {
                ops.push(Op::EndMarkedContent);
            }
        }
        PdfPage::new(Mm::from(Pt(WIDTH)), Mm::from(Pt(HEIGHT)), ops)
    };
    laid.pages.iter().map(paint).collect()
}

fn draw_into(ops: &mut Vec<Op>, draw: &Draw, faces: &Faces, logo: Option<&(XObjectId, u32)>) {
    match draw {
        Draw::Text { x, y, size, color, line } => {
            ops.push(Op::SetFillColor { col: color_of(*color) });
            let mut x = *x;
            for run in &line.runs {
                text::show(ops, faces, run, *size, x, HEIGHT - y);
                x += run.width() * size;
            }
        }
        Draw::Rect { x, y, width, height, radius, color } => {
            ops.push(Op::SetFillColor { col: color_of(*color) });
            let polygon = rounded(*x, HEIGHT - y - height, *width, *height, *radius);
            ops.push(Op::DrawPolygon { polygon });
        }
        Draw::Logo { x, y, width, height } => {
            if let Some((id, pixels)) = logo {
                let transform = XObjectTransform {
                    translate_x: Some(Pt(*x)),
                    translate_y: Some(Pt(HEIGHT - y - height)),
                    dpi: Some(*pixels as f32 * 72.0 / width),
                    ..XObjectTransform::default()
                };
                ops.push(Op::UseXobject { id: id.clone(), transform });
            }
        }
    }
}

fn color_of(color: Rgb) -> Color {
    let part = |channel: u8| f32::from(channel) / 255.0;
    Color::Rgb(printpdf::Rgb { r: part(color.0), g: part(color.1), b: part(color.2), icc_profile: None })
}

/// A rectangle with round corners; y points up here.
fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Polygon {
    let at = |x: f32, y: f32, bezier: bool| LinePoint { p: Point { x: Pt(x), y: Pt(y) }, bezier };
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let (right, top) = (x + width, y + height);
    let points = if radius <= 0.0 {
        vec![at(x, y, false), at(right, y, false), at(right, top, false), at(x, top, false)]
    } else {
        let pull = radius * 0.447_715;
        vec![
            at(x + radius, y, false),
            at(right - radius, y, false),
            at(right - pull, y, true),
            at(right, y + pull, true),
            at(right, y + radius, false),
            at(right, top - radius, false),
            at(right, top - pull, true),
            at(right - pull, top, true),
            at(right - radius, top, false),
            at(x + radius, top, false),
            at(x + pull, top, true),
            at(x, top - pull, true),
            at(x, top - radius, false),
            at(x, y + radius, false),
            at(x, y + pull, true),
            at(x + pull, y, true),
            at(x + radius, y, false),
        ]
    };
    Polygon { rings: vec![PolygonRing { points }], mode: PaintMode::Fill, winding_order: WindingOrder::NonZero }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn any_name_can_be_painted() {
        for name in ["شركة النور", "株式会社東京", "👩\u{200D}🚒", "\u{13000}\u{13001}", "क्षेत्र", ""]
        {
            let mut sheet = samples::invoice(2);
            sheet.buyer.name = name.to_owned();
            let bytes = everyday(&sheet, Fonts::shared());
            assert!(bytes.starts_with(b"%PDF-") && bytes.len() < 80_000, "{name}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn a_placeholder_keeps_its_text() {
        let mut sheet = samples::invoice(1);
        sheet.buyer.name = "\u{13000}\u{13001}".to_owned();
        let document = laid_ops(&sheet);
        let spans = document.iter().filter(|op| matches!(op, Op::BeginMarkedContentWithProperties { .. })).count();
        assert_eq!(spans, 1, "the first is in the table of the face, the second says itself");
    }

    fn laid_ops(sheet: &Sheet) -> Vec<Op> {
        let laid = layout(sheet, Fonts::shared());
        let faces = Faces::cut(&mut PdfDocument::new("x"), &laid, Fonts::shared());
        pages(&laid, &faces, None).into_iter().flat_map(|page| page.ops).collect()
    }
}
