//! `facteur openapi`: the document of the API, without a server.

use super::exit::Failure;
use super::{say, text};

/// Prints it.
pub fn run() -> Result<(), Failure> {
    say(text::json(&crate::openapi::document())?);
    Ok(())
}
