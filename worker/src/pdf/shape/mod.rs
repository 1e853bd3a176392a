//! From text to glyphs: one line at a time, every text once per document.

mod clean;
mod itemise;
mod wrap;

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use harfrust::{
    BufferFlags, Direction, Feature, GlyphBuffer, ShapeOptions, ShapePlan, ShapePlanKey, Tag, UnicodeBuffer,
};

pub(super) use self::clean::clean;
use self::itemise::Item;
use super::fonts::{FaceId, Fonts, Weight};

/// What glyphs a text gets. Its size is not a part of it: all measures are in em.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Of Inter.
    pub weight: Weight,
    /// Whether figures are all of one width, to stand in columns.
    pub tabular: bool,
    /// Added after every glyph, in thousandths of an em.
    pub tracking: i16,
}

/// A glyph where it stands in its run. Measures in em.
#[derive(Clone, Debug)]
pub struct Glyph {
    /// In its face, never 0.
    pub id: u32,
    /// To the next glyph.
    pub advance: f32,
    /// From the pen, to the right.
    pub dx: f32,
    /// From the base line, upwards.
    pub dy: f32,
    /// The bytes of the run's text that it stands for, with its neighbours of the same range.
    pub text: Range<usize>,
}

/// Glyphs of one face, from left to right.
#[derive(Clone, Debug)]
pub struct Run {
    /// Whose glyphs they are.
    pub face: FaceId,
    /// Never empty.
    pub glyphs: Vec<Glyph>,
    /// What they say, in reading order.
    pub text: String,
    /// Where that begins in the line, in bytes.
    pub start: usize,
}

impl Run {
    /// The advance of all glyphs, in em.
    pub fn width(&self) -> f32 {
        self.glyphs.iter().map(|glyph| glyph.advance).sum()
    }
}

/// A line of text, shaped.
#[derive(Clone, Debug)]
pub struct Line {
    /// From left to right.
    pub runs: Vec<Run>,
    /// In em, without the spaces at its end.
    pub width: f32,
}

type Key = (Weight, bool, i16);

/// Shapes the texts of one document and remembers them.
pub struct Shaper<'f> {
    fonts: &'f Fonts,
    shapers: Vec<Option<harfrust::Shaper<'f>>>,
    plans: Vec<(FaceId, bool, ShapePlan)>,
    lines: HashMap<Key, HashMap<String, Rc<Line>>>,
    buffer: Option<UnicodeBuffer>,
}

impl<'f> Shaper<'f> {
    /// With nothing remembered.
    pub fn new(fonts: &'f Fonts) -> Self {
        let shapers = (0..fonts.count()).map(|_| None).collect();
        Self { fonts, shapers, plans: Vec::new(), lines: HashMap::new(), buffer: None }
    }

    /// A text on one line, however long.
    pub fn line(&mut self, cut: Cut, text: &str) -> Rc<Line> {
        let key = (cut.weight, cut.tabular, cut.tracking);
        if let Some(line) = self.lines.get(&key).and_then(|lines| lines.get(text)) {
            return Rc::clone(line);
        }
        let line = Rc::new(self.shape(cut, &clean(text)));
        self.lines.entry(key).or_default().insert(text.to_owned(), Rc::clone(&line));
        line
    }

    /// The width of a text on one line, in points.
    pub fn width(&mut self, cut: Cut, size: f32, text: &str) -> f32 {
        self.line(cut, text).width * size
    }

    fn shape(&mut self, cut: Cut, text: &str) -> Line {
        let text = if itemise::is_backwards(text) { text.trim_end() } else { text };
        let items = itemise::itemise(self.fonts, cut.weight, text);
        let runs: Vec<Run> =
            items.iter().map(|item| self.run(cut, text, item)).filter(|run| !run.glyphs.is_empty()).collect();
        let spaces = runs.last().map_or(0.0, |run| {
            let blank = |glyph: &&Glyph| run.text[glyph.text.clone()].trim().is_empty();
            run.glyphs.iter().rev().take_while(blank).map(|glyph| glyph.advance).sum()
        });
        Line { width: runs.iter().map(Run::width).sum::<f32>() - spaces, runs }
    }

    fn run(&mut self, cut: Cut, text: &str, item: &Item) -> Run {
        let fonts = self.fonts;
        let face = fonts.face(item.face);
        let text = &text[item.range.clone()];
        let shaper =
            self.shapers[usize::from(item.face.0)].get_or_insert_with(|| face.shaping.shaper(&face.font).build());
        let mut buffer = self.buffer.take().unwrap_or_default();
        buffer.push_str(text);
        buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
        buffer.set_direction(if item.backwards { Direction::RightToLeft } else { Direction::LeftToRight });
        buffer.guess_segment_properties();
        let features = [Feature::new(Tag::new(b"tnum"), 1, ..)];
        let features = if cut.tabular { &features[..] } else { &[] };
        let plan = plan(&mut self.plans, shaper, item.face, cut.tabular, &buffer, features);
        let output = shaper.shape(buffer, ShapeOptions::new().plan(Some(plan)).features(features));
        let glyphs = glyphs(&output, text.len(), face.units, f32::from(cut.tracking) / 1000.0);
        self.buffer = Some(output.clear());
        let mut run = Run { face: item.face, glyphs, text: text.to_owned(), start: item.range.start };
        self.fill_gaps(cut.weight, &mut run);
        run
    }

