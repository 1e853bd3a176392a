//! Bytes on their way out, in pieces: nothing is held that the reader has not asked for.

use std::io::SeekFrom;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::GetResultPayload;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{File, FileError, Store};

/// Read from a disk at a time.
const PIECE: usize = 64 * 1024;

/// The bytes of a file, piece by piece.
pub type Chunks = BoxStream<'static, Result<Bytes, FileError>>;

/// Opens a file, or a range of its bytes, which must not be empty and must lie within it.
///
/// A whole file is compared with its SHA-256 while it goes out, and its last piece is held back until it is proven: who
/// reads to the end has what was stored, and a reader of something else sees an error instead of an end. Of a range only
/// the size of the whole is compared.
pub async fn open(store: &Store, file: &File, range: Option<Range<u64>>) -> Result<Chunks, FileError> {
    let whole = range.is_none();
    let found = store.get(&file.sha256, range).await?;
    if found.meta.size != file.size as u64 {
        let why = format!("it has {} bytes instead of {}", found.meta.size, file.size);
        return Err(store.corrupt(&file.sha256, why));
    }
    let (span, of_store) = (found.range.clone(), store.clone());
    let chunks = match found.payload {
        GetResultPayload::File(disk, _) => from_disk(disk.into(), span, store.clone(), file.sha256.clone()),
        GetResultPayload::Stream(chunks) => chunks.map_err(move |error| of_store.unread(&error)).boxed(),
    };
    Ok(if whole { proven(chunks, store.clone(), file.sha256.clone()) } else { chunks })
}

/// A whole file, proven. For what fits into memory.
pub async fn read(store: &Store, file: &File) -> Result<Bytes, FileError> {
    let mut chunks = open(store, file, None).await?;
    let mut all = BytesMut::with_capacity(file.size as usize);
    while let Some(chunk) = chunks.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// Larger pieces than the crate's own, and an end where the file ends sooner than it should.
fn from_disk(mut disk: tokio::fs::File, span: Range<u64>, store: Store, sha256: String) -> Chunks {
    let unread =
        move |error: std::io::Error, store: &Store| FileError::Store(format!("cannot read from {}: {error}", store.at));
    let pieces = async move {
        disk.seek(SeekFrom::Start(span.start)).await.map_err(|error| unread(error, &store))?;
        let left = span.end - span.start;
        Ok(stream::try_unfold((disk, left, store, sha256), move |(mut disk, left, store, sha256)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = BytesMut::with_capacity(PIECE.min(left as usize));
            let read = (&mut disk).take(left).read_buf(&mut piece).await.map_err(|error| unread(error, &store))?;
            if read == 0 {
                return Err(store.corrupt(&sha256, "it ends too soon"));
            }
            Ok(Some((piece.freeze(), (disk, left - read as u64, store, sha256))))
        }))
    };
    stream::once(pieces).try_flatten().boxed()
}

struct Proof {
    chunks: Chunks,
    hasher: Option<Sha256>,
    held: Option<Bytes>,
    store: Store,
    sha256: String,
}

/// The same chunks, each when the next has come; the last one when the hash is right.
fn proven(chunks: Chunks, store: Store, sha256: String) -> Chunks {
    let proof = Proof { chunks, hasher: Some(Sha256::new()), held: None, store, sha256 };
    stream::try_unfold(proof, |mut proof| async move {
        while let Some(hasher) = proof.hasher.as_mut() {
            if let Some(chunk) = proof.chunks.try_next().await? {
                hasher.update(&chunk);
                if let Some(held) = proof.held.replace(chunk) {
                    return Ok(Some((held, proof)));
                }
                continue;
            }
            let found = proof.hasher.take().map(|hasher| hex::encode(hasher.finalize())).unwrap_or_default();
            if found != proof.sha256 {
                return Err(proof.store.corrupt(&proof.sha256, format!("its SHA-256 is {found}")));
            }
        }
        Ok(proof.held.take().map(|last| (last, proof)))
    })
    .boxed()
}
