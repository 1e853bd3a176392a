//! Takes out of a text what no page can show and PDF/A forbids to write.

use std::borrow::Cow;

/// The text without controls: line ends and tabs become spaces; marks that turn the direction of what follows are
/// dropped (they could make a name read as another, and the record keeps them); private and non-characters become
/// U+FFFD. What stays is text that PDF/A-3a accepts (ISO 19005-3, 6.2.11.7).
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| fate(c) == Fate::Stays) {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter_map(|c| match fate(c) {
        Fate::Stays => Some(c),
        Fate::Space => Some(' '),
        Fate::Replaced => Some(char::REPLACEMENT_CHARACTER),
        Fate::Dropped => None,
    });
    Cow::Owned(kept.collect())
}

#[derive(PartialEq)]
enum Fate {
    Stays,
    Space,
    Replaced,
    Dropped,
}

fn fate(c: char) -> Fate {
    match c {
        ' '..='~' => Fate::Stays,
        '\t' | '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Fate::Space,
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' | '\u{FDD0}'..='\u{FDEF}' => Fate::Replaced,
        c if c as u32 & 0xFFFE == 0xFFFE => Fate::Replaced,
        c if c.is_control() || is_formatting(c) => Fate::Dropped,
        _ => Fate::Stays,
    }
}

/// Marks of direction, the mark of byte order, and those of annotations.
fn is_formatting(c: char) -> bool {
    let direction =
        matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}');
    direction || matches!(c, '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_pages_can_show_is_left_alone() {
        let text = "Œuvre d’été\u{202F}: 1\u{A0}200,00\u{A0}€ – 株式会社 – شركة – 👩‍🚒";
        assert!(matches!(clean(text), std::borrow::Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn controls_and_private_characters_go() {
        assert_eq!(clean("a\tb\r\nc\0d"), "a b  cd");
        assert_eq!(clean("Dupont \u{202E}LIVED"), "Dupont LIVED");
        assert_eq!(clean("\u{FEFF}x\u{E001}\u{FFFF}"), "x\u{FFFD}\u{FFFD}");
    }
}