    /// Puts the placeholder where the face had no glyph. Its text stays what it is.
    fn fill_gaps(&self, weight: Weight, run: &mut Run) {
        let placeholder = self.fonts.placeholder(weight);
        for glyph in run.glyphs.iter_mut().filter(|glyph| glyph.id == 0) {
            let face = self.fonts.face(run.face);
            // Only Inter is asked for what nobody can write; another face's gap, as of a stray mark, keeps its own box.
            glyph.id = if run.face == Fonts::inter(weight) { placeholder } else { face.any_glyph() };
        }
    }
}

/// The plan of how to shape, remembered: making one costs more than shaping a word by it.
fn plan<'p>(
    plans: &'p mut Vec<(FaceId, bool, ShapePlan)>,
    shaper: &harfrust::Shaper<'_>,
    face: FaceId,
    tabular: bool,
    buffer: &UnicodeBuffer,
    features: &[Feature],
) -> &'p ShapePlan {
    let (script, direction, language) = (Some(buffer.script()), buffer.direction(), buffer.language());
    let key = ShapePlanKey::new(script, direction).language(language.as_ref()).features(features);
    let known = plans.iter().position(|(of, figures, plan)| *of == face && *figures == tabular && key.matches(plan));
    let index = known.unwrap_or_else(|| {
        plans.push((face, tabular, ShapePlan::new(shaper, direction, script, language.as_ref(), features)));
        plans.len() - 1
    });
    &plans[index].2
}

fn glyphs(shaped: &GlyphBuffer, length: usize, units: f32, tracking: f32) -> Vec<Glyph> {
    let mut starts: Vec<u32> = shaped.glyph_infos().iter().map(|info| info.cluster).collect();
    starts.sort_unstable();
    starts.dedup();
    let end = |start: u32| {
        let next = starts.partition_point(|other| *other <= start);
        starts.get(next).map_or(length, |next| *next as usize)
    };
    let placed = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    placed
        .map(|(info, position)| Glyph {
            id: info.glyph_id,
            advance: position.x_advance as f32 / units + if position.x_advance == 0 { 0.0 } else { tracking },
            dx: position.x_offset as f32 / units,
            dy: position.y_offset as f32 / units,
            text: info.cluster as usize..end(info.cluster),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Cut = Cut { weight: Weight::Regular, tabular: false, tracking: 0 };

    fn line(text: &str) -> Rc<Line> {
        Shaper::new(Fonts::shared()).line(PLAIN, text)
    }

    #[test]
    fn figures_of_a_column_are_of_one_width() {
        let mut shaper = Shaper::new(Fonts::shared());
        let tabular = Cut { tabular: true, ..PLAIN };
        assert!((shaper.line(tabular, "1111").width - shaper.line(tabular, "8888").width).abs() < 1e-4);
        assert!(shaper.line(PLAIN, "1111").width < shaper.line(PLAIN, "8888").width);
    }

    #[test]
    fn every_glyph_says_what_it_stands_for() {
        for text in ["Café ffi", "شركة النور", "株式会社", "Ω Привет", "👩\u{200D}🚒", "क्षेत्र"]
        {
            let line = line(text);
            let mut said: Vec<(usize, usize)> = Vec::new();
            for run in &line.runs {
                said.extend(run.glyphs.iter().map(|glyph| (run.start + glyph.text.start, run.start + glyph.text.end)));
            }
            said.sort_unstable();
            said.dedup();
            let covered = said.windows(2).all(|pair| pair[0].1 == pair[1].0);
            assert!(
                covered && said[0].0 == 0 && said.last().map(|last| last.1) == Some(text.len()),
                "{text}: {said:?}"
            );
            assert!(line.runs.iter().flat_map(|run| &run.glyphs).all(|glyph| glyph.id != 0), "{text}");
        }
    }

    #[test]
    fn what_nobody_can_write_is_a_box_with_its_text() {
        let line = line("A𓀀B");
        assert_eq!(line.runs.len(), 1);
        let run = &line.runs[0];
        let square = Fonts::shared().placeholder(Weight::Regular);
        let boxed: Vec<&str> =
            run.glyphs.iter().filter(|glyph| glyph.id == square).map(|glyph| &run.text[glyph.text.clone()]).collect();
        assert_eq!(boxed, ["𓀀"]);
    }

    #[test]
    fn spaces_at_the_end_do_not_count() {
        assert!((line("Lyon ").width - line("Lyon").width).abs() < 1e-6);
        assert_eq!(line("Lyon ").runs[0].text, "Lyon ");
    }

    #[test]
    fn tracking_widens() {
        let wide = Shaper::new(Fonts::shared()).line(Cut { tracking: 100, ..PLAIN }, "FACTURÉ");
        assert!((wide.width - line("FACTURÉ").width - 0.7).abs() < 1e-3);
    }
}
