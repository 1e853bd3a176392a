//! `facteur user`: accounts that do not come in through the front door, the first administrator above all.

use std::io::BufRead;

use clap::{Args, Subcommand};
use shared::domain::identity::users::{NewUser, Status, User};
use shared::domain::identity::{fields, passwords, roles, users};
use shared::kernel::Error;
use shared::platform::Platform;
use shared::platform::audit::{self, Severity};
use shared::platform::tx::{Origin, Tx};

use super::exit::{DATA, Failure, USAGE};
use super::{open, people, say, text};

/// What can be done with accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Add an account that is active at once
    ///
    /// Without --password-stdin it gets a random password, which is printed once and kept nowhere.
    #[command(after_help = "\
Examples:
  facteur user add --email ada@example.org --role admin
  pass show facteur/ada | facteur user add --email ada@example.org --role admin --password-stdin")]
    Add(Add),
    /// Everything else
    #[command(flatten)]
    Known(people::Command),
}

/// `user add`.
#[derive(Args)]
pub struct Add {
    /// The address to sign in with
    #[arg(long)]
    email: String,
    /// What they may do, for example admin or moderator
    #[arg(long)]
    role: String,
    /// First name
    #[arg(long, default_value = "")]
    first_name: String,
    /// Last name
    #[arg(long, default_value = "")]
    last_name: String,
    /// Language of their mails
    #[arg(long, default_value = "fr", value_parser = ["fr", "en"])]
    locale: String,
    /// Read the password from standard input (first line)
    #[arg(long)]
    password_stdin: bool,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), Failure> {
    let platform = open().await?;
    match command {
        Command::Add(args) => make(&platform, args).await,
        Command::Known(command) => people::run(&platform, command).await,
    }
}

async fn make(platform: &Platform, args: Add) -> Result<(), Failure> {
    let given = if args.password_stdin { Some(first_line()?) } else { None };
    let password = given.clone().unwrap_or_else(text::password);
    let new = NewUser {
        email: args.email.trim(),
        username: None,
        password: None,
        first_name: args.first_name.trim(),
        last_name: args.last_name.trim(),
        role: args.role.trim(),
        status: Status::Active,
        locale: &args.locale,
    };
    let Some(user) = add(platform, new, &password).await? else {
        return Err(Failure::new(DATA, format!("{} has an account already", args.email)));
    };
    say(format_args!("{} may sign in as {} ({})", args.email, user.role, user.id));
    if given.is_none() {
        say(format_args!("password: {password}"));
    }
    Ok(())
}

/// Writes an account with this password. None: the address has one.
pub async fn add(platform: &Platform, new: NewUser<'_>, password: &str) -> Result<Option<User>, Failure> {
    let wrong = |what: &str, error: &validator::ValidationError| {
        Failure::new(DATA, format!("{what} {}", error.message.as_deref().unwrap_or("is not valid")))
    };
    fields::address(new.email).map_err(|error| wrong(new.email, &error))?;
    fields::name(new.first_name).map_err(|error| wrong("the first name", &error))?;
    fields::name(new.last_name).map_err(|error| wrong("the last name", &error))?;
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let roles = roles::list(&mut db).await?;
    if !roles.iter().any(|role| role.code == new.role) {
        let all: Vec<_> = roles.into_iter().map(|role| role.code).collect();
        return Err(Failure::new(DATA, format!("there is no role `{}`; the roles are {}", new.role, all.join(", "))));
    }
    passwords::check(&mut db, password, &[new.email, new.first_name, new.last_name]).await?;
    drop(db);
    let hash = passwords::hash(&platform.config, password).await?;
    let origin = Origin { user_agent: Some("facteur user".into()), ..Origin::default() };
    let mut tx = Tx::begin_for(platform, origin).await?;
    let Some(user) = users::insert(&mut tx, NewUser { password: Some(&hash), ..new }).await? else {
        return Ok(None);
    };
    let entry = audit::Entry {
        action: "USER_CREATED",
        severity: Severity::Medium,
        target: "user",
        id: user.id.to_string(),
        details: serde_json::json!({ "role": user.role }),
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Some(user))
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::new(USAGE, format!("standard input: {error}")))?;
    let line = line.trim_end_matches(['\r', '\n']).to_owned();
    if line.is_empty() {
        return Err(Failure::new(USAGE, "standard input is empty: pipe the password in"));
    }
    Ok(line)
}
