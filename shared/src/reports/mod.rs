//! Reads over everything; changes nothing of others.

pub mod stats;
pub mod exports;
