//! Reads over everything; changes nothing of others.

pub mod exports;
