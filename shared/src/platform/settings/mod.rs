//! What administrators may change while we run. Owns `settings`; an absent row is the default.
//!
//! A setting is declared here, once: its name, default, bounds and what it does. It is read from its row whenever it
//! counts, so a change holds in every process with its commit. A row that no longer fits its declaration counts as
//! absent.

mod declared;
mod value;
mod write;

pub use declared::*;
pub use value::{Bounds, Declared, Kind, Setting, Value};
pub use write::{Known, all, public, set};
