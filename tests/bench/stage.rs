//! A fresh database and namespace for one round, and worker processes on them.

use std::process::Stdio;

use harness::db::TestDb;
use shared::kernel::config::Config;
use shared::platform::Platform;
use tokio::process::{Child, Command};

/// One round's stores.
pub struct Stage {
    /// The services, for enqueuing.
    pub platform: Platform,
    db: TestDb,
    env: Vec<(String, String)>,
}

impl Stage {
    /// A migrated database and an empty namespace.
    pub async fn new() -> anyhow::Result<Self> {
        let db = TestDb::new().await;
        let mut env = harness::env::base(&db.url);
        env.push(("DATABASE_MAX_CONNECTIONS".into(), "40".into()));
        env.push(("LOG_LEVEL".into(), "warn".into()));
        let config =
            Config::read(|name| env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone()))?;
        Ok(Self { platform: Platform::new(config)?, db, env })
    }

    /// A worker process with 100 slots on the lane `default`.
    pub fn worker(&self) -> anyhow::Result<Child> {
        let child = Command::new(harness::env::binary("facteur-worker"))
            .arg("run")
            .env_clear()
            .envs(self.env.iter().cloned())
            .env("LANES", "default:100")
            .env("DATABASE_MAX_CONNECTIONS", "8")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    /// An empty ledger.
    pub async fn clear(&self) -> anyhow::Result<()> {
        sqlx::query("truncate jobs cascade").execute(&self.platform.db).await?;
        sqlx::query("checkpoint").execute(&self.platform.db).await?;
        Ok(())
    }

    /// Drops the database.
    pub async fn close(self) -> anyhow::Result<()> {
        self.platform.db.close().await;
        drop(self.db);
        Ok(())
    }
}
