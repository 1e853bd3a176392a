//! Where the bytes lie: a folder, or S3 and what speaks like it, under their SHA-256: `ab/cdef…`. The only file that
//! opens the crate `object_store`.
//!
//! A write is whole or not at all: a folder gets a file under another name, which is synced and then renamed; S3 knows
//! no half of an object. What is written again is the same, so that any number may write at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use secrecy::ExposeSecret;

use super::fault::{FileError, sentence};
use super::read::Chunks;
use super::spool::{SPOOL, Written};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::FilePlace;

/// A write is given up after this: it is done inside a transaction, which PostgreSQL lets idle for 30 s.
const WRITE: Duration = Duration::from_secs(25);
/// A store that does not begin to answer within this is away.
const ANSWER: Duration = Duration::from_secs(10);
/// S3 is asked again within this.
const RETRY: Duration = Duration::from_secs(8);

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) inner: Arc<dyn ObjectStore>,
    /// The same place, for what may be lost with the machine.
    pub(super) spool: Arc<dyn ObjectStore>,
    prefix: Path,
    /// As sentences name it.
    pub(super) at: Arc<str>,
    /// The folder, when it is one.
    pub(super) folder: Option<Arc<std::path::Path>>,
}

impl Store {
    /// A store as configured. Touches nothing: a folder is made when something is written into it.
    pub fn new(place: &FilePlace) -> Result<Self> {
        match place {
            FilePlace::Folder(folder) => Self::in_folder(folder),
            FilePlace::S3 { bucket, prefix, options } => {
                let retry = RetryConfig { max_retries: 3, retry_timeout: RETRY, ..RetryConfig::default() };
                // No bound on the whole of an answer: who reads slowly here reads slowly there.
                let client = ClientOptions::new().with_timeout_disabled().with_read_timeout(ANSWER);
                let mut builder = AmazonS3Builder::new().with_client_options(client);
                for (name, value) in options {
                    let key = name.to_ascii_lowercase().parse().map_err(Error::internal)?;
                    builder = builder.with_config(key, value.expose_secret());
                    let in_the_clear = *name == "AWS_ENDPOINT_URL" && value.expose_secret().starts_with("http://");
                    // The configuration has seen to it that this goes no further than it may.
                    builder = if in_the_clear { builder.with_allow_http(true) } else { builder };
                }
                let inner = builder.with_retry(retry).with_bucket_name(bucket).build().map_err(Error::internal)?;
                let at = format!("s3://{bucket}/{prefix}").trim_end_matches('/').into();
                let prefix = Path::parse(prefix).map_err(Error::internal)?;
                let inner: Arc<dyn ObjectStore> = Arc::new(inner);
                Ok(Self { spool: inner.clone(), inner, prefix, at, folder: None })
            }
        }
    }

