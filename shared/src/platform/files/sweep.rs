//! Bytes that no row names: of files that were deleted, of transactions that were rolled back, of writers that died.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;

use super::spool::SPOOL;
use super::{FileError, Store, lock};
use crate::kernel::Result;
use crate::platform::Platform;
use crate::platform::tx::Tx;

/// Younger bytes are left alone: their row may be about to be written.
const YOUNG: TimeDelta = TimeDelta::days(1);
/// So many hashes are compared with the rows at a time.
const BATCH: usize = 500;

/// What a sweep took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Stored bytes that no row named.
    pub blobs: u64,
    /// Their size together.
    pub bytes: u64,
    /// Files and parts of writers that died in the middle.
    pub halves: u64,
}

/// Goes through all that is stored and deletes what no row names and is older than a day. Ends early, without an error,
/// when `go_on` says so.
pub async fn sweep(platform: &Platform, go_on: impl Fn() -> bool) -> Result<Swept> {
    let before = platform.clock.now() - YOUNG;
    let mut swept = Swept::default();
    let mut all = platform.files.list();
    let mut batch = Vec::with_capacity(BATCH);
    while let Some((sha256, about)) = all.try_next().await? {
        if about.last_modified < before {
            batch.push((sha256, about.size));
        }
        if batch.len() == BATCH {
            sweep_batch(platform, std::mem::take(&mut batch), &mut swept).await?;
        }
        if !go_on() {
            return Ok(swept);
        }
    }
    sweep_batch(platform, batch, &mut swept).await?;
    swept.halves = platform.files.sweep_spool(before - YOUNG).await?;
    if let Some(root) = &platform.files.folder {
        swept.halves += halves(&platform.files, root, before).await?;
        swept.halves += halves(&platform.files, &root.join(SPOOL), before - YOUNG).await?;
    }
    Ok(swept)
}

async fn sweep_batch(platform: &Platform, batch: Vec<(String, u64)>, swept: &mut Swept) -> Result<()> {
    let hashes: Vec<String> = batch.iter().map(|(sha256, _)| sha256.clone()).collect();
    let named = {
        let mut db = platform.db.acquire().await?;
        sqlx::query_scalar!("select distinct sha256 from files where sha256 = any($1)", &hashes)
            .fetch_all(&mut *db)
            .await?
    };
    for (sha256, size) in batch.into_iter().filter(|(sha256, _)| !named.contains(sha256)) {
        if forget(platform, &sha256).await? {
            swept.blobs += 1;
            swept.bytes += size;
        }
    }
    Ok(())
}

/// Deletes bytes under their lock, which whoever writes the same ones shares until the row is committed.
async fn forget(platform: &Platform, sha256: &str) -> Result<bool> {
    let mut tx = Tx::begin(platform).await?;
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, lock(sha256))
        .fetch_one(&mut *tx)
        .await?;
    let named = sqlx::query_scalar!(r#"select exists (select from files where sha256 = $1) as "named!""#, sha256)
        .fetch_one(&mut *tx)
        .await?;
    if mine && !named {
        platform.files.delete(sha256).await?;
    }
    tx.commit().await?;
    Ok(mine && !named)
}

/// A writer that was killed leaves `cdef…#1` in a folder; S3 forgets what was not finished by itself.
async fn halves(store: &Store, root: &Path, before: DateTime<Utc>) -> Result<u64, FileError> {
    let failed = |error: std::io::Error| FileError::Store(format!("cannot list {}: {error}", store.at));
    let mut found = 0;
    let Ok(mut folders) = tokio::fs::read_dir(root).await else { return Ok(0) };
    while let Some(folder) = folders.next_entry().await.map_err(failed)? {
        let Ok(mut entries) = tokio::fs::read_dir(folder.path()).await else { continue };
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let half = entry.file_name().to_string_lossy().contains('#');
            let Ok(about) = entry.metadata().await else { continue };
            let old = about.modified().is_ok_and(|at| DateTime::<Utc>::from(at) < before);
            if half && old && tokio::fs::remove_file(entry.path()).await.is_ok() {
                found += 1;
            }
        }
    }
    Ok(found)
}
