//! Typed ids: UUID v7, so that sorting by id is sorting by time of creation.

use uuid::Uuid;

/// Declares one id type around a [`Uuid`].
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
            sqlx::Type, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id, later than every id made before it in this process.
            #[expect(clippy::new_without_default, reason = "a default id would hide that it is fresh")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> std::result::Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// A job in the ledger.
    JobId,
    /// A batch of jobs.
    BatchId,
    /// A mail.
    EmailId,
    /// A stored file.
    FileId,
    /// A person with an account.
    UserId,
    /// A session: a family of refresh tokens, or a dashboard cookie.
    SessionId,
    /// A try to pay an order.
    PaymentId,
    /// Money given back.
    RefundId,
    /// A card or an account somebody keeps.
    PaymentMethodId,
    /// An event of Stripe's.
    StripeEventId,
    /// A notification.
    NotificationId,
    /// A contact form, a sample or a complaint.
    RequestId,
    /// Who buys.
    CustomerId,
    /// Something to buy.
    ProductId,
    /// An order.
    OrderId,
    /// A line of an order.
    OrderLineId,
    /// An invoice or a credit note.
    InvoiceId,
    /// An export.
    ExportId,
}