    fn in_folder(folder: &std::path::Path) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(Error::internal)?;
        let prefix = Path::from_absolute_path(&folder).map_err(Error::internal)?;
        let inner = Arc::new(LocalFileSystem::new().with_fsync(true));
        let spool = Arc::new(LocalFileSystem::new());
        Ok(Self { inner, spool, prefix, at: folder.display().to_string().into(), folder: Some(folder.into()) })
    }

    /// The name of some bytes: `ab/cdef…`.
    pub(super) fn key(sha256: &str) -> String {
        let (first, rest) = sha256.split_at(2);
        format!("{first}/{rest}")
    }

    pub(super) fn path(&self, key: &str) -> Path {
        key.split('/').fold(self.prefix.clone(), Path::join)
    }

    /// Writes bytes under their hash.
    pub(super) async fn write(&self, sha256: &str, bytes: Bytes) -> Result<(), FileError> {
        self.write_at(&Self::key(sha256), bytes).await
    }

    async fn write_at(&self, key: &str, bytes: Bytes) -> Result<(), FileError> {
        self.make_folder().await?;
        let path = self.path(key);
        self.within(self.inner.put(&path, bytes.into()), "write to").await.map(drop)
    }

    /// What the store does within its time; a sentence otherwise.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = object_store::Result<T>>,
        doing: &str,
    ) -> Result<T, FileError> {
        match tokio::time::timeout(WRITE, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(sentence(doing, &self.at, &error)),
            Err(_) => Err(self.silent(doing, WRITE)),
        }
    }

    /// Gives what was written piece by piece its name. One copy inside S3, which takes 5 GB at most.
    pub(super) async fn publish(&self, written: &Written) -> Result<(), FileError> {
        let (from, to) = (self.path(&format!("{SPOOL}/{}", written.name)), self.path(&Self::key(&written.sha256)));
        self.within(self.inner.rename(&from, &to), "write to").await
    }

    /// Our folder is ours alone: invoices are nobody else's business on this machine.
    pub(super) async fn make_folder(&self) -> Result<(), FileError> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        if tokio::fs::try_exists(&folder).await.unwrap_or(false) {
            return Ok(());
        }
        let made = tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).await;
        made.map_err(|error| {
            FileError::Store(format!("cannot make the folder {}: {error}; see FILES_URL", folder.display()))
        })
    }

    /// Opens bytes, or a range of them. A range must not be empty and must lie within.
    pub(super) async fn get(&self, sha256: &str, range: Option<std::ops::Range<u64>>) -> Result<GetResult, FileError> {
        let key = Self::key(sha256);
        let path = self.path(&key);
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        match tokio::time::timeout(ANSWER, self.inner.get_opts(&path, options)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(object_store::Error::NotFound { .. })) if self.is_empty().await => {
                Err(FileError::Store(format!("there is nothing in {}: is its disk mounted? See FILES_URL", self.at)))
            }
            Ok(Err(object_store::Error::NotFound { .. })) => {
                Err(FileError::Missing { store: self.at.to_string(), key })
            }
            Ok(Err(error)) => Err(self.unread(&error)),
            Err(_) => Err(self.silent("read from", ANSWER)),
        }
    }

    /// Opens all of what lies under this name, whatever it is.
    pub(super) async fn whole(&self, path: &Path) -> Result<Chunks, FileError> {
        let found = self.within(self.inner.get(path), "read from").await?;
        let store = self.clone();
        Ok(found.into_stream().map_err(move |error| store.unread(&error)).boxed())
    }

    /// What lies in the spool and is older than this is deleted. Returns how many.
    pub(super) async fn sweep_spool(&self, before: DateTime<Utc>) -> Result<u64, FileError> {
        let (mut found, mut swept) = (self.spool.list(Some(&self.path(SPOOL))), 0);
        while let Some(part) = found.try_next().await.map_err(|error| sentence("list", &self.at, &error))? {
            if part.last_modified < before && self.spool.delete(&part.location).await.is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// A folder where there should be files and is none at all: then it is not one file that is lost.
    async fn is_empty(&self) -> bool {
        let Some(folder) = self.folder.clone() else { return false };
        match tokio::fs::read_dir(&folder).await {
            Ok(mut entries) => matches!(entries.next_entry().await, Ok(None)),
            Err(_) => true,
        }
    }

    pub(super) fn unread(&self, error: &object_store::Error) -> FileError {
        sentence("read from", &self.at, error)
    }

    fn silent(&self, doing: &str, patience: Duration) -> FileError {
        FileError::Store(format!("cannot {doing} {}: no answer within {} s", self.at, patience.as_secs()))
    }

    pub(super) fn corrupt(&self, sha256: &str, why: impl Into<String>) -> FileError {
        FileError::Corrupt { store: self.at.to_string(), key: Self::key(sha256), why: why.into() }
    }

    /// Everything that is there and is named like bytes of ours: the hash, and what the store knows of it.
    pub(super) fn list(&self) -> BoxStream<'static, Result<(String, ObjectMeta), FileError>> {
        let (store, prefix) = (self.clone(), self.prefix.clone());
        let all = self.inner.list(Some(&prefix)).map_err(move |error| sentence("list", &store.at, &error));
        all.try_filter_map(move |found| {
            let key: Option<String> =
                found.location.prefix_match(&prefix).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
            let hash = key.filter(|key| key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
            std::future::ready(Ok(hash.map(|hash| (hash, found))))
        })
        .boxed()
    }

    /// Deletes bytes; those that are gone already are gone.
    pub(super) async fn delete(&self, sha256: &str) -> Result<(), FileError> {
        self.delete_at(&Self::key(sha256)).await
    }

    async fn delete_at(&self, key: &str) -> Result<(), FileError> {
        match tokio::time::timeout(ANSWER, self.inner.delete(&self.path(key))).await {
            Ok(Ok(()) | Err(object_store::Error::NotFound { .. })) => Ok(()),
            Ok(Err(error)) => Err(sentence("delete from", &self.at, &error)),
            Err(_) => Err(self.silent("delete from", ANSWER)),
        }
    }

    /// Writes something and deletes it again. Ok says where; the error is a sentence.
    pub async fn check(&self) -> Result<String, String> {
        // Beside the folders and not in one of its own, which would be left behind and look like something stored.
        let key = format!("doctor-{}", uuid::Uuid::now_v7());
        let tried = async {
            self.write_at(&key, Bytes::from_static(b"facteur doctor")).await?;
            self.delete_at(&key).await
        };
        tried.await.map_err(|error| error.to_string())?;
        Ok(match &self.folder {
            Some(folder) => format!("lie in the folder {}", folder.display()),
            None => format!("lie in {}", self.at),
        })
    }

    /// Where the folder keeps these bytes; none in S3. For tests that spoil them, and people who look.
    pub fn in_the_folder(&self, sha256: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(Self::key(sha256)))
    }
}
