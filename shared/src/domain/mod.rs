//! Nouns: one room per table family. Rooms do not know each other.

pub mod billing;
pub mod exports;
pub mod identity;
pub mod requests;
