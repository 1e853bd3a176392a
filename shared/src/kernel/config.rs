//! Configuration: read once at start, the only file that reads the environment.
//!
//! One struct per concern. Every problem is collected, so that one start tells all of them, each with the name of
//! the variable and what to do.

use std::path::PathBuf;
use std::time::Duration;

use ipnetwork::IpNetwork;
use secrecy::{ExposeSecret, SecretString};

mod files;
mod house;
mod read;

pub use files::{FilePlace, Files};
pub use house::{House, HouseSeller, Nature, Regime, Series, WordingKey};
pub use read::{Problems, Reader};

/// Where we run. Production refuses what development forgives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Env {
    /// A developer's machine: mail folder, readable logs, plain-http cookies.
    Development,
    /// The test harness.
    Test,
    /// The real thing.
    Production,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Config {
    /// `APP_ENV`: development, test or production (default).
    pub env: Env,
    /// Listening and what callers may do.
    pub http: Http,
    /// PostgreSQL.
    pub database: Database,
    /// `REDIS_URL`; empty or absent: tickets come from PostgreSQL alone.
    pub redis_url: Option<SecretString>,
    /// `TICKETS`: `redis` (default when `REDIS_URL` is set), `apalis-redis` or `postgres`.
    pub tickets: TicketSource,
    /// `NAMESPACE`: prefix of every key in Redis, so that installations may share one.
    pub namespace: String,
    /// Accounts, sessions, passwords.
    pub auth: Auth,
    /// Mail.
    pub mail: Mail,
    /// Payments.
    pub stripe: Stripe,
    /// `INVOICE_HOUSE`: who invoices, in which words.
    pub house: House,
    /// Stored files.
    pub files: Files,
    /// The worker process.
    pub worker: Worker,
    /// When administrators are told.
    pub alarms: Alarms,
    /// Logs and metrics.
    pub telemetry: Telemetry,
}

/// Which ticket source workers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketSource {
    /// Sorted sets in Redis, PostgreSQL while Redis is away.
    Redis,
    /// Queues of apalis-redis in Redis, at most 1,000 tickets each, PostgreSQL beyond and while Redis is away.
    ApalisRedis,
    /// PostgreSQL alone, polled.
    Postgres,
}

/// How the API listens.
#[derive(Clone, Debug)]
pub struct Http {
    /// `HOST`, default 127.0.0.1.
    pub host: String,
    /// `PORT`, default 3000; 0 = any free one.
    pub port: u16,
    /// `PUBLIC_URL`: our own address, without a trailing slash.
    pub public_url: String,
    /// `FRONTEND_URL`: allowed origins; the first builds links in mails.
    pub frontend_urls: Vec<String>,
    /// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNetwork>,
    /// `RATE_LIMIT_API`, default 1000/15m per user, a tenth of it per address without an account.
    pub limit_api: Rate,
    /// `RATE_LIMIT_FORMS`, default 5/1h per address.
    pub limit_forms: Rate,
    /// `MAX_CONNECTIONS`, default 10,000 open at once.
    pub max_connections: usize,
}

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

/// PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    /// `DATABASE_URL`.
    pub url: SecretString,
    /// `DATABASE_MAX_CONNECTIONS` per process, default 10.
    pub max_connections: u32,
    /// How long one waits for a connection: 1.5 s, because callers of the API do not; workers give themselves more.
    pub patience: Duration,
    /// A connection used so recently is taken to live: 250 ms, which spares a busy API a round trip; workers trust less,
    /// because nobody waits for them and a silent connection would keep a slot until its job's time-out.
    pub trust: Duration,
}

