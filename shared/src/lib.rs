//! Everything the API and the worker have in common, on five floors.
//!
//! Floors look down: `kernel` (words) ← `platform` (services every story uses) ← `domain` (nouns, one room per
//! table family) ← `flows` (stories that cross rooms); `reports` stands beside `flows`, reads everything and
//! changes nothing of others. Rooms on the domain floor do not know each other. `tests/it/architecture.rs`
//! refuses a breach.

pub mod domain;
pub mod flows;
pub mod kernel;
pub mod platform;
pub mod reports;
