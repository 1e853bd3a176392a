//! What a person's fields may look like: checks for bodies, before anything is looked up.
//!
//! They end in mail headers and in mails to people who did not ask for them, so they are narrow: no line breaks, no
//! lists of addresses, no links in names.

use serde::Deserialize;
use serde::Deserializer;
use validator::ValidateEmail;
use validator::ValidationError;

/// The longest address (RFC 5321).
const ADDRESS: usize = 254;

/// One mail address and nothing else.
pub fn address(value: &str) -> Result<(), ValidationError> {
    let foreign = |c: char| c.is_control() || c.is_whitespace() || ",;:<>()[]\"\\".contains(c);
    if value.len() > ADDRESS || value.contains(foreign) || !value.validate_email() {
        return Err(refused("email", "is not an e-mail address"));
    }
    Ok(())
}

/// A first or last name.
pub fn name(value: &str) -> Result<(), ValidationError> {
    if value.contains(|c: char| c.is_control() || "<>/\\:@".contains(c)) {
        return Err(refused("characters", "contains characters that no name has"));
    }
    Ok(())
}

/// A name to sign in with: never one that could be an address.
pub fn username(value: &str) -> Result<(), ValidationError> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(3..=32).contains(&value.len()) || !value.chars().all(known) {
        return Err(refused("username", "must have 3 to 32 letters, digits, dots, dashes or underscores"));
    }
    Ok(())
}

/// A telephone number as people write it; empty for none.
pub fn phone(value: &str) -> Result<(), ValidationError> {
    let known = |c: char| c.is_ascii_digit() || " +()./-".contains(c);
    if value.len() > 32 || !value.chars().all(known) {
        return Err(refused("phone", "is not a telephone number"));
    }
    Ok(())
}

fn refused(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

/// Reads a text without the spaces around it.
pub fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim().to_owned())
}

/// The same where the text may be absent.
pub fn trimmed_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address() {
        for good in ["a@example.org", "Jean.Dupont+x@sub.example.org", "o'neill@example.org", "a@bücher.example"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@",
            "a@b@c.org",
            "a@example.org,b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "a b@example.org",
            "<a@example.org>",
            "a@evil<x>[127.0.0.1]",
            "a@[127.0.0.1]",
            "\"a\"@example.org",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
