//! The words of a request: what it is, where it stands, how urgent it is.

/// Declares an enum that is the same word in rows, in JSON and in code.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[sqlx(type_name = "text", rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word_doc])* $variant,)+
        }

        impl $name {
            /// As in rows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    )+};
}

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
