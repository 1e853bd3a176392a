//! `facteur`: the API and everything an operator does by hand.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    api::cli::run().await
}
