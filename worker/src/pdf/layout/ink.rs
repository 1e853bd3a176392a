//! Colours, sizes and distances: how the page looks, in one place.

use super::super::fonts::Weight;
use super::super::shape::Cut;
use super::super::sheet::Rgb;

/// Left and right of everything.
pub const SIDE: f32 = 48.0;
/// Above everything.
pub const TOP: f32 = 46.0;
/// Below everything.
pub const FOOT: f32 = 34.0;
/// Between the edges.
pub const SPAN: f32 = super::display::WIDTH - 2.0 * SIDE;

/// Nearly black.
pub const INK: Rgb = Rgb(0x16, 0x1B, 0x26);
/// Grey that still has a contrast of 5.6 on white (WCAG 2.1 asks for 4.5).
pub const GREY: Rgb = Rgb(0x5D, 0x67, 0x78);
/// Lines.
pub const HAIR: Rgb = Rgb(0xDF, 0xE3, 0xE9);
/// Paper.
pub const WHITE: Rgb = Rgb(0xFF, 0xFF, 0xFF);

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Its glyphs.
    pub cut: Cut,
    /// Points in an em.
    pub size: f32,
    /// From base line to base line, in points.
    pub leading: f32,
    /// Of its letters.
    pub color: Rgb,
}

impl Type {
    const fn new(weight: Weight, size: f32, leading: f32, color: Rgb) -> Self {
        Self { cut: Cut { weight, tabular: false, tracking: 0 }, size, leading, color }
    }

    /// In another colour.
    pub const fn in_color(self, color: Rgb) -> Self {
        Self { color, ..self }
    }

    /// With figures of one width.
    pub const fn tabular(self) -> Self {
        Self { cut: Cut { tabular: true, ..self.cut }, ..self }
    }

    /// With space added between glyphs, in thousandths of an em.
    pub const fn tracked(self, tracking: i16) -> Self {
        Self { cut: Cut { tracking, ..self.cut }, ..self }
    }

    /// Of another size and leading, in points.
    pub const fn sized(self, size: f32, leading: f32) -> Self {
        Self { size, leading, ..self }
    }

    /// Smaller or larger, with its leading.
    pub fn scaled(self, by: f32) -> Self {
        Self { size: self.size * by, leading: self.leading * by, ..self }
    }

    /// From the top of a line to its base line: the capitals of Inter are 0.727 em high, and stand in the middle.
    pub fn rise(self) -> f32 {
        f32::midpoint(self.leading, self.size * 0.727)
    }
}

/// The name of the document.
pub const TITLE: Type = Type::new(Weight::SemiBold, 25.0, 30.0, INK).tracked(-18);
/// Its number.
pub const NUMBER: Type = Type::new(Weight::Medium, 11.0, 15.0, INK);
/// The seller's name where there is no logo.
pub const WORDMARK: Type = Type::new(Weight::SemiBold, 16.0, 20.0, INK).tracked(-10);
/// Names in a card.
pub const NAME: Type = Type::new(Weight::SemiBold, 10.5, 14.5, INK);
/// Running text.
pub const TEXT: Type = Type::new(Weight::Regular, 9.0, 12.8, INK);
/// Names of what is sold.
pub const ITEM: Type = Type::new(Weight::Medium, 9.0, 12.8, INK);
/// Details, seller, labels.
pub const SMALL: Type = Type::new(Weight::Regular, 8.0, 11.4, GREY);
/// A heading over small things.
pub const LABEL: Type = Type::new(Weight::SemiBold, 7.2, 10.0, GREY).tracked(50);
/// Head of a table.
pub const HEAD: Type = Type::new(Weight::Medium, 7.8, 10.6, WHITE);
/// The small print.
pub const NOTE: Type = Type::new(Weight::Regular, 8.0, 11.0, GREY);
/// Foot of the page.
pub const FOOTER: Type = Type::new(Weight::Regular, 7.0, 9.4, GREY);

/// A colour thinned with white; `part` of 0 is white.
pub fn tint(color: Rgb, part: f32) -> Rgb {
    let mix = |channel: u8| (255.0 - (255.0 - f32::from(channel)) * part).round() as u8;
    Rgb(mix(color.0), mix(color.1), mix(color.2))
}

/// A colour darkened until it reads well on a pale tint of itself (contrast 4.5, WCAG 2.1, 1.4.3).
pub fn readable(color: Rgb) -> Rgb {
    let darker = |color: Rgb| {
        let less = |channel: u8| (f32::from(channel) * 0.94) as u8;
        Rgb(less(color.0), less(color.1), less(color.2))
    };
    let paper = tint(color, 0.12);
    let steps = std::iter::successors(Some(color), |color| Some(darker(*color)));
    steps.take(60).find(|color| contrast(*color, paper) >= 4.6).unwrap_or(INK)
}

/// The contrast of two colours, 1 to 21, by WCAG 2.1.
pub fn contrast(a: Rgb, b: Rgb) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(color: Rgb) -> f32 {
    let linear = |channel: u8| {
        let c = f32::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(color.0) + 0.7152 * linear(color.1) + 0.0722 * linear(color.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_accent_is_readable() {
        for accent in [Rgb(255, 255, 0), Rgb(255, 255, 255), Rgb(120, 200, 255), Rgb(0, 80, 200), Rgb(0, 0, 0)] {
            let dark = readable(accent);
            assert!(contrast(dark, WHITE) >= 4.5 && contrast(dark, tint(accent, 0.06)) >= 4.5, "{accent:?} {dark:?}");
        }
        assert!(contrast(GREY, WHITE) >= 4.5);
        assert_eq!(readable(Rgb(0, 80, 200)), Rgb(0, 80, 200));
    }
}
