//! A database per test, cloned from a template that is migrated once per set of migrations.

use std::time::Duration;

use shared::platform::MIGRATOR;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

/// A database that is dropped with this value.
pub struct TestDb {
    /// Its address.
    pub url: String,
    name: String,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

impl TestDb {
    /// A migrated, empty database.
    pub async fn new() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        let mut admin = admin().await;
        let create = format!("create database {name} template {template}");
        admin.execute(sqlx::AssertSqlSafe(create)).await.expect("a database can be cloned");
        Self { url: url(&name), name }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(crate::env::files(&self.url));
        let drop = format!("drop database if exists {} with (force)", self.name);
        block(async move {
            let mut admin = admin().await;
            let _ = admin.execute(sqlx::AssertSqlSafe(drop)).await;
        });
    }
}

/// Runs a future to its end from a destructor, on a thread of its own.
pub fn block<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await.ok() })
    };
    std::thread::spawn(run).join().ok().flatten()
}

/// A connection to the server's own database.
pub async fn admin() -> PgConnection {
    PgConnection::connect(&crate::env::needed("TEST_DATABASE_URL")).await.expect("PostgreSQL of `./dev test` is up")
}

fn url(name: &str) -> String {
    let admin = crate::env::needed("TEST_DATABASE_URL");
    let (base, _) = admin.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
    format!("{base}/{name}")
}

/// The template's name carries the migrations' checksums: a changed file is another template.
async fn template() -> String {
    let mut all = Vec::new();
    MIGRATOR.iter().for_each(|migration| all.extend_from_slice(&migration.checksum));
    let hash: String = shared::kernel::secret::sha256(&all).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("template_{hash}");
    let mut admin = admin().await;
    // Other test processes may want the same template at the same moment.
    admin.execute("select pg_advisory_lock(727001)").await.expect("an advisory lock");
    let known: Option<String> = sqlx::query_scalar("select datname::text from pg_database where datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await
        .expect("the list of databases");
    if known.is_none() {
        let making = format!("{name}_making");
        let drop = format!("drop database if exists {making} with (force)");
        admin.execute(sqlx::AssertSqlSafe(drop)).await.expect("a half-made template can go");
        admin.execute(sqlx::AssertSqlSafe(format!("create database {making}"))).await.expect("a new database");
        let mut db = PgConnection::connect(&url(&making)).await.expect("the new database");
        MIGRATOR.run(&mut db).await.expect("the migrations run");
        db.close().await.expect("closed");
        let rename = format!("alter database {making} rename to {name}");
        admin.execute(sqlx::AssertSqlSafe(rename)).await.expect("the template is ready");
    }
    admin.execute("select pg_advisory_unlock(727001)").await.expect("unlocked");
    name
}
