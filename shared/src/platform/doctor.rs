//! Tests every connection of an installation and says what to do. Both binaries have it as a command.

use std::fmt;

use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::clock::Clock;
use crate::platform::Platform;
use crate::platform::jobs::health;
use crate::platform::jobs::tickets::Tickets;
use crate::platform::schema;
use crate::platform::store;
use crate::platform::store::Blame;
use crate::platform::store::Trouble;

mod files;
mod mail;
mod settings;

pub use mail::mail;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and is worth a look.
    Warn,
    /// Something we need is away.
    Away,
    /// The configuration is wrong.
    Wrong,
}

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, and what to do about it.
    pub text: String,
}

impl Check {
    /// A line.
    pub fn new(name: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { name, verdict, text }
    }

    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, text)
    }

    fn warn(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warn, text)
    }

    fn away(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Away, text)
    }

    fn wrong(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Wrong, text)
    }

    fn trouble(name: &'static str, trouble: Trouble) -> Self {
        match trouble.blame {
            Blame::Away => Self::away(name, trouble.text),
            Blame::Config | Blame::Denied | Blame::Data => Self::wrong(name, trouble.text),
        }
    }

    /// Whether it is worth a look, or worse.
    pub fn doubtful(&self) -> bool {
        self.verdict != Verdict::Ok
    }

    /// Whether we cannot work with this.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Away | Verdict::Wrong)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Away | Verdict::Wrong => "FAIL",
        };
        write!(f, "{word:<5} {:<13} {}", self.name, self.text)
    }
}

/// Everything but mail: a worker speaks with its relay better than [`mail`] can.
pub async fn examine(platform: &Platform) -> Vec<Check> {
    let mut checks = settings::settings(&platform.config);
    checks.extend(postgres(platform).await);
    checks.push(redis(&platform.tickets).await);
    checks.push(files::files(&platform.files).await);
    checks
}

async fn postgres(platform: &Platform) -> Vec<Check> {
    let mut db = match store::connect(&platform.config).await {
        Ok(db) => db,
        Err(trouble) => return vec![Check::trouble("PostgreSQL", trouble)],
    };
    let mut checks = match server(&mut db, &platform.clock).await {
        Ok(checks) => checks,
        Err(error) => {
            let text = format!("does not answer our questions: {error}");
            return vec![Check::away("PostgreSQL", text)];
        }
    };
    if let Err(trouble) = schema::check(&mut db).await {
        checks.push(Check::trouble("migrations", trouble));
    } else {
        checks.push(Check::ok("migrations", "the schema is this version's"));
        checks.push(workers(&mut db).await);
    }
    checks
}

async fn server(db: &mut PgConnection, clock: &Clock) -> Result<Vec<Check>> {
    let before = clock.now();
    let row = sqlx::query!(
        r#"select current_setting('server_version_num')::int as "number!",
                  current_setting('server_version') as "version!",
                  current_setting('synchronous_commit') as "commit!",
                  pg_is_in_recovery() as "replica!", clock_timestamp() as "now!""#
    )
    .fetch_one(db)
    .await?;
    let after = clock.now();
    let version = row.version.split(' ').next().unwrap_or_default();
    let mut checks = vec![match row.number {
        ..130_000 => Check::wrong("PostgreSQL", format!("version {version} is too old: 13 or later is needed")),
        _ if row.replica => {
            let text = "this is a read-only replica: point DATABASE_URL at the primary";
            Check::wrong("PostgreSQL", text)
        }
        _ => Check::ok("PostgreSQL", format!("version {version} answers")),
    }];
    if matches!(row.commit.as_str(), "off" | "local") {
        let text =
            format!("synchronous_commit is {}: a crash may lose what was already confirmed; set it to on", row.commit);
        checks.push(Check::warn("durability", text));
    }
    // Its time was taken between `before` and `after`: only what lies outside of them is a difference.
    let skew = (before - row.now).max(row.now - after);
    let seconds = skew.num_milliseconds() as f64 / 1000.0;
    checks.push(if seconds > 2.0 {
        let text = format!("this machine and the database are {seconds:.1} s apart: let NTP set both");
        Check::warn("clock", text)
    } else {
        Check::ok("clock", "agrees with the database's")
    });
    Ok(checks)
}

async fn workers(db: &mut PgConnection) -> Check {
    let workers = match health::workers(db).await {
        Ok(workers) => workers,
        Err(error) => return Check::warn("workers", format!("cannot be counted: {error}")),
    };
    match workers.iter().filter(|worker| worker.state == "running").count() {
        0 => Check::warn("workers", "none is alive, so jobs wait: start `facteur-worker run`"),
        n => Check::ok("workers", format!("{n} alive")),
    }
}

async fn redis(tickets: &Tickets) -> Check {
    if !tickets.in_redis() {
        return Check::ok("Redis", "not used: workers poll PostgreSQL (REDIS_URL makes starts quicker)");
    }
    let version = match tickets.version().await {
        Ok(version) => version.unwrap_or_default(),
        Err(error) => {
            let advice = "start it, or correct REDIS_URL; until then jobs start a little later";
            return Check::away("Redis", format!("cannot be reached ({error}): {advice}"));
        }
    };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let policy = tickets.ping().await.ok().flatten();
    match (major, policy.as_deref()) {
        (Some(..5), _) => Check::wrong("Redis", format!("version {version} is too old: 5 or later is needed")),
        (_, Some("noeviction") | None) => Check::ok("Redis", format!("version {version} answers")),
        (_, Some(other)) => {
            let text =
                format!("maxmemory-policy is {other}, so tickets may be evicted and jobs start late: set noeviction");
            Check::warn("Redis", text)
        }
    }
}
