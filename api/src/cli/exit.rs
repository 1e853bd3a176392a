//! Why a command ends, as a sentence and as a number from sysexits.h.

use shared::kernel::Error;
use shared::kernel::config::Problems;
use shared::platform::store::{Blame, Trouble};

/// The command line does not parse.
pub const USAGE: u8 = 64;
/// The input, or what the database holds, does not fit.
pub const DATA: u8 = 65;
/// A store or a port is not to be had.
pub const UNAVAILABLE: u8 = 69;
/// Our own fault.
pub const INTERNAL: u8 = 70;
/// Not allowed.
pub const DENIED: u8 = 77;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// Why a command could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// What the process exits with.
    pub code: u8,
    /// What was wrong and what to do.
    pub text: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(CONFIG, problems.to_string())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let code = match trouble.blame {
            Blame::Away => UNAVAILABLE,
            Blame::Config => CONFIG,
            Blame::Denied => DENIED,
            Blame::Data => DATA,
        };
        Self::new(code, trouble.text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound(_) | Error::Conflict { .. } | Error::Gone { .. } => DATA,
            Error::Invalid(fields) => {
                let lines: Vec<_> = fields.iter().map(|field| format!("{} {}", field.path, field.message)).collect();
                return Self::new(DATA, lines.join("\n  ").trim().to_owned());
            }
            Error::Unauthenticated(_) | Error::Forbidden(_) => DENIED,
            Error::TooMany { .. }
            | Error::Unavailable { .. }
            | Error::Upstream { .. }
            | Error::Storage(_)
            | Error::Refused(_) => UNAVAILABLE,
            Error::Off(_) => CONFIG,
            Error::Database(_) | Error::Internal(_) => INTERNAL,
        };
        Self::new(code, error.to_string())
    }
}
