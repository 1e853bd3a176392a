//! Logos, read once: a picture that cannot be read is refused when it is set, not when an invoice is painted.

use std::sync::Arc;

use png::{ColorType, Decoder, Transformations};

/// Of a logo, in pixels; larger ones are refused. They would make every invoice heavy.
const LARGEST: u32 = 2400;

/// The seller's picture, and what it shows. Cheap to clone.
#[derive(Clone)]
pub struct Logo {
    pub(super) picture: Arc<Picture>,
    /// For those who do not see it. Never empty.
    pub(super) alt: String,
}

/// Pixels, red, green, blue and alpha, row by row.
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
    /// What krilla makes of it, compressed at the first use.
    pub krilla: krilla::image::Image,
}

/// Why a logo was refused.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// It is not a PNG, or a damaged one.
    #[error("the logo is not a readable PNG: {0}")]
    Unreadable(#[from] png::DecodingError),
    /// It has too many pixels.
    #[error("the logo is {0} × {1} pixels; at most {LARGEST} × {LARGEST} are taken")]
    TooLarge(u32, u32),
    /// Nothing says what it shows.
    #[error("the logo needs a text that says what it shows")]
    Unnamed,
}

impl Logo {
    /// Reads a PNG of any depth, at most 2400 × 2400 pixels, and `alt`, which says what it shows.
    pub fn read(bytes: &[u8], alt: &str) -> Result<Self, LogoError> {
        if alt.trim().is_empty() {
            return Err(LogoError::Unnamed);
        }
        let mut decoder = Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
        let mut reader = decoder.read_info()?;
        let (width, height) = (reader.info().width, reader.info().height);
        if width > LARGEST || height > LARGEST {
            return Err(LogoError::TooLarge(width, height));
        }
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let frame = reader.next_frame(&mut pixels)?;
        pixels.truncate(frame.buffer_size());
        let rgba = match frame.color_type {
            ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey, *grey, *grey, 255]).collect(),
            ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
            ColorType::Rgb => pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
            ColorType::Rgba | ColorType::Indexed => pixels,
        };
        let krilla = krilla::image::Image::from_rgba8(rgba.clone(), width, height);
        Ok(Self { picture: Arc::new(Picture { width, height, rgba, krilla }), alt: alt.trim().to_owned() })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width, self.picture.height)
    }
}

impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logo({}, {} × {})", self.alt, self.picture.width, self.picture.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, color: ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().expect("a header");
        let size = width as usize * height as usize * color.samples();
        writer.write_image_data(&vec![0x80; size]).expect("pixels");
        drop(writer);
        bytes
    }

    #[test]
    fn every_kind_of_png_becomes_pixels() {
        for color in [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba] {
            let logo = Logo::read(&png(4, 2, color), "Atelier").expect("a logo");
            assert_eq!((logo.size(), logo.picture.rgba.len()), ((4, 2), 32), "{color:?}");
            assert_eq!(logo.picture.rgba[0], 0x80);
        }
    }

    #[test]
    fn what_cannot_be_painted_is_refused_at_once() {
        let whole = png(4, 2, ColorType::Rgb);
        assert!(matches!(Logo::read(&whole[..40], "Atelier"), Err(LogoError::Unreadable(_))));
        assert!(matches!(Logo::read(&whole, " "), Err(LogoError::Unnamed)));
        assert!(matches!(Logo::read(&png(2401, 1, ColorType::Grayscale), "x"), Err(LogoError::TooLarge(2401, 1))));
    }
}
