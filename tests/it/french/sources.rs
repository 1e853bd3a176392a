//! What the dashboard's sources say: the literals in the places that are translated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use shared::platform::templates::french;

/// Calls that translate, and which of their arguments; `true`: every literal in it, for `if` and `match`.
const CALLS: [(&str, usize, bool); 15] = [
    ("tr(", 0, false),
    ("word(", 0, true),
    ("feminine(", 0, true),
    ("key(", 0, true),
    ("say!(", 0, false),
    ("Mark::new(", 2, false),
    ("Mark::feminine(", 2, false),
    ("Fact::text(", 0, false),
    ("Fact::code(", 0, false),
    ("Fact::link(", 0, false),
    ("Fact::at(", 0, false),
    ("Select::new(", 1, false),
    ("Alarm::new(", 2, false),
    ("desk.page(", 2, false),
    ("Frame::alone(", 1, false),
];

/// What matches, in order.
pub fn matches<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    Regex::new(pattern).expect("a pattern").find_iter(text).map(|found| found.as_str()).collect()
}

/// The text without what matches.
pub fn without(pattern: &str, text: &str) -> String {
    Regex::new(pattern).expect("a pattern").replace_all(text, "").into_owned()
}

/// Every text of the dashboard's sources, by its table.
pub fn texts() -> BTreeMap<&'static str, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/dashboard");
    let mut texts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the dashboard's sources") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("a readable source");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            said(&code.join("\n"), &mut texts);
        }
    }
    let script = include_str!("../../../api/src/dashboard/assets/admin.js");
    let calls = script.match_indices("t(").filter(|(at, _)| !script[..*at].ends_with(|c: char| c.is_alphanumeric()));
    let words = calls.flat_map(|(at, call)| literals(argument(&script[at + call.len()..], 0)));
    texts.entry("script").or_default().extend(words);
    texts
}

fn said(code: &str, texts: &mut BTreeMap<&'static str, BTreeSet<String>>) {
    for (call, place, all) in CALLS {
        let table = if call.contains("feminine") { "feminine" } else { french::EVERYWHERE };
        for (at, _) in code.match_indices(call) {
            let within = code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'));
            let argument = argument(&code[at + call.len()..], place);
            if within || (!all && !argument.starts_with('"')) {
                continue;
            }
            let literals = literals(argument).into_iter().take(if all { usize::MAX } else { 1 });
            let spoken = literals.filter(|text| without(r"\{\w+\}", text).contains(char::is_alphabetic));
            texts.entry(table).or_default().extend(spoken);
        }
    }
}

/// One argument of the call whose arguments begin here; empty when it has fewer.
fn argument(code: &str, wanted: usize) -> &str {
    let (mut depth, mut nth, mut start, mut quoted, mut escaped) = (0, 0, 0, false, false);
    for (at, c) in code.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return if nth == wanted { code[start..at].trim() } else { "" },
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                if nth == wanted {
                    return code[start..at].trim();
                }
                (nth, start) = (nth + 1, at + 1);
            }
            _ => {}
        }
    }
    ""
}

fn literals(code: &str) -> Vec<String> {
    let folded = Regex::new(r"\\\n\s*").expect("a pattern");
    let quoted = matches(r#""(?:[^"\\]|\\[\s\S])*""#, code);
    let plain = |literal: &str| folded.replace_all(&literal[1..literal.len() - 1], "").replace("\\\"", "\"");
    quoted.into_iter().map(plain).collect()
}

#[test]
fn a_sentence_is_found_wherever_it_is_said() {
    let mut texts = BTreeMap::new();
    said(
        r#"say!("{n} of, {m}", n = f("no", [1]), m = 2); word(if a { "Yes" } else { "No" });
           desk.page("jobs", Place::Jobs, "Jobs", &json!({ "x": 1 })); Mark::feminine("a", "b", "She"); keyword("not")"#,
        &mut texts,
    );
    let found: Vec<_> = texts[french::EVERYWHERE].iter().map(String::as_str).collect();
    assert_eq!(found, ["Jobs", "No", "Yes", "{n} of, {m}"]);
    assert!(texts["feminine"].contains("She"));
}
