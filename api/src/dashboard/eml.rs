//! How a mail reads: headers as their sender meant them, links cut out of the text.

use mail_parser::{Addr, HeaderValue};
use serde::Serialize;

/// A piece of a text: words, or a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Piece<'a> {
    /// The words.
    pub words: &'a str,
    /// Where it leads; none: only words.
    pub href: Option<&'a str>,
}

/// A header as its sender meant it: encoded words (`=?utf-8?b?…`) decoded, folded lines joined, the rest as it came.
pub fn readable(raw: &str, value: &HeaderValue<'_>) -> String {
    let said = match value {
        _ if !raw.contains("=?") => raw.to_owned(),
        HeaderValue::Text(text) => text.to_string(),
        HeaderValue::TextList(texts) => texts.join(", "),
        HeaderValue::Address(people) => people.iter().map(named).collect::<Vec<_>>().join(", "),
        _ => raw.to_owned(),
    };
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn named(one: &Addr<'_>) -> String {
    match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    }
}

/// Cuts a text where its links are.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = ["https://", "http://"].into_iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(from.len());
        let link = from[..end].trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
        pieces.push(Piece { words: before, href: None });
        pieces.push(Piece { words: link, href: Some(link) });
        rest = &from[link.len()..];
    }
    pieces.push(Piece { words: rest, href: None });
    pieces.retain(|piece| !piece.words.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn headers_are_read_as_meant() {
        let mail = "Subject: =?utf-8?b?QmllbnZlbnVlLCBJbsOocw==?=\r\nTo: =?utf-8?q?In=C3=A8s_P=2E?=\r\n <i@a.example>\r\n\
                    Message-ID: <1@a.example>\r\n\r\nx";
        let parsed = MessageParser::default().parse(mail).expect("a mail");
        let read = |at: usize| {
            let header = &parsed.headers()[at];
            readable(&mail[header.offset_start as usize..header.offset_end as usize], &header.value)
        };
        assert_eq!([read(0), read(1), read(2)], ["Bienvenue, Inès", "Inès P. <i@a.example>", "<1@a.example>"]);
    }

    #[test]
    fn links_are_cut_out_of_the_text() {
        let found = pieces("Go to https://a.example/x?token=1. Or (http://b.example).");
        let links: Vec<_> = found.iter().filter_map(|piece| piece.href).collect();
        assert_eq!(links, ["https://a.example/x?token=1", "http://b.example"]);
        let whole: String = found.iter().map(|piece| piece.words).collect();
        assert_eq!(whole, "Go to https://a.example/x?token=1. Or (http://b.example).");
    }
}
