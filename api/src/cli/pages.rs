//! What every long list on the command line has: `--limit`, `--after`, `--json`, and how it is printed.

use serde::Serialize;
use shared::kernel::page::{self, Page, PageRequest};

use crate::cli::exit::{Failure, USAGE};
use crate::cli::say;
use crate::cli::text::{json, table};

/// Which part of a list, and how.
#[derive(clap::Args)]
pub struct Slice {
    /// At most so many, up to 200
    #[arg(long, default_value_t = page::DEFAULT_LIMIT, value_parser = clap::value_parser!(i64).range(1..=page::MAX_LIMIT))]
    limit: i64,
    /// Where the last list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Slice {
    /// The part that was asked for.
    pub fn request(&self) -> Result<PageRequest, Failure> {
        let wrong = || Failure::new(USAGE, "--after is no cursor of ours: it is printed below a list that goes on");
        let after = self.after.as_deref().map(|cursor| page::decode(cursor).ok_or_else(wrong)).transpose()?;
        let (after, mark) = after.map_or((None, None), |(id, mark)| (Some(id), mark));
        Ok(PageRequest { limit: self.limit, after, mark })
    }

    /// Prints it as JSON, or as a table under `head`; `nothing` where no row is.
    pub fn print<T: Serialize>(
        &self,
        page: &Page<T>,
        nothing: &str,
        head: &[&str],
        line: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.json {
            say(json(&serde_json::json!({ "data": page.rows, "page": { "next": page.next } }))?);
            return Ok(());
        }
        if page.rows.is_empty() {
            say(nothing);
            return Ok(());
        }
        say(table(head, &page.rows.iter().map(line).collect::<Vec<_>>()));
        if let Some(next) = &page.next {
            say(format_args!("there are more: --after {next}"));
        }
        Ok(())
    }
}
