//! Many files as one ZIP, made while it is sent. A file that cannot be read breaks the answer off, so that nobody takes a
//! half for a whole.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, TryStreamExt, stream};
use shared::kernel::{Result, task};
use shared::platform::files::archive::{Archive, Outlet};
use shared::platform::files::{Disposition, File, Store};
use tokio::sync::mpsc;

use crate::download;

/// What is sent, or why it breaks off.
type Piece = Result<Bytes>;

/// A ZIP of these files under these names, which is saved as `name`. Names are made unique and harmless.
///
/// `files` is asked for the next one when the reader has taken those before: it must not hold a connection of the
/// database meanwhile.
pub fn zip<S>(store: &Store, name: &str, files: S) -> Response
where
    S: Stream<Item = Result<(String, File)>> + Send + 'static,
{
    let (out, pieces) = mpsc::channel(1);
    let store = store.clone();
    task::spawn("zip", async move {
        if let Err(error) = write(&store, files, Reader(out.clone())).await {
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

async fn write<S>(store: &Store, files: S, to: Reader) -> Result<()>
where
    S: Stream<Item = Result<(String, File)>> + Send + 'static,
{
    let (mut archive, mut files) = (Archive::new(to), Box::pin(files));
    while let Some((name, file)) = files.try_next().await? {
        if !archive.add(store, "", &name, &file).await? {
            return Ok(()); // the reader has gone
        }
    }
    archive.finish().await
}

/// Whoever reads the answer.
struct Reader(mpsc::Sender<Piece>);

impl Outlet for Reader {
    async fn take(&mut self, piece: Bytes) -> Result<bool> {
        Ok(self.0.send(Ok(piece)).await.is_ok())
    }
}