/// Accounts.
#[derive(Clone, Debug)]
pub struct Auth {
    /// `JWT_SECRET`, at least 32 bytes. Also signs the dashboard's form tokens.
    pub jwt_secret: SecretString,
    /// `JWT_ISSUER`, default `facteur`.
    pub issuer: String,
    /// `JWT_AUDIENCE`, default `facteur-users`.
    pub audience: String,
    /// `JWT_ACCESS_EXPIRES_IN`, default and at most 15 minutes.
    pub access_ttl: Duration,
    /// `JWT_EXPIRES_IN`: how long a session lives, default 7 days.
    pub session_ttl: Duration,
    /// `ACCOUNT_ACTIVATION`: required (default) or off.
    pub activation_required: bool,
    /// `RATE_LIMIT_AUTH`: failed logins per account and per address, default 5/1h.
    pub limit: Rate,
    /// `ARGON2_MEMORY_KIB`, default 19456 (OWASP's floor with two passes).
    pub argon2_memory_kib: u32,
}

/// Mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `SMTP_ENABLED`; false keeps mails held.
    pub enabled: bool,
    /// `SMTP_HOST`; absent in development: mails go to `folder`.
    pub smtp: Option<SmtpConfig>,
    /// `MAIL_FOLDER`, development only.
    pub folder: Option<PathBuf>,
    /// `MAIL_FROM_EMAIL`.
    pub from_email: String,
    /// `MAIL_FROM_NAME`, default Facteur; also the name of the house in mails.
    pub from_name: String,
    /// `ADMIN_EMAIL`: who is told, besides users with the role admin.
    pub admins: Vec<String>,
    /// `MAIL_MAX_ATTEMPTS`, default 15.
    pub max_attempts: u32,
    /// `MAIL_RETRY_BASE_SECONDS`, default 15.
    pub retry_base: Duration,
    /// `MAIL_RETRY_HOURS`, default 72: a temporary refusal never kills a mail sooner, whatever its attempts.
    pub patience: Duration,
    /// `MAIL_DOMAIN_CONCURRENCY`, default 0 = no limit: mails to one domain on their way at once, over all workers.
    pub domain_concurrency: u32,
}

/// A relay.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// `SMTP_HOST`.
    pub host: String,
    /// `SMTP_PORT`, default 587.
    pub port: u16,
    /// `SMTP_SECURE`: none, starttls (default) or tls.
    pub security: SmtpSecurity,
    /// `SMTP_USER`.
    pub user: Option<String>,
    /// `SMTP_PASS`.
    pub password: Option<SecretString>,
    /// `SMTP_TIMEOUT_SECONDS`, default 20: our own bound around connect and send.
    pub timeout: Duration,
}

/// How the connection to the relay is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Plain text: a relay on the same machine.
    None,
    /// Plain, then upgraded; refused when the relay cannot.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// Payments by Stripe.
#[derive(Clone, Debug)]
pub struct Stripe {
    /// `STRIPE_SECRET_KEY`, `sk_…` or better a restricted `rk_…`; absent: payments are off.
    pub key: Option<SecretString>,
    /// `STRIPE_WEBHOOK_SECRET`: one to four `whsec_…`, so that a new one can come before the old one goes.
    pub webhook_secrets: Vec<SecretString>,
    /// `STRIPE_API_BASE`, default <https://api.stripe.com>: scheme, host and port, without a trailing slash.
    pub api_base: String,
}

impl Stripe {
    /// Whether the key moves real money; none without a key.
    pub fn is_live(&self) -> Option<bool> {
        self.key.as_ref().map(|key| key.expose_secret().get(2..8) == Some("_live_"))
    }
}

/// The worker process.
#[derive(Clone, Debug)]
pub struct Worker {
    /// `LANES` (or `WORKER_QUEUES`): `email:8,default:4,*`; default `*`.
    pub lanes: String,
    /// `SHUTDOWN_GRACE_SECONDS`, default 25.
    pub grace: Duration,
    /// `KEEP_FINISHED_DAYS`, default 14: how long succeeded and cancelled jobs stay.
    pub keep_finished: u32,
    /// `KEEP_DEAD_DAYS`, default 90: how long dead ones do.
    pub keep_dead: u32,
}

