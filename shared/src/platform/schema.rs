//! Is the database as this version needs it? And making it so: the migrations, then this version's recurring duties.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use sqlx::PgConnection;
use sqlx::migrate::Migrate;
use sqlx::migrate::MigrateError;
use sqlx::migrate::Migrator;

use crate::platform::MIGRATOR;
use crate::platform::Platform;
use crate::platform::jobs::schedule;
use crate::platform::store;
use crate::platform::store::Blame;
use crate::platform::store::Trouble;
use crate::platform::tx::Tx;

/// A migration that was applied.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number and name, `0010 jobs`.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}

/// Migrations of this version that the database does not have yet, oldest first. Later ones of a newer version are
/// no matter: migrations only add what older versions can live with.
pub async fn pending(db: &mut PgConnection) -> Result<Vec<String>, Trouble> {
    let known = applied(db).await.map_err(|error| unreadable(&error))?;
    let missing = MIGRATOR.iter().filter(|migration| !known.contains_key(&migration.version));
    Ok(missing.map(|migration| name(migration.version)).collect())
}

/// Refuses a database that is older than this version.
pub async fn check(db: &mut PgConnection) -> Result<(), Trouble> {
    let pending = pending(db).await?;
    if pending.is_empty() {
        return Ok(());
    }
    let text = format!("the database lacks {}: run `facteur migrate`", pending.join(", "));
    Err(Trouble::new(Blame::Data, text))
}

/// Applies what is pending, one process at a time, and tells each step. Safe to run by many at once: whoever comes
/// second waits and finds nothing to do.
pub async fn migrate(platform: &Platform, mut tell: impl FnMut(&Step)) -> Result<usize, Trouble> {
    let mut db = store::connect(&platform.config).await?;
    db.lock().await.map_err(|error| failed(&error))?;
    let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    migrator.set_ignore_missing(true); // a rollback to this version must not fail at a database that is newer
    db.ensure_migrations_table(&migrator.table_name).await.map_err(|error| failed(&error))?;
    let before = applied(&mut db).await.map_err(|error| unreadable(&error))?;
    verify(&before)?;
    let mut steps = 0;
    for migration in MIGRATOR.iter().filter(|migration| !before.contains_key(&migration.version)) {
        let started = Instant::now();
        migrator.run_to(migration.version, &mut db).await.map_err(|error| failed(&error))?;
        tell(&Step { name: name(migration.version), took: started.elapsed() });
        steps += 1;
    }
    let duties = async {
        let mut tx = Tx::begin(platform).await?;
        schedule::install(&mut tx).await?;
        tx.commit().await
    };
    duties
        .await
        .map_err(|error| Trouble::new(Blame::Data, format!("the recurring duties cannot be written: {error}")))?;
    db.unlock().await.map_err(|error| failed(&error))?;
    Ok(steps)
}

/// What the database says it has: number → checksum. None of it where the table does not exist.
async fn applied(db: &mut PgConnection) -> Result<HashMap<i64, Vec<u8>>, sqlx::Error> {
    // The migrator's own table: it exists only after the first `facteur migrate`, so no macro can check these.
    let exists: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut *db).await?;
    if !exists {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from _sqlx_migrations where success").fetch_all(db).await?;
    Ok(rows.into_iter().collect())
}

fn verify(applied: &HashMap<i64, Vec<u8>>) -> Result<(), Trouble> {
    let changed = MIGRATOR
        .iter()
        .find(|migration| applied.get(&migration.version).is_some_and(|sum| sum[..] != migration.checksum[..]));
    match changed {
        None => Ok(()),
        Some(migration) => Err(Trouble::new(
            Blame::Data,
            format!(
                "migration {} was changed after this database had it: write a new one instead (or `./dev reset` on your \
                 own machine)",
                name(migration.version)
            ),
        )),
    }
}

fn name(version: i64) -> String {
    let description = MIGRATOR.iter().find(|m| m.version == version).map(|m| m.description.as_ref());
    format!("{version:04} {}", description.unwrap_or_default()).trim_end().to_owned()
}

fn unreadable(error: &sqlx::Error) -> Trouble {
    Trouble::new(Blame::Denied, format!("the table _sqlx_migrations cannot be read: {error}"))
}

fn failed(error: &MigrateError) -> Trouble {
    let (MigrateError::ExecuteMigration(cause, _) | MigrateError::Execute(cause)) = error else {
        return Trouble::new(Blame::Data, format!("the migrations cannot run: {error}"));
    };
    let which = match error {
        MigrateError::ExecuteMigration(_, version) => format!("migration {}", name(*version)),
        _ => "the migration".into(),
    };
    let refusal = cause.as_database_error();
    let reason = refusal.map_or_else(|| cause.to_string(), |refusal| refusal.message().to_owned());
    match refusal.and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some("42501") => Trouble::new(
            Blame::Denied,
            format!("{which} is not allowed ({reason}): let the database's owner run `facteur migrate`"),
        ),
        Some("42P07") => Trouble::new(
            Blame::Data,
            format!("{which} fails ({reason}): this database was not made by `facteur migrate`"),
        ),
        _ => Trouble::new(Blame::Data, format!("{which} failed and left nothing behind: {reason}")),
    }
}
