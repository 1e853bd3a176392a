//! Stories that write in several rooms, each readable from top to bottom.

pub mod catalogue_sync;
pub mod evenly;
pub mod login;
pub mod order_cancelled;
pub mod order_expired;
pub mod order_placed;
pub mod order_status;
pub mod order_told;
pub mod password;
pub mod product_changed;
pub mod registration;
pub mod request_submitted;
pub mod welcome;