/// When administrators are told that the queue is not well.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// `ALARM_OLDEST_SECONDS`, default 300: a due job may wait so long.
    pub oldest: Duration,
    /// `ALARM_FAILURE_PERCENT`, default 50: so many of a kind's runs may fail.
    pub failure_percent: u8,
    /// `ALARM_DEAD`, default 20: so many jobs of a kind may die in an hour.
    pub dead: i64,
    /// `ALARM_WEBHOOK_URL`: told besides the mail. Secret: who knows it may post there.
    pub webhook: Option<SecretString>,
}

/// Logs and metrics.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// `LOG_LEVEL`, a tracing filter, default info.
    pub level: String,
    /// `LOG_FORMAT`: json (default outside development) or text.
    pub json: bool,
    /// `METRICS_PORT`; absent: no metrics port.
    pub metrics_port: Option<u16>,
    /// `METRICS_TOKEN`; absent: loopback only.
    pub metrics_token: Option<SecretString>,
}

impl Config {
    /// Reads the process environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, Problems> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads from any source of named values; tests pass a map.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut r = Reader::new(get);
        let env = r.choice(
            "APP_ENV",
            Env::Production,
            &[("production", Env::Production), ("development", Env::Development), ("test", Env::Test)],
        );
        let redis_url = r.secret("REDIS_URL");
        let stripe = stripe(&mut r);
        let config = Self {
            env,
            http: http(&mut r),
            database: Database {
                url: r.required_secret(
                    "DATABASE_URL",
                    "the address of PostgreSQL, postgres://user:password@host:5432/name",
                ),
                max_connections: r.number("DATABASE_MAX_CONNECTIONS", 10),
                patience: Duration::from_millis(1500),
                trust: Duration::from_millis(250),
            },
            tickets: tickets(&mut r, redis_url.is_some()),
            redis_url,
            namespace: r.or("NAMESPACE", "facteur"),
            auth: auth(&mut r),
            mail: mail(&mut r, env),
            house: house(&mut r, env, stripe.key.is_some()),
            stripe,
            files: files::files(&mut r, env),
            worker: Worker {
                lanes: r
                    .text("LANES")
                    .or_else(|| r.text("WORKER_QUEUES"))
                    .map_or("*".into(), |l| l.replace("all", "*")),
                grace: Duration::from_secs(r.number("SHUTDOWN_GRACE_SECONDS", 25)),
                keep_finished: r.number("KEEP_FINISHED_DAYS", 14_u32).clamp(1, 3650),
                keep_dead: r.number("KEEP_DEAD_DAYS", 90_u32).clamp(1, 3650),
            },
            alarms: alarms(&mut r),
            telemetry: Telemetry {
                level: r.or("LOG_LEVEL", "info"),
                json: r.choice("LOG_FORMAT", env != Env::Development, &[("json", true), ("text", false)]),
                metrics_port: if r.flag("METRICS_ENABLED", true) { r.optional_number("METRICS_PORT") } else { None },
                metrics_token: r.secret("METRICS_TOKEN"),
            },
        };
        r.finish(config)
    }

    /// Links in mails begin with this.
    pub fn frontend_url(&self) -> &str {
        self.http.frontend_urls.first().map_or(&self.http.public_url, |url| url)
    }
}

fn tickets(r: &mut Reader, redis: bool) -> TicketSource {
    let choices = [
        ("redis", TicketSource::Redis),
        ("apalis-redis", TicketSource::ApalisRedis),
        ("postgres", TicketSource::Postgres),
    ];
    match r.choice("TICKETS", TicketSource::Redis, &choices) {
        TicketSource::ApalisRedis if !redis => {
            r.problem(
                "TICKETS",
                "is `apalis-redis`, which needs REDIS_URL: set it, or leave TICKETS empty to poll PostgreSQL",
            );
            TicketSource::Postgres
        }
        TicketSource::Redis if !redis => TicketSource::Postgres,
        source => source,
    }
}

