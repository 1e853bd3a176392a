//! Where an order stands, who may move it on, and how urgent it is.

use crate::kernel::words;

words! {
    /// Where an order stands.
    OrderStatus {
        /// Being filled.
        Cart = "cart",
        /// Waits for its payment; its pieces are reserved.
        Pending = "pending",
        /// Paid, nobody works on it yet.
        Paid = "paid",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// The client has the result.
        Delivered = "delivered",
        /// Over, and well.
        Completed = "completed",
        /// The work is stopped.
        Suspended = "suspended",
        /// Over, and not paid, or paid back.
        Cancelled = "cancelled",
        /// Was not paid in time.
        Expired = "expired",
        /// Paid back.
        Refunded = "refunded",
    }

    /// How urgent an order is.
    OrderPriority {
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

/// By whose doing an order moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mover {
    /// `orders.manage`.
    Manager,
    /// `orders.manage`, with a reason.
    ManagerWithReason,
    /// Its owner while it is unpaid, or `orders.manage`.
    Anybody,
    /// `orders.manage`, and its money goes back in the same step.
    ManagerWithRefund,
    /// A payment that succeeded.
    Payment,
    /// A refund of the whole amount, settled.
    Refund,
    /// The job `order.expire`.
    Time,
    /// Who works on it delivers, the client asks for more: both through the project, not built yet.
    Project,
}

impl OrderStatus {
    /// Every status, in the order of an order's life.
    pub const ALL: [Self; 10] = [
        Self::Cart,
        Self::Pending,
        Self::Paid,
        Self::InProgress,
        Self::Delivered,
        Self::Completed,
        Self::Suspended,
        Self::Cancelled,
        Self::Expired,
        Self::Refunded,
    ];

    /// Who may bring an order from here to there; none: nobody. This is the whole state machine of an order that was
    /// placed.
    pub const fn mover(self, to: Self) -> Option<Mover> {
        use OrderStatus::{Cancelled, Completed, Delivered, Expired, InProgress, Paid, Pending, Refunded, Suspended};
        match (self, to) {
            (Pending | Expired, Paid) => Some(Mover::Payment),
            (Pending, Expired) => Some(Mover::Time),
            (Pending, Cancelled) => Some(Mover::Anybody),
            (InProgress, Delivered) | (Delivered, InProgress) => Some(Mover::Project),
            (InProgress, Suspended) => Some(Mover::ManagerWithReason),
            (Paid | Suspended, InProgress) | (Paid | Delivered, Completed) => Some(Mover::Manager),
            (Paid, Cancelled) => Some(Mover::ManagerWithRefund),
            (Paid | InProgress | Delivered | Completed | Suspended, Refunded) => Some(Mover::Refund),
            _ => None,
        }
    }

    /// Whether it was paid and the money is still ours.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Paid | Self::InProgress | Self::Delivered | Self::Completed | Self::Suspended)
    }

    /// Whether somebody may be given the work, or it may be taken from them.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Paid | Self::InProgress | Self::Delivered | Self::Suspended)
    }
}
