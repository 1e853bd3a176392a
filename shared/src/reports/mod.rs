//! Reads over everything; changes nothing of others.

pub mod changes;
pub mod exports;
pub mod stats;
