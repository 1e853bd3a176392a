//! Many files as one ZIP, made while it is sent: one piece of one file is in memory, and a name and a few numbers for
//! each file that has gone.
//!
//! Files are stored and not deflated, for PDF and the like are deflated already. The same files make the same bytes:
//! times come from their rows. A file that cannot be read breaks the answer off, so that nobody takes a half for a whole.

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use shared::kernel::task;
use shared::platform::files::{self, Disposition, File, Store};
use tokio::sync::mpsc;

use crate::download;

/// Pieces are sent from this size on.
const PIECE: usize = 64 * 1024;
/// The longest name inside, in characters.
const LONGEST: usize = 150;

/// What is sent, or why it breaks off.
type Piece = Result<Bytes, anyhow::Error>;

/// A ZIP of these files under these names, which is saved as `name`. Names are made unique and harmless.
///
/// `files` is asked for the next one when the reader has taken those before: it must not hold a connection of the
/// database meanwhile.
pub fn zip<S>(store: &Store, name: &str, files: S) -> Response
where
    S: Stream<Item = shared::kernel::Result<(String, File)>> + Send + 'static,
{
    let (out, pieces) = mpsc::channel(1);
    let store = store.clone();
    task::spawn("zip", async move {
        if let Err(error) = write(&store, files, &out).await {
            tracing::warn!(error = format!("{error:#}"), "an archive broke off");
            let _ = out.send(Err(error)).await;
        }
    });
    let pieces = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let mut response = Body::from_stream(pieces).into_response();
    download::dress(&mut response, name, "application/zip", Disposition::Attachment);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

async fn write<S>(store: &Store, files: S, out: &mpsc::Sender<Piece>) -> anyhow::Result<()>
where
    S: Stream<Item = shared::kernel::Result<(String, File)>> + Send + 'static,
{
    let buffer = Buffer::default();
    let mut archive = ZipArchiveWriter::new(buffer.clone());
    let (mut files, mut names) = (Box::pin(files), Names::default());
    while let Some((name, file)) = files.try_next().await? {
        let name = names.unique(&name);
        let builder = archive.new_file(name.as_str()).compression_method(CompressionMethod::STORE);
        let builder =
            builder.last_modified(UtcDateTime::from_unix(file.created_at.timestamp())).unix_permissions(0o644);
        let (mut entry, config) = builder.start()?;
        let mut data = config.wrap(&mut entry);
        let mut chunks = files::open(store, &file, None).await?;
        while let Some(chunk) = chunks.next().await {
            data.write_all(&chunk?)?;
            if !buffer.send(out, PIECE).await {
                return Ok(()); // the reader has gone
            }
        }
        let (_, descriptor) = data.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?;
    buffer.send(out, 1).await;
    Ok(())
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// Sends what is there when it is at least so much. False: nobody listens any more.
    async fn send(&self, out: &mpsc::Sender<Piece>, least: usize) -> bool {
        let ready = {
            let mut written = self.0.lock().expect("no code panics while holding this lock");
            if written.len() < least {
                return true;
            }
            std::mem::take(&mut *written)
        };
        out.send(Ok(ready.into())).await.is_ok()
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
