//! Words: ids, clock, pages, one error, configuration, secrets, masks, money, decimals, text, registered numbers. Knows no
//! business and no table.

pub mod clock;
pub mod config;
pub mod decimal;
mod enums;
pub mod error;
pub mod ids;
pub mod mask;
pub mod money;
pub mod page;
pub mod patch;
pub mod registered;
pub mod secret;
pub mod task;
pub mod telemetry;
pub mod text;

pub(crate) use enums::words;
pub use error::Error;

/// What every function of the house returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
