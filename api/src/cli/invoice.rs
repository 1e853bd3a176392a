//! `facteur invoice`: handed over to `facteur-worker`, which has the painters; this program stays small.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cli::exit::{Failure, UNAVAILABLE};

/// Becomes `facteur-worker invoice …`: the one beside this program, or else the one of the path.
pub fn run(args: Vec<String>) -> Result<(), Failure> {
    let beside = std::env::current_exe().ok().map(|here| here.with_file_name("facteur-worker"));
    let worker = beside.filter(|path| path.is_file()).unwrap_or_else(|| "facteur-worker".into());
    let error = Command::new(&worker).arg("invoice").args(args).exec();
    Err(Failure::new(UNAVAILABLE, format!("{} cannot be started: {error}", worker.display())))
}
