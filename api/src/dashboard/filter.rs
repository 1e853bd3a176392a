//! A list's filter as a URL, as words, as chips and as the fields of its form: four views of one thing.

use serde::Serialize;
use shared::kernel::text;
use shared::platform::jobs::admin::JobFilter;
use shared::platform::jobs::{Lane, kinds};

use crate::dashboard::forms::Select;
use crate::dashboard::marks;

/// The list.
const LIST: &str = "/admin/jobs";

/// Ages one may choose, in seconds.
const AGES: [(i64, &str); 7] = [
    (60, "1 minute"),
    (300, "5 minutes"),
    (3_600, "1 hour"),
    (21_600, "6 hours"),
    (86_400, "1 day"),
    (604_800, "1 week"),
    (2_592_000, "30 days"),
];

/// What the form has no field for: it keeps what links have set.
const KEPT: [&str; 6] = ["state", "subject", "error", "batch", "tenant", "key"];

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
    kept: Vec<Hidden>,
    q: Option<String>,
    attempt: Option<i32>,
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

/// Path and query; no question mark without one.
pub fn with(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The fields that say the filter again in a form.
pub fn hidden(filter: &JobFilter) -> Vec<Hidden> {
    let pairs = pairs(filter).into_iter();
    pairs.map(|(name, value)| Hidden { name, value }).collect()
}

fn pairs(filter: &JobFilter) -> Vec<(String, String)> {
    form_urlencoded::parse(query(filter).as_bytes()).into_owned().collect()
}

/// Every filter but the state, with the address that lets go of it.
pub fn chips(filter: &JobFilter) -> Vec<Chip> {
    let all = pairs(filter);
    let without = |name: &str| {
        let rest = all.iter().filter(|(other, _)| other != name);
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        with(LIST, &query)
    };
    let chip = |name: &str, value: &str| Chip { words: says(name, value), href: without(name) };
    let narrowing = all.iter().filter(|(name, _)| name != "state");
    narrowing.map(|(name, value)| chip(name, value)).collect()
}

fn says(name: &str, value: &str) -> String {
    match name {
        "lane" => format!("queue {value}"),
        "attempt" => format!("at least {value} attempts"),
        "older" | "younger" => format!("{name} than {}", age(value)),
        "subject" => format!("about {value}"),
        "error" => format!("failure {}", text::cut(value, 8)),
        "key" => format!("under key {value}"),
        "q" => format!("contains “{value}”"),
        _ => format!("{name} {value}"),
    }
}

/// The filter in words: `dead · kind email.send · older than 1 hour`.
pub fn words(filter: &JobFilter) -> String {
    let state = filter.state.as_deref().map(|state| marks::job(state).word.to_lowercase());
    let parts: Vec<String> = state.into_iter().chain(chips(filter).into_iter().map(|chip| chip.words)).collect();
    if parts.is_empty() { "every job".into() } else { parts.join(" · ") }
}

/// The form.
pub fn bar(filter: &JobFilter) -> Bar {
    let named = |name: &str| (name.to_owned(), name.to_owned());
    let ages = || AGES.into_iter();
    let age_select = |name, any, verb: &str, chosen: Option<i64>| {
        let options = ages().map(|(seconds, words)| (seconds.to_string(), format!("{verb} {words}")));
        Select::new(name, any, options, chosen.map(|s| s.to_string()).as_deref())
    };
    Bar {
        kept: hidden(filter).into_iter().filter(|field| KEPT.contains(&&*field.name)).collect(),
        q: filter.q.clone(),
        attempt: filter.attempt,
        selects: vec![
            Select::new("kind", "Every kind", kinds::ALL.iter().map(|kind| named(kind.name)), filter.kind.as_deref()),
            Select::new("lane", "Every queue", Lane::ALL.iter().map(|lane| named(lane.name())), filter.lane.as_deref()),
            age_select("older", "Older than…", "Older than", filter.older),
            age_select("younger", "Younger than…", "Younger than", filter.younger),
        ],
    }
}

fn age(seconds: &str) -> String {
    let known = AGES.into_iter().find(|(known, _)| known.to_string() == seconds);
    known.map_or_else(|| format!("{seconds} s"), |(_, words)| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_lets_go_of_its_own_filter_only() {
        let filter = JobFilter {
            state: Some("dead".into()),
            kind: Some("email.send".into()),
            q: Some("a&b".into()),
            ..JobFilter::default()
        };
        let chips = chips(&filter);
        assert_eq!(chips.len(), 2);
        assert_eq!(chips[0].href, "/admin/jobs?state=dead&q=a%26b");
        assert_eq!(words(&filter), "dead · kind email.send · contains “a&b”");
    }
}
