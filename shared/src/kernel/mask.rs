//! Payloads as people may see them: what looks secret is masked. Payloads hold no secrets by rule; this is the second
//! lock on the door, for the day somebody breaks the rule.

use serde_json::Value;

/// What stands in the place of a secret.
const MASK: &str = "••••••";

/// Part of a key's name that gives a secret away.
const TELLING: [&str; 14] = [
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "private_key",
    "credential",
    "otp",
    "signature",
    "iban",
    "session",
];

/// Whole names that do.
const EXACT: [&str; 5] = ["pass", "pwd", "key", "pin", "cvc"];

/// The value, indented, and whether something was masked.
pub fn shown(value: &Value) -> (String, bool) {
    let mut value = value.clone();
    let masked = hide(&mut value);
    (serde_json::to_string_pretty(&value).unwrap_or_default(), masked)
}

/// Puts back what was masked when these values were shown: who edits them need not know the secrets.
pub fn restore(edited: &mut Value, known: &Value) {
    match (edited, known) {
        (Value::Object(edited), Value::Object(known)) => {
            for (name, value) in edited {
                match known.get(name) {
                    Some(known) if value == MASK => *value = known.clone(),
                    Some(known) => restore(value, known),
                    None => {}
                }
            }
        }
        (Value::Array(edited), Value::Array(known)) => {
            edited.iter_mut().zip(known).for_each(|(edited, known)| restore(edited, known));
        }
        _ => {}
    }
}

/// Masks in place; whether there was anything to mask.
pub fn hide(value: &mut Value) -> bool {
    let mut masked = false;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| masked |= hide(item)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if looks_secret(name) && !value.is_null() {
                    *value = Value::from(MASK);
                    masked = true;
                } else {
                    masked |= hide(value);
                }
            }
        }
        _ => {}
    }
    masked
}

/// Whether what was shown in the place of a secret stands where the secret should.
pub fn stands_in(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(stands_in),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| if looks_secret(name) { value == MASK } else { stands_in(value) })
        }
        _ => false,
    }
}

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    EXACT.contains(&&*name) || TELLING.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_by_name_at_any_depth() {
        let (text, masked) =
            shown(&json!({ "user": "a", "auth": [{ "accessToken": "t", "PASS": 1 }], "note": "hello" }));
        assert!(masked);
        assert!(!text.contains("\"t\"") && !text.contains(": 1"), "{text}");
        assert!(text.contains("hello"));
    }

    #[test]
    fn what_was_masked_comes_back() {
        let known = json!({ "token": "t", "list": [{ "pin": 1, "a": 1 }], "gone": 1 });
        let mut edited = json!({ "token": MASK, "list": [{ "pin": MASK, "a": 2 }], "new": MASK });
        assert!(stands_in(&edited));
        restore(&mut edited, &known);
        assert!(!stands_in(&edited), "under a name that is no secret's it is a word");
        assert_eq!(edited, json!({ "token": "t", "list": [{ "pin": 1, "a": 2 }], "new": MASK }));
    }

    #[test]
    fn leaves_the_rest_alone() {
        let (text, masked) = shown(&json!({ "email": "0198", "keyboard": 9_007_199_254_740_993_u64, "token": null }));
        assert!(!masked);
        assert!(text.contains("9007199254740993"));
    }
}
