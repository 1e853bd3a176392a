//! The faces: Inter for what it can write, Noto for the rest (`worker/fonts/README.md` tells their origin).
//! Read once per process and shared by all threads.

use std::sync::{LazyLock, OnceLock};

use harfrust::ShaperData;
use skrifa::charmap::Charmap;
use skrifa::metrics::Metrics;
use skrifa::prelude::{LocationRef, Size};
use skrifa::{FontRef, GlyphId, MetadataProvider};

/// The weights of Inter. What Inter cannot write has one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Running text.
    Regular,
    /// Names and values.
    Medium,
    /// Titles and sums.
    SemiBold,
}

/// Which of the faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaceId(pub(super) u8);

/// A face, parsed.
pub struct Face {
    pub(super) bytes: &'static [u8],
    pub(super) font: FontRef<'static>,
    pub(super) shaping: ShaperData,
    charmap: Charmap<'static>,
    /// Units of the face in an em.
    pub(super) units: f32,
    /// What krilla makes of it, when a legal document has asked.
    pub(super) krilla: OnceLock<krilla::text::Font>,
}

/// All faces, in the order in which a character looks for its glyph.
pub struct Fonts {
    faces: Vec<Face>,
    placeholder: [u32; 3],
}

macro_rules! faces {
    ($($file:literal),+ $(,)?) => {
        [$(include_bytes!(concat!("../../fonts/", $file)).as_slice()),+]
    };
}

/// The three weights of Inter come first, `Weight as usize`.
const FILES: [&[u8]; 11] = faces![
    "Inter-Regular.ttf",
    "Inter-Medium.ttf",
    "Inter-SemiBold.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansCJKsc-Regular.otf",
    "NotoEmoji-Regular.ttf",
];

const INTERS: usize = 3;
const EMOJI: FaceId = FaceId(10);

impl Fonts {
    /// The faces of this process, parsed at the first call.
    pub fn shared() -> &'static Self {
        static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::parse);
        &FONTS
    }

    fn parse() -> Self {
        let faces: Vec<Face> = FILES.iter().map(|bytes| Face::parse(bytes)).collect();
        let square = |face: &Face| face.glyph('\u{25A1}').expect("Inter has a white square");
        let placeholder = [square(&faces[0]), square(&faces[1]), square(&faces[2])];
        Self { faces, placeholder }
    }

    /// A face by its id.
    pub fn face(&self, id: FaceId) -> &Face {
        &self.faces[usize::from(id.0)]
    }

    /// How many faces there are.
    pub(super) fn count(&self) -> usize {
        self.faces.len()
    }

    /// Inter in a weight.
    pub(super) fn inter(weight: Weight) -> FaceId {
        FaceId(weight as u8)
    }

    /// The face that writes a character: Inter in the weight, then the others, those with pictures first when the
    /// character is followed by the sign that asks for a picture. None: nobody can.
    pub(super) fn writer(&self, weight: Weight, character: char, as_picture: bool) -> Option<FaceId> {
        let inter = Self::inter(weight);
        let others = (INTERS..self.faces.len()).map(|index| FaceId(index as u8));
        let first = if as_picture { [EMOJI, inter] } else { [inter, inter] };
        first.into_iter().chain(others).find(|id| self.face(*id).glyph(character).is_some())
    }

    /// The glyph that stands for what nobody can write, in a weight of Inter.
    pub(super) fn placeholder(&self, weight: Weight) -> u32 {
        self.placeholder[weight as usize]
    }
}

impl Face {
    fn parse(bytes: &'static [u8]) -> Self {
        let font = FontRef::new(bytes).expect("an embedded face can be read");
        let units = Metrics::new(&font, Size::unscaled(), LocationRef::default()).units_per_em;
        Self {
            bytes,
            shaping: ShaperData::new(&font),
            charmap: font.charmap(),
            units: f32::from(units),
            krilla: OnceLock::new(),
            font,
        }
    }

    /// A glyph that stands for what the face cannot write: a mark like a box, or its full stop.
    pub(super) fn any_glyph(&self) -> u32 {
        ['\u{25A1}', '\u{25CC}', '.', ' '].into_iter().find_map(|c| self.glyph(c)).unwrap_or(1)
    }

    /// The glyph of a character, before shaping.
    pub(super) fn glyph(&self, character: char) -> Option<u32> {
        self.charmap.map(character).map(GlyphId::to_u32).filter(|glyph| *glyph != 0)
    }
}
