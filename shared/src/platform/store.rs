//! One connection to PostgreSQL outside the pool, and what to do when there is none.
//!
//! Commands that start, migrate or examine an installation begin here: "cannot connect" is no help, so every way in
//! which it fails has its own sentence.

use std::fmt;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::Connection;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::kernel::config::Config;

/// Our bound on connecting.
const CONNECT: Duration = Duration::from_secs(5);

/// Who has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The store is away, or full.
    Away,
    /// The address, the name or the password is wrong.
    Config,
    /// The role may not do this.
    Denied,
    /// What the database holds does not fit this version.
    Data,
}

/// Why the database is of no use to us, and what to do.
#[derive(Debug)]
pub struct Trouble {
    /// Who has to do something.
    pub blame: Blame,
    /// A sentence for people.
    pub text: String,
}

impl Trouble {
    /// A trouble with its sentence.
    pub fn new(blame: Blame, text: impl Into<String>) -> Self {
        Self { blame, text: text.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Trouble {}

/// Connects without the pool's time-outs: a migration or a backfill may take as long as it takes.
pub async fn connect(config: &Config) -> Result<PgConnection, Trouble> {
    let options = options(config)?;
    let place = Place::of(&options);
    match tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(place.explain(&error)),
        Err(_) => Err(Trouble::new(
            Blame::Away,
            format!(
                "PostgreSQL at {} does not answer within {} s: is the host right (DATABASE_URL), and does a firewall let \
                 us through?",
                place.address,
                CONNECT.as_secs()
            ),
        )),
    }
}

fn options(config: &Config) -> Result<PgConnectOptions, Trouble> {
    let url = config.database.url.expose_secret();
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let parsed = url.parse::<PgConnectOptions>().ok().filter(|_| known);
    let options = parsed.ok_or_else(|| {
        Trouble::new(
            Blame::Config,
            "DATABASE_URL is no address like postgres://user:password@host:5432/name: correct it",
        )
    })?;
    Ok(options.application_name("facteur").options([
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ]))
}

/// Where a connection went: what a sentence names, without the password.
struct Place {
    address: String,
    user: String,
    database: String,
}

impl Place {
    fn of(options: &PgConnectOptions) -> Self {
        let address = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let user = options.get_username().to_owned();
        Self { database: options.get_database().unwrap_or(&user).to_owned(), address, user }
    }

    fn explain(&self, error: &sqlx::Error) -> Trouble {
        let Self { address, user, .. } = self;
        match error {
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Trouble::new(
                Blame::Away,
                format!(
                    "nothing listens at {address}: start PostgreSQL there (`./dev up` for a private one), or correct DATABASE_URL"
                ),
            ),
            sqlx::Error::Io(error) if error.to_string().contains("lookup") => {
                Trouble::new(Blame::Config, format!("the host of {address} is not known: correct it in DATABASE_URL"))
            }
            sqlx::Error::Io(error) => Trouble::new(
                Blame::Away,
                format!(
                    "PostgreSQL at {address} cannot be reached ({error}): is the host in DATABASE_URL right, and does it run?"
                ),
            ),
            sqlx::Error::Tls(error) => Trouble::new(
                Blame::Config,
                format!(
                    "TLS with PostgreSQL at {address} fails ({error}): see sslmode and sslrootcert in DATABASE_URL"
                ),
            ),
            sqlx::Error::Database(refusal) => self.refusal(refusal.as_ref(), user),
            other => Trouble::new(Blame::Away, format!("PostgreSQL at {address}: {other}")),
        }
    }

    fn refusal(&self, error: &dyn sqlx::error::DatabaseError, user: &str) -> Trouble {
        let Self { address, database, .. } = self;
        match error.code().as_deref() {
            Some("28P01") => Trouble::new(
                Blame::Config,
                format!("PostgreSQL at {address} refuses the password of `{user}`: correct it in DATABASE_URL"),
            ),
            Some("28000") => Trouble::new(
                Blame::Config,
                format!(
                    "PostgreSQL at {address} does not let `{user}` in ({}): create the role, or see pg_hba.conf",
                    error.message()
                ),
            ),
            Some("3D000") => Trouble::new(
                Blame::Config,
                format!(
                    "there is no database `{database}` at {address}: make it (`createdb {database}`), or correct DATABASE_URL"
                ),
            ),
            Some("42501") => Trouble::new(
                Blame::Denied,
                format!(
                    "`{user}` may not use the database `{database}`: grant connect on database {database} to {user}"
                ),
            ),
            Some("53300") => Trouble::new(
                Blame::Away,
                format!(
                    "PostgreSQL at {address} has no connection left: raise its max_connections or lower DATABASE_MAX_CONNECTIONS"
                ),
            ),
            Some("57P03") => Trouble::new(
                Blame::Away,
                format!("PostgreSQL at {address} is starting or stopping: try again in a moment"),
            ),
            _ => Trouble::new(Blame::Away, format!("PostgreSQL at {address}: {}", error.message())),
        }
    }
}
