//! The first page of a stored PDF as a picture, for the dashboard: by hayro, in pure Rust.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

/// Of the picture, in pixels.
const WIDTH: f32 = 1000.0;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The bytes are not a PDF that can be read.
    #[error("the file is not a readable PDF")]
    Unreadable,
    /// It has no page.
    #[error("the file has no page")]
    Empty,
    /// The picture could not be written.
    #[error("the picture could not be written: {0}")]
    Unwritten(String),
}

/// The first page of a PDF as a PNG of 1000 pixels width. Takes some ten milliseconds: not for the thread of a server.
pub fn preview(pdf: Vec<u8>) -> Result<Vec<u8>, PreviewError> {
    let pdf = Pdf::new(pdf).map_err(|_| PreviewError::Unreadable)?;
    let page = pdf.pages().first().ok_or(PreviewError::Empty)?;
    let scale = WIDTH / page.render_dimensions().0.max(1.0);
    let output = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let cache = RenderCache::new();
    let pixels = hayro::render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &output);
    pixels.into_png().map_err(|error| PreviewError::Unwritten(format!("{error:?}")))
}

#[cfg(test)]
mod tests {
    use super::super::fonts::Fonts;
    use super::super::legal::legal;
    use super::super::samples;
    use super::*;

    #[test]
    fn a_page_becomes_a_picture() {
        let pdf = legal(&samples::invoice(3), Fonts::shared(), None).expect("it conforms");
        let png = preview(pdf).expect("a picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
        assert_eq!(reader.info().width, 1000);
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("pixels");
        let dark = pixels.iter().filter(|channel| **channel < 0x40).count();
        assert!(dark > 10_000, "the head of the table and the letters are there: {dark}");
    }

    #[test]
    fn what_is_no_pdf_is_refused() {
        assert!(matches!(preview(b"no".to_vec()), Err(PreviewError::Unreadable)));
    }
}
