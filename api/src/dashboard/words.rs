//! What the code of the dashboard says, in the language of who asks: English here, French in `templates/admin/fr.toml`.
//!
//! The gate says once per request whom it speaks to; every sentence is looked up by its English text. A test reads the
//! sources and finds each sentence that lacks its French: it knows [`tr`], [`say!`], [`key`] and the constructors that
//! take words (`Mark::new`, `Fact::text`, `Select::new`, `Desk::page` …), all of which translate by themselves.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use shared::platform::templates::french;

use crate::dashboard::look;

/// The table of adjectives and participles that agree with a feminine noun: an order, an invoice, a request.
const FEMININE: &str = "feminine";

/// The language that is spoken: `fr`, `en`.
pub fn locale() -> &'static str {
    look::now().locale
}

/// Whether it is French.
pub fn in_french() -> bool {
    locale() == "fr"
}

/// A sentence of the house; what is no sentence of the house stays as it is.
pub fn tr(english: &str) -> Cow<'_, str> {
    let french = in_french().then(|| french::said(french::EVERYWHERE, english)).flatten();
    french.map_or(Cow::Borrowed(english), Cow::Borrowed)
}

/// A word of a fixed list.
pub fn word(english: &'static str) -> &'static str {
    in_french().then(|| french::said(french::EVERYWHERE, english)).flatten().unwrap_or(english)
}

/// The same about something that is feminine in French.
pub fn feminine(english: &'static str) -> &'static str {
    in_french().then(|| french::said(FEMININE, english)).flatten().unwrap_or(english)
}

/// Of the table of this name: names that others give, such as those of audited actions. None in English.
pub fn listed(table: &str, name: &str) -> Option<&'static str> {
    in_french().then(|| french::said(table, name)).flatten()
}

/// What the script says; none where it says it in its own words.
pub fn of_script() -> Option<&'static BTreeMap<String, String>> {
    french::catalogue().get("script").filter(|_| in_french())
}

/// Of jobs in this state: `Morts`. What has no plural of its own stays as it is.
pub fn plural(english: &'static str) -> &'static str {
    listed("plural", english).unwrap_or_else(|| word(english))
}

/// A word of a table, which is translated where it is shown: says to the test that it needs its French.
pub const fn key(english: &'static str) -> &'static str {
    english
}

/// Tenths, as `1.2` or `1,2`.
pub fn decimal(tenths: impl Into<i128>) -> String {
    let tenths = tenths.into();
    format!("{}{}{}", tenths / 10, if in_french() { ',' } else { '.' }, tenths % 10)
}

/// A sentence with values in the place of `{name}`; for [`say!`].
pub fn filled(english: &'static str, values: &[(&str, &(dyn Display + Sync))]) -> String {
    let mut said = String::new();
    let mut rest = word(english);
    while let Some((before, after)) = rest.split_once('{') {
        said.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            let _ = write!(said, "{value}");
        }
        rest = after;
    }
    said.push_str(rest);
    said
}

/// `say!("{n} mails are on their way.", n = count)`: the sentence in the language of who asks.
macro_rules! say {
    ($english:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::dashboard::words::filled($english, &[$((stringify!($name), &$value)),*])
    };
}
pub(super) use say;
