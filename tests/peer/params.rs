//! What the harness asks for, and a configuration made of it: the product's defaults, quiet logs.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use shared::kernel::config::{Config, Problems};

/// The `BENCH_…` variables.
pub struct Params {
    /// Jobs to enqueue.
    pub jobs: u64,
    /// The id of the first.
    pub first_id: u64,
    /// Many jobs a transaction, or one.
    pub bulk: bool,
    /// Who enqueue one by one.
    pub callers: u32,
    /// Jobs a second; 0: as fast as possible.
    pub rate: f64,
    /// Jobs a transaction in bulk.
    pub bulk_size: usize,
    /// Bytes of a payload as JSON.
    pub payload: usize,
    /// What a job takes.
    pub work: Duration,
    /// The file in which handlers note what ran.
    pub records: PathBuf,
    /// The file in which a rated run notes when it enqueued.
    pub sent: PathBuf,
    slots: usize,
    postgres: String,
    redis: String,
    namespace: String,
}

impl Params {
    /// Reads them; what is absent is the harness' default.
    pub fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            jobs: number("BENCH_N", 0)?,
            first_id: number("BENCH_FIRST_ID", 0)?,
            bulk: text("BENCH_MODE") == "bulk",
            callers: number("BENCH_CALLERS", 32)?,
            rate: number("BENCH_RATE", 0.0)?,
            bulk_size: number("BENCH_BULK_SIZE", 1000)?,
            payload: number("BENCH_PAYLOAD", 200)?,
            work: Duration::from_secs_f64(number("BENCH_WORK_MS", 0.0)? / 1000.0),
            records: text("BENCH_RECORDS").into(),
            sent: text("BENCH_SENT").into(),
            slots: number("BENCH_CONCURRENCY", 24)?,
            postgres: text("BENCH_PG_URL"),
            redis: text("BENCH_REDIS_URL"),
            // Fixed unless told: the harness flushes its Redis before each run.
            namespace: Some(text("NAMESPACE")).filter(|name| !name.is_empty()).unwrap_or_else(|| "bench".into()),
        })
    }

    /// Everything that is not said here has its default, and no variable of the surroundings has a say.
    pub fn config(&self, connections: u32) -> Result<Config, Problems> {
        Config::read(|name| {
            let value = match name {
                "DATABASE_URL" => &self.postgres,
                "REDIS_URL" => &self.redis,
                "NAMESPACE" => &self.namespace,
                "DATABASE_MAX_CONNECTIONS" => return Some(connections.to_string()),
                "LANES" => return Some(format!("default:{}", self.slots)),
                "PUBLIC_URL" | "FRONTEND_URL" => "http://bench.example",
                "ADMIN_EMAIL" | "MAIL_FROM_EMAIL" => "bench@facteur.example",
                "JWT_SECRET" => "a secret that signs nothing in a benchmark",
                "SMTP_ENABLED" => "false",
                "LOG_LEVEL" => "error",
                _ => return None,
            };
            Some(value.to_owned())
        })
    }
}

fn text(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn number<T: FromStr>(name: &str, default: T) -> anyhow::Result<T> {
    match text(name) {
        text if text.is_empty() => Ok(default),
        text => text.parse().map_err(|_| anyhow::anyhow!("{name} is `{text}`, which is not a number in range")),
    }
}
