//! A list's filter as a URL, as chips and as the text of its form: three views of the same terms.

use serde::Serialize;
use shared::kernel::text;
use shared::platform::jobs::admin::{Field, Is, JobFilter, Suggestion, Term, Word, filter_text};
use shared::platform::jobs::{Lane, kinds};

use crate::dashboard::forms::Select;
use crate::dashboard::marks;
use crate::dashboard::words::{listed, say};

/// The list.
const LIST: &str = "/admin/jobs";

/// A filter and the address without it.
#[derive(Clone, Debug, Serialize)]
pub struct Chip {
    /// What it says.
    pub words: String,
    /// The list without it.
    pub href: String,
}

impl Chip {
    /// What it says.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// The filter bar.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    text: String,
    options: Vec<Suggestion>,
    selects: Vec<Select>,
}

/// A field of a hidden form.
#[derive(Clone, Debug, Serialize)]
pub struct Hidden {
    name: String,
    value: String,
}

/// The filter as a query string.
pub fn query(filter: &JobFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

/// The list's address with this filter.
pub fn address(filter: &JobFilter) -> String {
    with(LIST, &query(filter))
}

/// The list's address with these terms.
pub fn of(terms: &[Term]) -> String {
    address(&JobFilter::of(terms))
}

/// Path and query; no question mark without one.
pub fn with(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The fields that say the filter again in a form.
pub fn hidden(filter: &JobFilter) -> Vec<Hidden> {
    let query = query(filter);
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.map(|(name, value)| Hidden { name, value }).collect()
}

/// The one state that the terms name; none for none, several, or a word for several.
pub fn state(terms: &[Term]) -> Option<&str> {
    let mut named = terms.iter().filter(|term| term.field == Field::State);
    match (named.next(), named.next()) {
        (Some(Term { negated: false, is: Is::Words(words), .. }), None) if words.len() == 1 => Some(&words[0].text),
        _ => None,
    }
}

/// The terms without those about the state, and with this one.
pub fn in_state(terms: &[Term], state: Option<&str>) -> Vec<Term> {
    let rest = terms.iter().filter(|term| term.field != Field::State).cloned();
    state.map(|state| Term::word(Field::State, state)).into_iter().chain(rest).collect()
}

/// Every term but a state that a tab shows, with the address that lets go of it.
pub fn chips(terms: &[Term]) -> Vec<Chip> {
    let tab = state(terms).is_some_and(|state| marks::job(state).icon != "alert");
    let shown = terms.iter().enumerate().filter(|(_, term)| !(tab && term.field == Field::State));
    let without =
        |at: usize| terms.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, term)| term.clone()).collect();
    shown
        .map(|(at, term)| {
            let rest: Vec<Term> = without(at);
            Chip { words: says(term), href: of(&rest) }
        })
        .collect()
}

/// A term as people say it.
fn says(term: &Term) -> String {
    let listed = |words: &[Word]| {
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(&format!(" {} ", say!("or")))
    };
    let said = match (&term.field, &term.is) {
        (Field::State, Is::Words(words)) => listed(words),
        (Field::Text, Is::Words(words)) => say!("contains “{words}”", words = listed(words)),
        (Field::Group, Is::Words(words)) => say!("failure {words}", words = text::cut(&listed(words), 8)),
        (Field::Key, Is::Words(words)) => say!("under key {words}", words = listed(words)),
        (Field::Args(path), Is::Words(words)) => {
            say!("{path} is {words}", path = path.join("."), words = listed(words))
        }
        (field, Is::Words(words)) => format!("{field} {}", listed(words)),
        _ => term.to_string().trim_start_matches('-').to_owned(),
    };
    if term.negated { say!("not {said}", said = said) } else { said }
}

/// The form: the text, what may be added to it as whole values of the text box, and two lists to add from.
pub fn bar(terms: &[Term], suggestions: Vec<Suggestion>) -> Bar {
    let text = filter_text(terms);
    let named = |name: &str| (name.to_owned(), name.to_owned());
    let added = |term: String| if text.is_empty() { term } else { format!("{text} {term}") };
    let options = suggestions.into_iter().filter(|option| !option.term.ends_with(':') || text.is_empty());
    Bar {
        options: options
            .map(|option| Suggestion {
                says: listed("filter", &option.says).map_or(option.says, str::to_owned),
                term: added(option.term),
            })
            .collect(),
        selects: vec![
            Select::new("kind", "Add a kind", kinds::ALL.iter().map(|kind| named(kind.name)), None),
            Select::new("lane", "Add a queue", Lane::ALL.iter().map(|lane| named(lane.name())), None),
        ],
        text,
    }
}

impl Bar {
    /// The same form with what somebody typed, which could not be read.
    pub fn saying(self, text: Option<&str>) -> Self {
        Self { text: text.unwrap_or_default().to_owned(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use shared::platform::jobs::admin::parse;

    use super::*;

    #[test]
    fn a_chip_lets_go_of_its_own_term_only() {
        let terms = parse("state:dead kind:email.send \"a&b\" -tenant:acme").expect("a filter");
        let chips = chips(&terms);
        assert_eq!(chips.len(), 3);
        assert_eq!(chips[0].href, "/admin/jobs?filter=state%3Adead+a%26b+-tenant%3Aacme");
        let said: Vec<_> = chips.iter().map(|chip| chip.words.as_str()).collect();
        assert_eq!(said, ["kind email.send", "contains “a&b”", "not tenant acme"]);
    }
}
