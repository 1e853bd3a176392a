//! Invoices and credit notes: what they say, whether they may be said, and their numbers.

pub mod document;
pub mod party;
pub mod sums;

pub use crate::kernel::decimal;
