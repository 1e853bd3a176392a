//! Stories that write in several rooms, each readable from top to bottom.

pub mod evenly;
pub mod login;
pub mod password;
pub mod registration;
pub mod request_submitted;
pub mod welcome;
