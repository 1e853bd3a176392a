//! The dashboard in French: `templates/admin/fr.toml` says what its pages and its code say in English.
//!
//! Templates are written in English. When they are registered, each gets a French twin: every run of text between two
//! tags, and every attribute that is read to people, is looked up by its English words, spaces collapsed and values
//! (`{{…}}`) included. A run ends where a block or a partial begins. What the catalogue lacks stays English; a test
//! sees to it that nothing is lacking and that no entry is left over.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

const SOURCE: &str = include_str!("../../../../templates/admin/fr.toml");

/// The table for words that mean one thing wherever they stand.
pub const EVERYWHERE: &str = "everywhere";

/// Attributes that are shown or read out.
const SPOKEN: [&str; 5] = [" aria-label=\"", " title=\"", " placeholder=\"", " alt=\"", " data-label=\""];

/// Elements whose text is a name or a program, not a sentence.
const SILENT: [&str; 4] = ["code", "kbd", "script", "style"];

type Tables = BTreeMap<String, BTreeMap<String, String>>;

static CATALOGUE: LazyLock<Tables> =
    LazyLock::new(|| toml::from_str(SOURCE).expect("templates/admin/fr.toml was read by a test"));

/// The tables of the catalogue: [`EVERYWHERE`], those named after a template, those that code asks for.
#[must_use]
pub fn catalogue() -> &'static BTreeMap<String, BTreeMap<String, String>> {
    &CATALOGUE
}

/// The French of an English text: from this table, else from [`EVERYWHERE`].
#[must_use]
pub fn said(table: &str, english: &str) -> Option<&'static str> {
    let of = |table: &str| CATALOGUE.get(table)?.get(english).map(String::as_str);
    of(table).or_else(|| of(EVERYWHERE))
}

/// A template's texts, as the catalogue names them.
#[must_use]
pub fn texts(source: &str) -> Vec<String> {
    runs(source).into_iter().map(|run| name(&source[run])).collect()
}

/// The template with its texts in French.
pub(super) fn twin(table: &str, source: &str) -> String {
    let mut twin = String::with_capacity(source.len() + source.len() / 8);
    let mut at = 0;
    for run in runs(source) {
        twin.push_str(&source[at..run.start]);
        let english = &source[run.clone()];
        twin.push_str(said(table, &name(english)).unwrap_or(english));
        at = run.end;
    }
    twin.push_str(&source[at..]);
    twin
}

fn name(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the texts are, in order.
fn runs(source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut silent) = (0, "");
    while let Some(open) = source[at..].find('<').map(|n| at + n) {
        let close = open + tag_length(&source[open..]);
        if silent.is_empty() {
            between(source, at..open, &mut found);
        }
        let tag = &source[open..close];
        let element = tag[1..].trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let element = element.unwrap_or_default();
        if silent.is_empty() && SILENT.contains(&element) {
            silent = element;
        } else if tag.starts_with("</") && element == silent {
            silent = "";
        }
        attributes(source, open..close, &mut found);
        at = close;
    }
    between(source, at..source.len(), &mut found);
    found
}

fn attributes(source: &str, tag: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut values: Vec<Range<usize>> = Vec::new();
    for attribute in SPOKEN {
        let mut at = tag.start;
        while let Some(n) = source[at..tag.end].find(attribute) {
            let start = at + n + attribute.len();
            at = start + length(&source[start..tag.end], "\"");
            values.push(start..at - 1);
        }
    }
    values.sort_unstable_by_key(|value| value.start);
    for value in values {
        between(source, value, found);
    }
}

/// Texts in a stretch without tags: parted by blocks and partials, without the space around them.
fn between(source: &str, stretch: Range<usize>, found: &mut Vec<Range<usize>>) {
    let (mut start, mut at) = (stretch.start, stretch.start);
    while let Some(open) = source[at..stretch.end].find("{{").map(|n| at + n) {
        at = open + length(&source[open..stretch.end], "");
        let inner = source[open + 2..at].trim_start();
        if inner.starts_with(['#', '/', '^', '>', '!']) || inner.starts_with("else") {
            keep(source, start..open, found);
            start = at;
        }
    }
    keep(source, start..stretch.end, found);
}

fn keep(source: &str, text: Range<usize>, found: &mut Vec<Range<usize>>) {
    let words = source[text.clone()].trim();
    if is_said(words) {
        let start = text.start + source[text].find(words).unwrap_or_default();
        found.push(start..start + words.len());
    }
}

/// Whether there is a letter outside values and entities.
fn is_said(mut text: &str) -> bool {
    while let Some(c) = text.chars().next() {
        let step = match c {
            '{' if text.starts_with("{{") => length(text, ""),
            '&' => text.find(';').map_or(1, |end| end + 1),
            c if c.is_alphabetic() => return true,
            c => c.len_utf8(),
        };
        text = &text[step..];
    }
    false
}

/// How long a tag is; its attributes may hold `>`.
fn tag_length(tag: &str) -> usize {
    let mut at = 0;
    loop {
        let close = at + length(&tag[at..], ">");
        let quote = at + length(&tag[at..], "\"");
        if quote >= close {
            return close;
        }
        at = quote + length(&tag[quote..], "\"");
    }
}

/// How long it is to this end, or to the end of the value it begins with; an end inside a value is none.
fn length(text: &str, end: &str) -> usize {
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("{{") {
            at += text[at..].find("}}").map_or(text.len() - at, |n| n + 2);
            if end.is_empty() {
                break;
            }
        } else if !end.is_empty() && text[at..].starts_with(end) {
            return at + end.len();
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::texts;

    #[test]
    fn a_template_falls_into_what_is_read() {
        let source = r#"<h1 title="Why {{#if (gt n "1")}}many{{else}}one{{/if}}">{{n}}  jobs
            wait</h1><code>facteur</code>&nbsp;{{> _time at=at}}, <b>{{word}}</b>{{#if a}}<i data-x="no" alt="a > b">till</i>{{/if}} now"#;
        assert_eq!(texts(source), ["Why", "many", "one", "{{n}} jobs wait", "a > b", "till", "now"]);
    }
}
