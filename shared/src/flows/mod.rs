//! Stories that write in several rooms, each readable from top to bottom.

pub mod catalogue_sync;
pub mod checkout;
pub mod evenly;
pub mod invoice_credited;
pub mod invoice_drafted;
pub mod invoice_issued;
pub mod invoice_sent;
pub mod login;
pub mod order_cancelled;
pub mod order_expired;
pub mod order_placed;
pub mod order_status;
pub mod order_told;
pub mod password;
pub mod payment_returned;
pub mod payment_synced;
pub mod payment_told;
pub mod product_changed;
pub mod refund_requested;
pub mod registration;
pub mod request_submitted;
pub mod stripe_event;
pub mod stripe_received;
pub mod stripe_replayed;
pub mod stripe_warned;
pub mod welcome;
