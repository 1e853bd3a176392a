//! A fresh database and namespace for one family in one round, and our processes on them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::db::TestDb;
use harness::{env, process};
use shared::kernel::config::Config;
use shared::platform::Platform;
use tokio::process::{Child, Command};

/// Stores, and what processes are told about them.
pub struct Stage {
    /// The services, for enqueuing and looking.
    pub platform: Platform,
    /// The environment of every process.
    pub env: Vec<(String, String)>,
    /// The address of the database.
    pub database: String,
    db: TestDb,
}

impl Stage {
    /// A migrated database and an empty namespace.
    pub async fn new() -> anyhow::Result<Self> {
        let db = TestDb::new().await;
        let mut env = env::base(&db.url);
        env.push(("LOG_LEVEL".into(), "error".into())); // a killed worker's jobs are a warning each
        let config = Config::read(|name| match name {
            "DATABASE_MAX_CONNECTIONS" => Some("40".into()),
            _ => env::lookup(&env, name),
        })?;
        Ok(Self { platform: Platform::new(config)?, env, database: db.url.clone(), db })
    }

    /// One of our binaries, with some variables changed; killed with the value.
    pub fn start(&self, binary: &str, argument: &str, changes: &[(&str, &str)]) -> anyhow::Result<Child> {
        let mut command = Command::new(env::binary(binary));
        command.arg(argument).env_clear().envs(self.env.iter().cloned()).envs(changes.iter().copied());
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?)
    }

    /// A worker process with so many slots on the lane `default`.
    pub fn worker(&self, slots: usize) -> anyhow::Result<Child> {
        self.start("facteur-worker", "run", &[("LANES", &format!("default:{slots}"))])
    }

    /// An empty ledger, no tickets, and nothing left to write for PostgreSQL.
    pub async fn clear(&self) -> anyhow::Result<()> {
        sqlx::query("truncate jobs, job_attempts cascade").execute(&self.platform.db).await?;
        sqlx::query("checkpoint").execute(&self.platform.db).await?;
        self.forget_tickets().await
    }

    async fn forget_tickets(&self) -> anyhow::Result<()> {
        let mut redis = redis::Client::open(env::needed("TEST_REDIS_URL"))?.get_multiplexed_async_connection().await?;
        let pattern = format!("*{}*", self.namespace());
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await?;
        if !keys.is_empty() {
            redis::cmd("DEL").arg(keys).exec_async(&mut redis).await?;
        }
        Ok(())
    }

    /// The prefix of this stage's keys.
    pub fn namespace(&self) -> &str {
        &self.platform.config.namespace
    }

    /// Asks until the query says true.
    pub async fn until(&self, query: &'static str, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !sqlx::query_scalar::<_, bool>(query).fetch_one(&self.platform.db).await? {
            anyhow::ensure!(Instant::now() < deadline, "not within {patience:?}: {query}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Drops the database and what is left in Redis.
    pub async fn close(self) -> anyhow::Result<()> {
        self.forget_tickets().await?;
        self.platform.db.close().await;
        drop(self.db);
        Ok(())
    }
}

/// Asks a process to end and expects that it does so well.
pub async fn stop(mut child: Child) -> anyhow::Result<()> {
    process::terminate(&child)?;
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await??;
    anyhow::ensure!(status.success(), "a process ended with {status}");
    Ok(())
}
