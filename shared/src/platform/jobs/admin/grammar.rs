//! The one grammar of filters over jobs, for page, REST and command line: `state:failed kind:email.* args.order.id:42
//! attempt>2 age<2h -queue:mail "550 no such user"`.
//!
//! Terms are joined by *and*. A term is a field, `:` or a comparison, and one value or several between commas (any of
//! them). `-` in front turns it round, quotes keep spaces and stars, `*` stands for anything. A word without a field is
//! looked for in what a job is known by and in its last error.

mod field;
mod parse;
mod sql;
mod suggest;

pub use field::Field;
pub use parse::parse;
pub(in crate::platform::jobs) use sql::Question;
pub use suggest::{Suggestion, suggestions};

use std::fmt;

use uuid::Uuid;

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// It must not hold.
    pub negated: bool,
    /// Of what.
    pub field: Field,
    /// What is asked of it.
    pub is: Is,
}

/// What a term asks of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// One of these texts.
    Words(Vec<Word>),
    /// One of these rows.
    Ids(Vec<Uuid>),
    /// So much.
    Number(Sign, i64),
    /// So long, in seconds.
    Span(Sign, i64),
}

/// A text, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// Between quotes: a star is a star.
    pub quoted: bool,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `:` or `=`
    Same,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Term {
    /// A condition that must hold.
    pub const fn new(field: Field, is: Is) -> Self {
        Self { negated: false, field, is }
    }

    /// One text, taken as it is.
    pub fn word(field: Field, text: &str) -> Self {
        Self::new(field, Is::Words(vec![Word { text: text.to_owned(), quoted: true }]))
    }
}

impl Word {
    /// Whether a star in it stands for anything.
    pub fn is_open(&self) -> bool {
        !self.quoted && self.text.contains('*')
    }
}

impl Sign {
    /// As it is written, here and in SQL.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Same => "=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |values: Vec<String>| values.join(",");
        let sign = |sign: Sign| if sign == Sign::Same { ":" } else { sign.text() };
        f.write_str(if self.negated { "-" } else { "" })?;
        match (&self.field, &self.is) {
            (Field::Text, Is::Words(words)) => f.write_str(&joined(words.iter().map(Word::to_string).collect())),
            (field, Is::Words(words)) => {
                write!(f, "{field}:{}", joined(words.iter().map(Word::to_string).collect()))
            }
            (field, Is::Ids(ids)) => write!(f, "{field}:{}", joined(ids.iter().map(Uuid::to_string).collect())),
            (field, Is::Number(op, n)) => write!(f, "{field}{}{n}", sign(*op)),
            (field, Is::Span(op, seconds)) => write!(f, "{field}{}{}", sign(*op), span(*seconds)),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| !c.is_whitespace() && !matches!(c, ',' | '"' | '\\' | ':' | '<' | '>' | '=');
        let bare = !self.text.is_empty() && self.text.chars().all(plain) && !self.text.starts_with(['-', '!']);
        if bare && (!self.quoted || !self.text.contains('*')) {
            return f.write_str(&self.text);
        }
        write!(f, "\"{}\"", self.text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Terms as text: what a URL, a text box and a saved view hold.
pub fn text(terms: &[Term]) -> String {
    terms.iter().map(Term::to_string).collect::<Vec<_>>().join(" ")
}

/// `7200` → `2h`.
fn span(seconds: i64) -> String {
    let units = [(604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m")];
    let fits = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    fits.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}