fn http(r: &mut Reader) -> Http {
    Http {
        host: r.or("HOST", "127.0.0.1"),
        port: r.number("PORT", 3000),
        public_url: r.required("PUBLIC_URL", "our own address, https://api.example.org").trim_end_matches('/').into(),
        frontend_urls: r
            .list("FRONTEND_URL", true, "the site's address, https://www.example.org; a list allows more origins")
            .into_iter()
            .map(|url| url.trim_end_matches('/').to_owned())
            .collect(),
        trusted_proxies: r.networks("TRUSTED_PROXIES"),
        limit_api: r.rate("RATE_LIMIT_API", Rate { count: 1000, per: Duration::from_mins(15) }),
        limit_forms: r.rate("RATE_LIMIT_FORMS", Rate { count: 5, per: Duration::from_hours(1) }),
        max_connections: r.number("MAX_CONNECTIONS", 10_000),
    }
}

fn auth(r: &mut Reader) -> Auth {
    let jwt_secret = r.required_secret("JWT_SECRET", "at least 32 random bytes: `openssl rand -hex 32`");
    let length = jwt_secret.expose_secret().len();
    if length > 0 && length < 32 {
        r.problem("JWT_SECRET", format!("has {length} bytes, needs at least 32: `openssl rand -hex 32`"));
    }
    let argon2_memory_kib = r.number("ARGON2_MEMORY_KIB", 19_456);
    if argon2_memory_kib < 8 {
        r.problem("ARGON2_MEMORY_KIB", "must be 8 or more; leave it empty for 19456");
    }
    Auth {
        jwt_secret,
        issuer: r.or("JWT_ISSUER", "facteur"),
        audience: r.or("JWT_AUDIENCE", "facteur-users"),
        access_ttl: r.duration("JWT_ACCESS_EXPIRES_IN", Duration::from_mins(15)).min(Duration::from_mins(15)),
        session_ttl: r.duration("JWT_EXPIRES_IN", Duration::from_hours(7 * 24)),
        activation_required: r.choice("ACCOUNT_ACTIVATION", true, &[("required", true), ("off", false)]),
        limit: r.rate("RATE_LIMIT_AUTH", Rate { count: 5, per: Duration::from_hours(1) }),
        argon2_memory_kib,
    }
}

fn mail(r: &mut Reader, env: Env) -> Mail {
    let enabled = r.flag("SMTP_ENABLED", true);
    let host = r.text("SMTP_HOST");
    let folder = r.text("MAIL_FOLDER").map(PathBuf::from);
    if enabled && host.is_none() && env == Env::Production {
        r.problem("SMTP_HOST", "is missing: name the mail relay, or set SMTP_ENABLED=false to hold all mail");
    }
    if enabled && host.is_none() && folder.is_none() && env == Env::Development {
        r.problem("MAIL_FOLDER", "is missing: without SMTP_HOST, development mail needs a folder to go to");
    }
    let security = r.choice(
        "SMTP_SECURE",
        SmtpSecurity::Starttls,
        &[("starttls", SmtpSecurity::Starttls), ("tls", SmtpSecurity::Tls), ("none", SmtpSecurity::None)],
    );
    Mail {
        enabled,
        smtp: host.map(|host| SmtpConfig {
            host,
            port: r.number("SMTP_PORT", 587),
            security,
            user: r.text("SMTP_USER"),
            password: r.secret("SMTP_PASS"),
            timeout: Duration::from_secs(r.number("SMTP_TIMEOUT_SECONDS", 20)),
        }),
        folder: if env == Env::Production { None } else { folder },
        from_email: r.required("MAIL_FROM_EMAIL", "the sender's address"),
        from_name: r.or("MAIL_FROM_NAME", "Facteur"),
        admins: r.list("ADMIN_EMAIL", true, "who is told about messages and dead jobs"),
        max_attempts: r.number("MAIL_MAX_ATTEMPTS", 15_u32).max(1),
        retry_base: Duration::from_secs(r.number("MAIL_RETRY_BASE_SECONDS", 15_u64).max(1)),
        patience: Duration::from_secs(u64::from(r.number("MAIL_RETRY_HOURS", 72_u32)) * 3600),
        domain_concurrency: r.number("MAIL_DOMAIN_CONCURRENCY", 0_u32),
    }
}

