//! Reading named values and collecting what is wrong with them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use secrecy::SecretString;

use super::Rate;

/// What is wrong with the configuration, one line per variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not complete:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Where values come from: the environment, or a test's map.
type Source<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// Reads values by name and remembers every problem.
pub struct Reader<'a> {
    get: Source<'a>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader over any source of named values.
    pub fn new(get: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { get: Box::new(get), problems: Vec::new() }
    }

    /// The value, or all problems at once.
    pub fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(Problems(self.problems)) }
    }

    /// Notes a problem with a variable.
    pub fn problem(&mut self, name: &str, what: impl fmt::Display) {
        self.problems.push(format!("{name} {what}"));
    }

    /// The trimmed value; empty counts as absent.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// The value or a default.
    pub fn or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| default.to_owned())
    }

    /// A value without which we do not start.
    pub fn required(&mut self, name: &str, hint: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.problem(name, format_args!("is missing: {hint}"));
            String::new()
        })
    }

    /// A value that is never shown.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// A hidden value without which we do not start.
    pub fn required_secret(&mut self, name: &str, hint: &str) -> SecretString {
        SecretString::from(self.required(name, hint))
    }

    /// A number or a default.
    pub fn number<T: FromStr>(&mut self, name: &str, default: T) -> T {
        self.optional_number(name).unwrap_or(default)
    }

    /// A number when given.
    pub fn optional_number<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.problem(name, format_args!("is `{text}`, which is not a number in range"));
        }
        number
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, name: &str, default: T, choices: &[(&str, T)]) -> T {
        let Some(text) = self.text(name) else {
            return default;
        };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.problem(name, format_args!("is `{text}`, should be one of {}", words.join(", ")));
        default
    }

    /// true or false.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        self.choice(name, default, &[("true", true), ("false", false), ("1", true), ("0", false)])
    }

    /// A comma-separated list.
    pub fn list(&mut self, name: &str, required: bool, hint: &str) -> Vec<String> {
        let text = if required { self.required(name, hint) } else { self.or(name, "") };
        text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    }

    /// `15m`, `7d`, `90s`, `2h`.
    pub fn duration(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.text(name) else {
            return default;
        };
        parse_duration(&text).unwrap_or_else(|| {
            self.problem(name, format_args!("is `{text}`, should look like 90s, 15m, 2h or 7d"));
            default
        })
    }

    /// `1000/15m`.
    pub fn rate(&mut self, name: &str, default: Rate) -> Rate {
        let Some(text) = self.text(name) else {
            return default;
        };
        let rate = text.split_once('/').and_then(|(count, per)| {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            Some(Rate { count, per: parse_duration(per).filter(|per| !per.is_zero())? })
        });
        rate.unwrap_or_else(|| {
            self.problem(name, format_args!("is `{text}`, should look like 1000/15m"));
            default
        })
    }

    /// A comma-separated list of networks.
    pub fn networks(&mut self, name: &str) -> Vec<IpNetwork> {
        let mut networks = Vec::new();
        for part in self.list(name, false, "") {
            match part.parse() {
                Ok(network) => networks.push(network),
                Err(_) => self.problem(name, format_args!("has `{part}`, which is no network like 10.0.0.0/8")),
            }
        }
        networks
    }
}

/// Longer than this nothing lasts, and no clock of ours can add it.
const CENTURY: u64 = 3_155_760_000;

fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..split].parse().ok()?;
    let unit = match &text[split..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(unit).filter(|seconds| *seconds <= CENTURY).map(Duration::from_secs)
}
