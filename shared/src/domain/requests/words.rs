//! The words of a request: what it is, where it stands, how urgent it is.

use crate::kernel::words;

words! {
    /// What a request is.
    RequestKind {
        /// A message.
        Contact = "contact",
        /// Asks for a sample.
        FreeSample = "free_sample",
        /// Something went wrong.
        Complaint = "complaint",
    }

    /// Where a request stands.
    RequestStatus {
        /// Nobody looks after it yet.
        Open = "open",
        /// Somebody does.
        InProgress = "in_progress",
        /// Answered.
        Resolved = "resolved",
        /// Over.
        Closed = "closed",
    }

    /// How urgent a request is.
    Priority {
        /// Can wait.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Before others.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

impl Priority {
    /// What a fresh request gets: a complaint goes before the others.
    pub const fn of(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Contact | RequestKind::FreeSample => Self::Normal,
            RequestKind::Complaint => Self::High,
        }
    }
}
