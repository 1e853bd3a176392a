//! Reads a filter. What is wrong is told with the place where it stands, counted in characters from 0: `filter[12]`.

use std::iter::Peekable;
use std::str::Chars;

use super::field::{FIELDS, SEVERAL, Shape, named};
use super::{Field, Is, Sign, Term, Word};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::error::FieldError;
use crate::platform::jobs::admin::STATES;

/// The longest filter, in characters.
const LONGEST: usize = 2000;
/// The most terms.
const MOST: usize = 30;
/// So far back may a filter ask, in seconds: a century. More is a mistake, and too much for an interval.
const CENTURY: i64 = 3_155_760_000;

/// Reads a filter. 422 with the place of what does not fit.
pub fn parse(text: &str) -> Result<Vec<Term>> {
    if text.chars().count() > LONGEST {
        return Err(wrong(LONGEST, "length", format!("is longer than {LONGEST} characters")));
    }
    let mut reader = Reader { rest: text.chars().peekable(), at: 0 };
    let mut terms = Vec::new();
    while reader.skip_space() {
        if terms.len() == MOST {
            return Err(wrong(reader.at, "length", format!("has more than {MOST} terms")));
        }
        terms.push(reader.term()?);
    }
    Ok(terms)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    at: usize,
}

/// A value and its place.
struct Value {
    word: Word,
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.rest.next()
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.next();
        }
        there
    }

    /// Whether anything comes after the white space.
    fn skip_space(&mut self) -> bool {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
        self.peek().is_some()
    }

    fn term(&mut self) -> Result<Term> {
        let negated = self.takes('-') || self.takes('!');
        let start = self.at;
        if self.peek() == Some('"') {
            return Ok(Term { negated, ..Term::new(Field::Text, Is::Words(vec![self.value()?.word])) });
        }
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '=' | '<' | '>' | '"')) {
            name.push(c);
            self.next();
        }
        let Some(sign) = self.sign() else {
            if name.is_empty() {
                return Err(wrong(start, "required", "a word is missing here"));
            }
            let word = Word { text: name, quoted: false };
            return Ok(Term { negated, ..Term::new(Field::Text, Is::Words(vec![word])) });
        };
        let lower = name.split_once('.').map_or_else(|| name.to_lowercase(), |_| name.clone());
        let (field, shape) = named(&lower).ok_or_else(|| unknown(start, &name))?;
        let mut values = vec![self.value()?];
        while self.takes(',') {
            values.push(self.value()?);
        }
        Ok(Term { negated, ..Term::new(field.clone(), asked(&field, shape, sign, values)?) })
    }

    fn sign(&mut self) -> Option<Sign> {
        let first = self.peek().filter(|c| matches!(c, ':' | '=' | '<' | '>'))?;
        self.next();
        let or_same = matches!(first, '<' | '>') && self.takes('=');
        Some(match (first, or_same) {
            ('<', false) => Sign::Less,
            ('<', true) => Sign::AtMost,
            ('>', false) => Sign::More,
            ('>', true) => Sign::AtLeast,
            _ => Sign::Same,
        })
    }

    fn value(&mut self) -> Result<Value> {
        let (at, mut text) = (self.at, String::new());
        if self.takes('"') {
            loop {
                match self.next() {
                    Some('"') => return Ok(Value { word: Word { text, quoted: true }, at }),
                    Some('\\') => text.extend(self.next()),
                    Some(c) => text.push(c),
                    None => return Err(wrong(at, "quote", "this quote is not closed")),
                }
            }
        }
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && *c != ',') {
            text.push(c);
            self.next();
        }
        if text.is_empty() {
            return Err(wrong(at, "required", "a value is missing here"));
        }
        Ok(Value { word: Word { text, quoted: false }, at })
    }
}

