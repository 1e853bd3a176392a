//! Lanes: separate queues, so that a slow relay or a large export never delays a security mail.

use std::fmt;
use std::str::FromStr;

/// A queue with its own slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Activation, password, security and alarm mails.
    EmailHigh,
    /// Events of the payment provider.
    Stripe,
    /// Invoices and other PDFs.
    Documents,
    /// Everything without a reason to wait elsewhere.
    Default,
    /// Ordinary mails.
    Email,
    /// Pictures and video.
    Media,
    /// Exports.
    Exports,
    /// Broadcasts and digests.
    EmailBulk,
    /// Cleaning up.
    Maintenance,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 9] = [
        Self::EmailHigh,
        Self::Stripe,
        Self::Documents,
        Self::Default,
        Self::Email,
        Self::Media,
        Self::Exports,
        Self::EmailBulk,
        Self::Maintenance,
    ];

    /// The name in rows, keys and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailHigh => "email_high",
            Self::Stripe => "stripe",
            Self::Documents => "documents",
            Self::Default => "default",
            Self::Email => "email",
            Self::Media => "media",
            Self::Exports => "exports",
            Self::EmailBulk => "email_bulk",
            Self::Maintenance => "maintenance",
        }
    }

    /// Jobs a process runs at once when not told otherwise.
    pub const fn slots(self) -> usize {
        match self {
            Self::EmailHigh | Self::Email | Self::Stripe | Self::Default => 8,
            Self::EmailBulk => 4,
            Self::Documents | Self::Media | Self::Exports => 2,
            Self::Maintenance => 1,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Lane {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|lane| lane.name() == name).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|lane| lane.name()).collect();
            format!("there is no lane `{name}`; the lanes are {}", all.join(", "))
        })
    }
}
