//! What changed between two texts, line by line.

use serde::Serialize;

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// `gone`, `new`, or neither.
    pub class: &'static str,
    /// `-`, `+` or a space: never by colour alone.
    pub sign: &'static str,
    /// The line.
    pub text: String,
}

/// Beyond so many lines of either text, all of the old one is gone and all of the new one is new.
const MOST: usize = 2000;

/// The lines of both, in order, with the fewest changes.
pub fn lines(before: &str, after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let line = |class, sign, text: &str| Line { class, sign, text: text.to_owned() };
    if old.len().max(new.len()) > MOST {
        let gone = old.iter().map(|text| line("gone", "-", text));
        return gone.chain(new.iter().map(|text| line("new", "+", text))).collect();
    }
    // The longest common subsequence of what is left from (i, j) on.
    let mut common = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            all.push(line("", " ", old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            all.push(line("gone", "-", old[i]));
            i += 1;
        } else {
            all.push(line("new", "+", new[j]));
            j += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_changed_is_marked() {
        let told: String = super::lines("{\n a\n b\n}", "{\n a\n c\n d\n}").iter().map(|line| line.sign).collect();
        assert_eq!(told, "  -++ ");
    }
}