fn stripe(r: &mut Reader) -> Stripe {
    let key = r.secret("STRIPE_SECRET_KEY");
    if key.as_ref().is_some_and(|key| !is_token(key.expose_secret(), &["sk_", "rk_"])) {
        r.problem(
            "STRIPE_SECRET_KEY",
            "is no secret key: it begins with sk_ or rk_; leave it empty to switch payments off",
        );
    }
    let secrets = r.text("STRIPE_WEBHOOK_SECRET");
    let webhook_secrets: Vec<_> =
        secrets.iter().flat_map(|list| list.split(',')).map(|secret| SecretString::from(secret.trim())).collect();
    if webhook_secrets.len() > 4 || !webhook_secrets.iter().all(|secret| is_token(secret.expose_secret(), &["whsec_"]))
    {
        r.problem("STRIPE_WEBHOOK_SECRET", "must be one to four secrets, each like whsec_…, separated by commas");
    }
    if key.is_some() && webhook_secrets.is_empty() {
        r.problem("STRIPE_WEBHOOK_SECRET", "is missing: without it nobody tells us that an order was paid");
    }
    let api_base = r.or("STRIPE_API_BASE", "https://api.stripe.com").trim_end_matches('/').to_owned();
    if !is_safe_origin(&api_base) {
        r.problem("STRIPE_API_BASE", "must be https://host, or http:// to this machine alone");
    }
    Stripe { key, webhook_secrets, api_base }
}

/// Who invoices. Production would send the sample's invoices to real buyers.
fn house(r: &mut Reader, env: Env, payments: bool) -> House {
    const NAME: &str = "INVOICE_HOUSE";
    let house = match r.text(NAME).map(|path| House::read(&PathBuf::from(path))) {
        None => House::sample(),
        Some(Ok(house)) => house,
        Some(Err(wrong)) => {
            for what in wrong {
                r.problem(NAME, what);
            }
            return House::sample();
        }
    };
    if house.sample && payments && env == Env::Production {
        let start = if r.text(NAME).is_some() { "still says `sample = true`" } else { "is missing" };
        let what = "paid orders are invoiced, and the sample is nobody: copy templates/invoice/house.toml, say who you are \
                    in it, and name the copy here";
        r.problem(NAME, format_args!("{start}: {what}"));
    }
    house
}

/// A prefix and something behind it that fits into a header.
fn is_token(text: &str, prefixes: &[&str]) -> bool {
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

/// Scheme, host and port alone; in the clear only to loopback, for the key goes with every call.
fn is_safe_origin(address: &str) -> bool {
    let Some((scheme, host)) = address.split_once("://") else { return false };
    let alone = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '\\']);
    let name = host.strip_prefix('[').map_or_else(|| host.split(':').next(), |v6| v6.split(']').next());
    let name = name.unwrap_or_default();
    let here = name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    alone && (scheme == "https" || (scheme == "http" && here))
}

fn alarms(r: &mut Reader) -> Alarms {
    let failure_percent = r.number("ALARM_FAILURE_PERCENT", 50_u8);
    if failure_percent > 100 {
        r.problem("ALARM_FAILURE_PERCENT", "must be 0 to 100; 100 never tells");
    }
    let webhook = r.secret("ALARM_WEBHOOK_URL");
    if webhook.as_ref().is_some_and(|url| !["http://", "https://"].iter().any(|s| url.expose_secret().starts_with(s))) {
        r.problem("ALARM_WEBHOOK_URL", "must begin with https:// or http://");
    }
    let dead = r.number("ALARM_DEAD", 20_u32).into();
    Alarms { oldest: Duration::from_secs(r.number("ALARM_OLDEST_SECONDS", 300)), failure_percent, dead, webhook }
}
