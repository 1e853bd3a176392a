//! Services every story uses. Order inside: tx → jobs → files, settings, realtime, templates, stripe → mail →
//! notifications → audit; a later one may use an earlier one. store, schema, scrape and doctor are for the start
//! and the care of a process.

pub mod audit;
pub mod doctor;
pub mod files;
pub mod idempotency;
pub mod jobs;
pub mod mail;
pub mod notifications;
pub mod person;
pub mod ratelimit;
pub mod realtime;
pub mod schema;
pub mod scrape;
pub mod settings;
pub mod store;
pub mod stripe;
pub mod templates;
pub mod tx;

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::Connection;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::clock::Clock;
use crate::kernel::config::Config;
use crate::platform::files::Store;
use crate::platform::jobs::tickets::Tickets;
use crate::platform::ratelimit::RateLimits;
use crate::platform::realtime::Realtime;
use crate::platform::stripe::Stripe;
use crate::platform::templates::Templates;

/// The migrations of this version, embedded.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What a process has at hand: built once, cloned everywhere.
#[derive(Clone)]
pub struct Platform {
    /// What we were told.
    pub config: Arc<Config>,
    /// PostgreSQL.
    pub db: PgPool,
    /// Where committed jobs are announced.
    pub tickets: Tickets,
    /// Shared token buckets.
    pub limits: RateLimits,
    /// News for those who are connected.
    pub realtime: Realtime,
    /// For what never meets a row.
    pub clock: Clock,
    /// Where the bytes of files lie.
    pub files: Store,
    /// Mails and pages.
    pub templates: Templates,
    stripe: Option<Stripe>,
}

impl Platform {
    /// Builds it. Connects to nothing yet: a store that is away is a matter for the first use, not for the start.
    pub fn new(config: Config) -> Result<Self> {
        let db = pool(&config, config.database.max_connections, &[])?;
        Self::with_db(config, db)
    }

    /// The same over a pool made elsewhere (tests).
    pub fn with_db(config: Config, db: PgPool) -> Result<Self> {
        let redis = config.redis_url.as_ref().map(|url| url.expose_secret().to_owned());
        let limits = RateLimits::new(redis.as_deref(), &config.namespace)?;
        let stripe = |key| Stripe::new(&config.stripe.api_base, key, db.clone(), limits.clone());
        Ok(Self {
            tickets: Tickets::new(config.tickets, redis.as_deref(), &config.namespace)?,
            stripe: config.stripe.key.as_ref().map(stripe).transpose()?,
            realtime: Realtime::new(redis.as_deref(), &config.namespace)?,
            limits,
            files: Store::new(&config.files.place)?,
            templates: Templates::embedded().map_err(Error::internal)?,
            config: Arc::new(config),
            db,
            clock: Clock::default(),
        })
    }

    /// The way to Stripe; 503 `payments_off` without a key.
    pub fn stripe(&self) -> Result<&Stripe> {
        self.stripe.as_ref().ok_or(Error::Off("payments_off"))
    }
}

/// A pool with our time-outs and extra server settings (`synchronous_commit` for the claims, say).
pub fn pool(config: &Config, size: u32, settings: &[(&str, &str)]) -> Result<PgPool> {
    let options: PgConnectOptions = config.database.url.expose_secret().parse()?;
    let options = options
        .application_name("facteur")
        .options([
            ("jit", "off"),
            ("statement_timeout", "15s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ])
        .options(settings.iter().copied());
    let trust = config.database.trust;
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(config.database.patience)
        // A connection that was used just now lives: asking it again costs every transaction a round trip.
        .test_before_acquire(false)
        .before_acquire(move |connection, used| {
            Box::pin(async move { if used.idle_for > trust { alive(connection).await } else { Ok(true) } })
        })
        // sqlx asks every connection that comes back whether it still lives, and waits for the answer without a bound:
        // each one behind a silent network would take its place in the pool with it for ever.
        .after_release(|connection, _| Box::pin(alive(connection)))
        .connect_lazy_with(options))
}

/// An error closes the connection at once.
async fn alive(connection: &mut sqlx::PgConnection) -> sqlx::Result<bool> {
    let answer = tokio::time::timeout(Duration::from_secs(2), connection.ping()).await;
    answer.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?.map(|()| true)
}
