//! What is being made and is no file yet: parts under names of their own, and one large file written piece by piece.
//!
//! All of it lies under `spool/` of the store. A part may be lost with the machine, for it can be made again; a file is
//! on the disk before it gets its name. What nobody came back for is swept away after two days.

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};

use super::fault::{FileError, sentence};
use super::read::Chunks;
use super::store::Store;

/// Under which everything here lies.
pub(super) const SPOOL: &str = "spool";
/// Sent to S3 at a time, which takes no less than 5 MiB.
const PIECE: usize = 5 * 1024 * 1024;
/// Pieces on their way at once.
const AHEAD: usize = 2;

impl Store {
    /// Stores a part, in one piece, under a name of the caller's: `<folder>/<name>`.
    pub async fn put_part(&self, name: &str, bytes: Bytes) -> Result<(), FileError> {
        self.make_folder().await?;
        self.within(self.spool.put(&self.spooled(name), bytes.into()), "write to").await.map(drop)
    }

    /// How many bytes a part has; none: there is no such part.
    pub async fn part_size(&self, name: &str) -> Result<Option<u64>, FileError> {
        match self.spool.head(&self.spooled(name)).await {
            Ok(about) => Ok(Some(about.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.unread(&error)),
        }
    }

    /// The bytes of a part.
    pub async fn part(&self, name: &str) -> Result<Chunks, FileError> {
        self.whole(&self.spooled(name)).await
    }

    /// Deletes all parts of a folder, as far as that goes: what stays is swept away later.
    pub async fn discard_parts(&self, folder: &str) {
        if let Some(root) = &self.folder {
            let _ = tokio::fs::remove_dir_all(root.join(SPOOL).join(folder)).await; // halves of files, too
            return;
        }
        let place = self.spooled(folder);
        let found: Result<Vec<_>, _> = self.spool.list(Some(&place)).try_collect().await;
        for part in found.unwrap_or_default() {
            if let Err(error) = self.spool.delete(&part.location).await {
                tracing::debug!(%error, "a part stays for the sweep");
            }
        }
    }

    /// Begins a file that is too large for memory, under a name of the caller's like a part's.
    pub async fn begin(&self, name: &str) -> Result<Upload, FileError> {
        self.make_folder().await?;
        let path = self.spooled(name);
        let begun = self.within(self.inner.put_multipart(&path), "write to").await?;
        let to = WriteMultipart::new_with_chunk_size(begun, PIECE);
        Ok(Upload { to, hasher: Sha256::new(), size: 0, name: name.to_owned(), store: self.clone() })
    }

    fn spooled(&self, name: &str) -> object_store::path::Path {
        self.path(&format!("{SPOOL}/{name}"))
    }
}

/// A file that is being written. Dropped: it never was.
pub struct Upload {
    to: WriteMultipart,
    hasher: Sha256,
    size: u64,
    name: String,
    store: Store,
}

/// A file that is written and has no row yet.
#[derive(Clone, Debug)]
pub struct Written {
    /// Under which it lies meanwhile.
    pub(super) name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl Upload {
    /// Writes on; waits for a slow store, so that no more than a few pieces are in memory.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.to.wait_for_capacity(AHEAD).await.map_err(|error| sentence("write to", &self.store.at, &error))?;
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        self.to.put(bytes);
        Ok(())
    }

    /// All is written, and on the disk.
    pub async fn finish(mut self) -> Result<Written, FileError> {
        let done = match self.to.wait_for_capacity(0).await {
            Ok(()) => self.to.finish().await.map(drop),
            Err(error) => self.to.abort().await.and(Err(error)),
        };
        done.map_err(|error| sentence("write to", &self.store.at, &error))?;
        let sha256 = hex::encode(self.hasher.finalize());
        Ok(Written { name: self.name, sha256, size: self.size })
    }

    /// Leaves nothing behind.
    pub async fn abort(self) {
        if let Err(error) = self.to.abort().await {
            tracing::debug!(%error, "an unfinished file stays for the sweep");
        }
    }
}
