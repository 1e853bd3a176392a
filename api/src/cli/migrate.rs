//! `facteur migrate`: brings the database to this version.

use shared::kernel::config::Config;
use shared::platform::{Platform, schema, store};

use super::exit::Failure;
use super::say;

/// Applies what is pending and tells it.
pub async fn run() -> Result<(), Failure> {
    let config = Config::from_env()?;
    store::connect(&config).await?;
    let platform = Platform::new(config)?;
    let steps = schema::migrate(&platform, |step| {
        say(format_args!("{} ({} ms)", step.name, step.took.as_millis()));
    })
    .await?;
    say(match steps {
        0 => "the database is up to date".to_owned(),
        1 => "1 migration applied".to_owned(),
        n => format!("{n} migrations applied"),
    });
    Ok(())
}