fn asked(field: &Field, shape: Shape, sign: Sign, values: Vec<Value>) -> Result<Is> {
    let at = values.first().map_or(0, |value| value.at);
    if matches!(shape, Shape::Words | Shape::Ids) && sign != Sign::Same {
        return Err(wrong(at, "choice", format!("`{field}` cannot be compared: write `{field}:`")));
    }
    if matches!(shape, Shape::Number | Shape::Span) && values.len() > 1 {
        return Err(wrong(values[1].at, "choice", format!("`{field}` takes one value")));
    }
    let first = &values[0].word.text;
    match shape {
        Shape::Number => match first.parse::<i32>() {
            Ok(n) => Ok(Is::Number(sign, n.into())),
            Err(_) => Err(wrong(at, "type", format!("should be a whole number, for example `{field}>2`"))),
        },
        Shape::Span => match (seconds(first), sign) {
            (_, Sign::Same) => Err(wrong(at, "choice", format!("write `{field}<` or `{field}>`"))),
            (Some(seconds), sign) => Ok(Is::Span(sign, seconds)),
            (None, _) => Err(wrong(at, "type", format!("should be a time such as 90s, 30m, 2h, 7d: `{field}<2h`"))),
        },
        Shape::Ids => {
            let id = |value: &Value| value.word.text.parse().map_err(|_| wrong(value.at, "type", "should be an id"));
            Ok(Is::Ids(values.iter().map(id).collect::<Result<_>>()?))
        }
        Shape::Words => {
            if *field == Field::State {
                values.iter().try_for_each(is_state)?;
            }
            Ok(Is::Words(values.into_iter().map(|value| value.word).collect()))
        }
    }
}

fn is_state(value: &Value) -> Result<()> {
    let text = &*value.word.text;
    if STATES.contains(&text) || SEVERAL.iter().any(|(name, _)| *name == text) {
        return Ok(());
    }
    let several = SEVERAL.map(|(name, _)| name).join(", ");
    Err(wrong(value.at, "choice", format!("should be one of {}, {several}", STATES.join(", "))))
}

/// `90`, `90s`, `30m`, `2h`, `7d`, `1w`, up to a century.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" | "j" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    digits.parse::<u32>().ok().and_then(|n| i64::from(n).checked_mul(unit)).filter(|seconds| *seconds <= CENTURY)
}

fn unknown(at: usize, name: &str) -> Error {
    let known = FIELDS.map(|(name, ..)| name).join(", ");
    wrong(
        at,
        "unknown_field",
        format!("there is no field `{name}`: use {known}, args.…, or put the text between quotes"),
    )
}

fn wrong(at: usize, code: &'static str, message: impl Into<String>) -> Error {
    Error::Invalid(vec![FieldError::new(format!("filter[{at}]"), code, message)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::jobs::admin::grammar::text;

    #[test]
    fn what_is_read_is_written_the_same() {
        let long = "state:failed kind:email.send,email.* args.order.id:42 error:SMTP* -queue:email_bulk tenant:acme \
                    attempt>2 age<2h version:1.4.2 took>=90s \"550 no\\\"one\" lost";
        assert_eq!(text(&parse(long).expect("a filter")), long);
        assert_eq!(text(&parse("  lane:media !state=dead ").expect("a filter")), "queue:media -state:dead");
        assert!(parse("  ").expect("none").is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (filter, path, code) in [
            ("state:dead kid:x", "filter[11]", "unknown_field"),
            ("state:dead,ded", "filter[11]", "choice"),
            ("kind:", "filter[5]", "required"),
            ("attempt>many", "filter[8]", "type"),
            ("age:2h", "filter[4]", "choice"),
            ("age<2y", "filter[4]", "type"),
            ("é batch:12", "filter[8]", "type"),
            ("kind>a", "filter[5]", "choice"),
            ("about:\"open", "filter[6]", "quote"),
            ("-", "filter[1]", "required"),
            ("args.:1", "filter[0]", "unknown_field"),
        ] {
            let Err(Error::Invalid(errors)) = parse(filter) else { panic!("{filter} was read") };
            assert_eq!((errors[0].path.as_str(), &*errors[0].code), (path, code), "{filter}");
        }
    }
}
