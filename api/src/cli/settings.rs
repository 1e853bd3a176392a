//! `facteur settings`: what may be changed without a restart.

use clap::Subcommand;
use serde_json::Value;
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::settings::{self, Known};

use super::exit::Failure;
use super::text::{json, table};
use super::{begin, open, say};
use crate::acts;

/// What can be done with settings.
#[derive(Subcommand)]
pub enum Command {
    /// List every setting
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Change one; it holds at once, in every process
    #[command(after_help = "\
Examples:
  facteur settings set auth.registration false --reason 'closed for the holidays'
  facteur settings set audit.retention_days 730")]
    Set {
        /// Its name
        key: String,
        /// What it becomes; `default` puts its default back
        value: String,
        /// Kept in the audit log
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Ls { json } => list(&platform, json).await,
        Command::Set { key, value, reason } => {
            let value = (value != "default").then(|| read(&value));
            let mut tx = begin(&platform).await?;
            let after = acts::set(&mut tx, &key, value.as_ref(), None, reason.as_deref()).await?;
            tx.commit().await?;
            platform.tickets.flush(std::time::Duration::from_secs(2)).await;
            say(format_args!("{key} is {}", shown(&after.value)));
            Ok(())
        }
    }
}

/// `true`, `12`; anything else is a word.
fn read(text: &str) -> Value {
    serde_json::from_str(text).ok().filter(|value: &Value| !value.is_null()).unwrap_or_else(|| text.into())
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn list(platform: &Platform, as_json: bool) -> Result<(), Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let all = settings::all(&mut db).await?;
    if as_json {
        say(json(&serde_json::json!({ "data": all }))?);
        return Ok(());
    }
    let line = |one: &Known| vec![one.key.to_owned(), shown(&one.value), shown(&one.default), one.doc.to_owned()];
    say(table(&["SETTING", "VALUE", "DEFAULT", "WHAT IT DOES"], &all.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
