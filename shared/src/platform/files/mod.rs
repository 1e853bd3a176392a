//! Stored files. Owns `files`.
//!
//! A file is a row, which says what it is, how it is called and whose it is; its bytes lie in a [`Store`] under their
//! SHA-256, once for all rows that name them, and never change. [`put`] writes bytes first and then the row, in the
//! caller's transaction: a row never names bytes that are not there. Bytes that no row names are swept away a day later
//! ([`sweep`]). Who may see a file, the caller decides; [`signed_url`] lets whoever has the address.

pub mod archive;
mod fault;
mod link;
mod read;
mod spool;
mod store;
mod sweep;

pub use fault::FileError;
pub use link::{Disposition, Signed, admits, signed_query, signed_url, signed_url_for};
pub use read::{Chunks, open, read};
pub use spool::{Upload, Written};
pub use store::Store;
pub use sweep::{Swept, sweep};

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{FileId, UserId};
use crate::kernel::words;
use crate::platform::tx::Tx;

words! {
    /// What a file is.
    FileKind {
        /// An invoice or a credit note: kept as long as the law says.
        Invoice = "invoice",
        /// Another document drawn for somebody: a summary, a certificate.
        Document = "document",
        /// What was asked for as a file: lists, personal data.
        Export = "export",
        /// What somebody sent us.
        Upload = "upload",
    }
}

/// A stored file: everything but its bytes.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// What it is.
    pub kind: FileKind,
    /// SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
    /// Its media type.
    pub content_type: String,
    /// Under which it is downloaded.
    pub name: String,
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// Stored.
    pub created_at: DateTime<Utc>,
    /// After it the file is gone.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A file about to be stored.
#[derive(Clone, Debug)]
pub struct NewFile<'a> {
    /// What it is.
    pub kind: FileKind,
    /// Under which it is downloaded: 1 to 200 characters, no `/`, no control characters.
    pub name: &'a str,
    /// Its media type: `application/pdf`.
    pub content_type: &'a str,
    /// All of it.
    pub bytes: Bytes,
    /// Whose it is, so that erasure finds it.
    pub user: Option<UserId>,
    /// How long it stays; none: until somebody deletes it.
    pub keep: Option<Duration>,
}

/// Stores a file: its bytes at once, its row with the commit. The same bytes are stored once, and written again: so what
/// a failing disk has spoilt is mended by whoever can make them anew.
///
/// 422 for a name or a media type that cannot be one, 503 `storage` when the bytes cannot be written.
pub async fn put(tx: &mut Tx, new: NewFile<'_>) -> Result<File> {
    check(&new)?;
    let store = tx.platform().files.clone();
    let bytes = new.bytes.clone();
    let hashed = tokio::task::spawn_blocking(move || hex::encode(Sha256::digest(&bytes)));
    let sha256 = hashed.await.map_err(Error::internal)?;
    hold(tx, &sha256).await?;
    let size = new.bytes.len() as i64;
    store.write(&sha256, new.bytes.clone()).await?;
    insert(tx, &new, sha256, size).await
}

/// The same for a file that was written piece by piece, of which `bytes` is empty: it gets its name in the store at once,
/// its row with the commit.
pub async fn put_written(tx: &mut Tx, new: NewFile<'_>, written: Written) -> Result<File> {
    check(&new)?;
    let store = tx.platform().files.clone();
    hold(tx, &written.sha256).await?;
    store.publish(&written).await?;
    insert(tx, &new, written.sha256, written.size as i64).await
}

async fn insert(tx: &mut Tx, new: &NewFile<'_>, sha256: String, size: i64) -> Result<File> {
    let id = FileId::new();
    let row = sqlx::query!(
        "insert into files (id, kind, sha256, size, content_type, name, user_id, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)) returning created_at, expires_at",
        id.0,
        new.kind.name(),
        sha256,
        size,
        new.content_type,
        new.name,
        new.user.map(|user| user.0),
        new.keep.map(|keep| keep.as_secs_f64())
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(File {
        id,
        kind: new.kind,
        sha256,
        size,
        content_type: new.content_type.to_owned(),
        name: new.name.to_owned(),
        user_id: new.user,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

fn check(new: &NewFile<'_>) -> Result<()> {
    let name = !new.name.is_empty()
        && new.name.chars().count() <= 200
        && !new.name.contains(|c: char| c == '/' || c.is_control());
    if !name {
        return Err(Error::field("name", "name", "must have 1 to 200 characters, no `/` and no control characters"));
    }
    let graphic = |part: &str| !part.is_empty() && part.bytes().all(|b| (b' '..=b'~').contains(&b));
    match new.content_type.split_once('/') {
        Some((kind, rest)) if graphic(kind) && graphic(rest) => Ok(()),
        _ => Err(Error::field("content_type", "media_type", "must be a media type like application/pdf")),
    }
}

/// Until this transaction ends nobody sweeps these bytes away.
async fn hold(tx: &mut Tx, sha256: &str) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock_shared($1)", lock(sha256)).execute(&mut **tx).await?;
    Ok(())
}

/// The advisory lock of some bytes: the first eight of their hash.
fn lock(sha256: &str) -> i64 {
    let start = sha256.get(..16).and_then(|start| u64::from_str_radix(start, 16).ok());
    i64::from_ne_bytes(start.expect("a hash of ours is hexadecimal").to_ne_bytes())
}

/// One file; one that has expired is none.
pub async fn find(db: &mut PgConnection, id: FileId) -> Result<Option<File>> {
    Ok(find_many(db, &[id]).await?.pop())
}

/// One file; 404 when there is none, or it has expired.
pub async fn get(db: &mut PgConnection, id: FileId) -> Result<File> {
    find(db, id).await?.ok_or(Error::NotFound("file"))
}

/// Those of these files that exist, in the order of the ids.
pub async fn find_many(db: &mut PgConnection, ids: &[FileId]) -> Result<Vec<File>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let files = sqlx::query_as!(
        File,
        r#"
        select f.id as "id: FileId", kind as "kind: FileKind", sha256, size, content_type, name, user_id as "user_id: UserId",
               created_at, expires_at
        from unnest($1::uuid[]) with ordinality as wanted (id, place) join files f on f.id = wanted.id
        where expires_at is null or expires_at > now()
        order by place
        "#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(files)
}

/// Deletes the row; its bytes go with the next sweep unless another row names them. False: there was none.
pub async fn delete(db: &mut PgConnection, id: FileId) -> Result<bool> {
    Ok(sqlx::query!("delete from files where id = $1", id.0).execute(db).await?.rows_affected() == 1)
}

/// Deletes the rows that have passed their term, a bounded number at a time. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from files where id = any(array(
             select id from files where expires_at < now() order by expires_at limit 2000))"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
