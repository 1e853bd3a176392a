//! Breaks a text into lines of a width (UAX 14), inside a word only when the word alone is too wide.

use std::rc::Rc;

use unicode_linebreak::linebreaks;

use super::{Cut, Line, Shaper, clean};

impl Shaper<'_> {
    /// A text in lines no wider than `width` points at a size. Lines but the last end in the space that was broken
    /// at, so that readers aloud and searches find whole words. A glyph wider than `width` stands on a line alone.
    pub fn wrap(&mut self, cut: Cut, size: f32, width: f32, text: &str) -> Vec<Rc<Line>> {
        let whole = self.line(cut, text);
        if whole.width * size <= width {
            return vec![whole];
        }
        let text = clean(text).into_owned();
        let mut lines = Vec::new();
        let mut from = 0;
        while from < text.len() {
            let end = self.break_at(cut, size, width, &text[from..]) + from;
            lines.push(self.line(cut, &text[from..end]));
            from = end;
        }
        lines
    }

    /// Where the first line of a text ends.
    fn break_at(&mut self, cut: Cut, size: f32, width: f32, text: &str) -> usize {
        let mut end = 0;
        let mut used = 0.0;
        for (at, _) in linebreaks(text) {
            let segment = &text[end..at];
            let spaced = self.spaced_width(cut, segment) * size;
            if used + self.width(cut, size, segment) > width {
                break;
            }
            (end, used) = (at, used + spaced);
        }
        if end == 0 { self.break_word(cut, size, width, text) } else { end }
    }

    /// The width of a text with the spaces at its end, in em.
    fn spaced_width(&mut self, cut: Cut, text: &str) -> f32 {
        let letters = text.trim_end();
        let spaces = text[letters.len()..].chars().count() as f32;
        let space: f32 = self.line(cut, " ").runs.iter().map(super::Run::width).sum();
        self.line(cut, letters).width + spaces * space
    }

    /// Where a word that is too wide is broken: after as many clusters as fit, one at least.
    fn break_word(&mut self, cut: Cut, size: f32, width: f32, text: &str) -> usize {
        // Some hundred characters suffice for any line; a text of a megabyte must not be shaped again for each of them.
        let window = text.char_indices().nth(400).map_or(text.len(), |(at, _)| at);
        let line = self.line(cut, &text[..window]);
        let glyphs =
            line.runs.iter().flat_map(|run| run.glyphs.iter().map(|glyph| (run.start + glyph.text.end, glyph.advance)));
        let mut clusters: Vec<(usize, f32)> = glyphs.collect();
        clusters.sort_by_key(|(end, _)| *end);
        let mut used = 0.0;
        let mut end = 0;
        for (index, (at, advance)) in clusters.iter().enumerate() {
            used += advance * size;
            if used > width && end > 0 {
                break;
            }
            let whole = clusters.get(index + 1).is_none_or(|next| next.0 != *at);
            if whole && text.is_char_boundary(*at) {
                end = *at;
            }
        }
        if end == 0 { window } else { end }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fonts::{Fonts, Weight};
    use super::*;

    const PLAIN: Cut = Cut { weight: Weight::Regular, tabular: false, tracking: 0 };

    fn said(line: &Line) -> String {
        line.runs.iter().map(|run| run.text.as_str()).collect()
    }

    fn wrapped(width: f32, text: &str) -> Vec<String> {
        let mut shaper = Shaper::new(Fonts::shared());
        let lines = shaper.wrap(PLAIN, 9.0, width, text);
        for line in &lines {
            assert!(line.width * 9.0 <= width + 0.01, "{} is too wide", said(line));
        }
        lines.iter().map(|line| said(line)).collect()
    }

    #[test]
    fn nothing_is_lost_between_lines() {
        let long = "Société coopérative de production et de distribution des artisans réunis du bassin \
                    Rhône-Alpes et des vallées limitrophes";
        for text in
            [long, "株式会社東京国際総合研究開発センター日本支社", "شركة النور للتجارة والخدمات العامة المحدودة"]
        {
            let lines = wrapped(90.0, text);
            assert!(lines.len() > 1, "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }

    #[test]
    fn a_word_that_is_too_wide_is_broken() {
        let lines = wrapped(50.0, &"x".repeat(130));
        assert!(lines.len() > 5 && lines.concat().len() == 130, "{lines:?}");
    }

    #[test]
    fn amounts_are_not_broken_at_their_thin_spaces() {
        assert_eq!(wrapped(60.0, "Acompte 1\u{202F}200,00\u{A0}€"), ["Acompte ", "1\u{202F}200,00\u{A0}€"]);
    }
}
