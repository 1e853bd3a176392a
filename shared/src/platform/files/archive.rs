//! Many files as one ZIP, made while it is sent or stored: one piece of one file is in memory, and a name and a few
//! numbers for each file that has gone. The only file that opens the crate `rawzip`.
//!
//! The same files make the same bytes: times come from their rows.

use std::collections::HashSet;
use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter};

use super::{File, Store, open};
use crate::kernel::Error;
use crate::kernel::Result;

/// Pieces go out from this size on.
const PIECE: usize = 64 * 1024;
/// The longest name inside, in characters.
const LONGEST: usize = 150;

/// Where an archive goes.
pub trait Outlet: Send {
    /// Takes a piece. False: nobody wants more.
    fn take(&mut self, piece: Bytes) -> impl Future<Output = Result<bool>> + Send;
}

impl<O: Outlet> Outlet for &mut O {
    async fn take(&mut self, piece: Bytes) -> Result<bool> {
        O::take(self, piece).await
    }
}

/// Bytes that were deflated elsewhere (RFC 1951), in pieces that make one stream.
#[derive(Clone, Copy, Debug)]
pub struct Deflated {
    /// CRC-32 of what was compressed.
    pub crc: u32,
    /// Its bytes.
    pub size: u64,
}

/// An archive on its way.
pub struct Archive<O> {
    out: O,
    buffer: Buffer,
    writer: ZipArchiveWriter<Buffer>,
    names: Names,
}

impl<O: Outlet> Archive<O> {
    /// An empty one.
    pub fn new(out: O) -> Self {
        let buffer = Buffer::default();
        Self { out, writer: ZipArchiveWriter::new(buffer.clone()), buffer, names: Names::default() }
    }

    /// Adds a file under this name, made unique and harmless, in this folder (`""`, or `files/`); stored and not deflated, for PDF and the like are deflated
    /// already. False: nobody wants more.
    pub async fn add(&mut self, store: &Store, folder: &str, name: &str, file: &File) -> Result<bool> {
        let name = format!("{folder}{}", self.names.unique(name));
        let builder = self.writer.new_file(name.as_str()).compression_method(CompressionMethod::STORE);
        let builder = builder.last_modified(at(file.created_at)).unix_permissions(0o644);
        let (mut entry, config) = builder.start().map_err(Error::internal)?;
        let mut data = config.wrap(&mut entry);
        let mut chunks = open(store, file, None).await?;
        while let Some(chunk) = chunks.try_next().await? {
            data.write_all(&chunk).map_err(Error::internal)?;
            if !self.buffer.send(&mut self.out, PIECE).await? {
                return Ok(false);
            }
        }
        let (_, descriptor) = data.finish().map_err(Error::internal)?;
        entry.finish(descriptor).map_err(Error::internal)?;
        Ok(true)
    }

    /// Adds what was deflated before, from these parts of the store. The name is taken as it is.
    pub async fn add_deflated(
        &mut self,
        store: &Store,
        name: &str,
        when: DateTime<Utc>,
        parts: &[String],
        was: Deflated,
    ) -> Result<()> {
        let builder = self.writer.new_file(name).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, _) =
            builder.last_modified(at(when)).unix_permissions(0o644).start().map_err(Error::internal)?;
        for part in parts {
            let mut chunks = store.part(part).await?;
            while let Some(chunk) = chunks.try_next().await? {
                entry.write_all(&chunk).map_err(Error::internal)?;
                self.buffer.send(&mut self.out, PIECE).await?;
            }
        }
        entry.finish(DataDescriptorOutput::new(was.crc, was.size)).map_err(Error::internal)?;
        Ok(())
    }

    /// Adds a small file from memory, not deflated. The name is taken as it is.
    pub fn add_bytes(&mut self, name: &str, when: DateTime<Utc>, bytes: &[u8]) -> Result<()> {
        let builder = self.writer.new_file(name).compression_method(CompressionMethod::STORE);
        let (mut entry, config) =
            builder.last_modified(at(when)).unix_permissions(0o644).start().map_err(Error::internal)?;
        let mut data = config.wrap(&mut entry);
        data.write_all(bytes).map_err(Error::internal)?;
        let (_, descriptor) = data.finish().map_err(Error::internal)?;
        entry.finish(descriptor).map_err(Error::internal)?;
        Ok(())
    }

    /// The end of the archive.
    pub async fn finish(mut self) -> Result<()> {
        self.writer.finish().map_err(Error::internal)?;
        self.buffer.send(&mut self.out, 1).await?;
        Ok(())
    }
}

fn at(when: DateTime<Utc>) -> UtcDateTime {
    UtcDateTime::from_unix(when.timestamp())
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// Sends what is there when it is at least so much. False: nobody listens any more.
    async fn send<O: Outlet>(&self, out: &mut O, least: usize) -> Result<bool> {
        let ready = {
            let mut written = self.0.lock().expect("no code panics while holding this lock");
            if written.len() < least {
                return Ok(true);
            }
            std::mem::take(&mut *written)
        };
        out.take(ready.into()).await
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no code panics while holding this lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Names that were given, in lower case: some systems do not tell `a.pdf` from `A.pdf`.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn unique(&mut self, wanted: &str) -> String {
        let name = harmless(wanted);
        let (stem, ending) = match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() && ending.len() <= 10 => (stem, format!(".{ending}")),
            _ => (name.as_str(), String::new()),
        };
        let mut given = name.clone();
        let mut n = 1;
        while !self.0.insert(given.to_lowercase()) {
            n += 1;
            given = format!("{stem} ({n}){ending}");
        }
        given
    }
}

/// A name without a folder in it, that every system can have.
fn harmless(name: &str) -> String {
    let kept = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let name: String = name.chars().map(kept).take(LONGEST).collect();
    let name = name.trim_matches([' ', '.']);
    if name.is_empty() { "file".into() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_harmless() {
        let mut names = Names::default();
        let given = ["a.pdf", "A.pdf", "a.pdf", "../../etc/passwd", "x:y?.xml", "", "..", "Été.tar.gz", "été.tar.gz"];
        let made = given.map(|name| names.unique(name));
        let wanted = [
            "a.pdf",
            "A (2).pdf",
            "a (3).pdf",
            "_.._etc_passwd",
            "x_y_.xml",
            "file",
            "file (2)",
            "Été.tar.gz",
            "été.tar (2).gz",
        ];
        assert_eq!(made, wanted);
    }
}
