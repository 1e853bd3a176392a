//! Cuts a line into runs that one face can write in one direction, in the order in which they stand on the page.

use std::ops::Range;

use unicode_bidi::{BidiClass, BidiInfo, bidi_class};

use super::super::fonts::{FaceId, Fonts, Weight};

/// A part of a line for the shaper.
#[derive(Debug, PartialEq)]
pub struct Item {
    /// Bytes of the line.
    pub range: Range<usize>,
    /// Who writes it.
    pub face: FaceId,
    /// From right to left.
    pub backwards: bool,
}

/// The runs of a line from left to right.
pub fn itemise(fonts: &Fonts, weight: Weight, line: &str) -> Vec<Item> {
    if line.chars().all(|c| (c as u32) < 0x590) {
        return faces(fonts, weight, line, 0..line.len(), false);
    }
    let bidi = BidiInfo::new(line, None);
    let mut items = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let backwards = levels[run.start].is_rtl();
            let mut parts = faces(fonts, weight, line, run, backwards);
            if backwards {
                parts.reverse();
            }
            items.extend(parts);
        }
    }
    items
}

/// Whether a line is read from right to left.
pub fn is_backwards(line: &str) -> bool {
    let first = line.chars().map(bidi_class).find(|class| matches!(class, BidiClass::L | BidiClass::R | BidiClass::AL));
    matches!(first, Some(BidiClass::R | BidiClass::AL))
}

/// A run of one direction, cut where the face changes, in reading order.
fn faces(fonts: &Fonts, weight: Weight, line: &str, run: Range<usize>, backwards: bool) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut characters = line[run.clone()].char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let start = run.start + at;
        let next = characters.peek();
        let end = next.map_or(run.end, |(next, _)| run.start + next);
        let as_picture = next.is_some_and(|(_, next)| *next == '\u{FE0F}');
        let current = items.last().map(|item| item.face);
        let face = match current {
            Some(face) if stays(fonts, face, character) => face,
            // What nobody can write is Inter's, which has the placeholder.
            _ => fonts.writer(weight, character, as_picture).unwrap_or(Fonts::inter(weight)),
        };
        match items.last_mut() {
            Some(item) if item.face == face => item.range.end = end,
            _ => items.push(Item { range: start..end, face, backwards }),
        }
    }
    items
}

/// Whether a character goes with the one before it: spaces if they can, marks and joiners whenever they can.
fn stays(fonts: &Fonts, face: FaceId, character: char) -> bool {
    let joins = matches!(character, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    let mark = joins || bidi_class(character) == BidiClass::NSM;
    joins || (mark || character.is_whitespace()) && fonts.face(face).glyph(character).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Vec<(&str, u8, bool)> {
        let items = itemise(Fonts::shared(), Weight::Regular, line);
        items.into_iter().map(|item| (&line[item.range], item.face.0, item.backwards)).collect()
    }

    #[test]
    fn latin_greek_and_cyrillic_are_one_run() {
        assert_eq!(parts("Café Ωμέγα Привет"), [("Café Ωμέγα Привет", 0, false)]);
    }

    #[test]
    fn arabic_runs_backwards_and_keeps_its_spaces() {
        assert_eq!(parts("شركة النور"), [("شركة النور", 3, true)]);
        let mixed = parts("SARL النور Lyon");
        assert_eq!(mixed.iter().map(|part| part.2).collect::<Vec<_>>(), [false, true, false], "{mixed:?}");
    }

    #[test]
    fn pictures_keep_together() {
        assert_eq!(parts("👩\u{200D}🚒 x").iter().map(|part| part.1).collect::<Vec<_>>(), [10, 0]);
        assert_eq!(parts("❤\u{FE0F}"), [("❤\u{FE0F}", 10, false)]);
        assert_eq!(parts("株式会社")[0].1, 9);
    }

    #[test]
    fn the_direction_is_that_of_the_first_letter() {
        assert!(is_backwards("12 النور"));
        assert!(!is_backwards("SARL النور"));
        assert!(!is_backwards("12"));
    }
}
