//! Rows on their way into a part: as they are, or deflated (RFC 1951). The only file that opens the crate `flate2`.
//!
//! A deflated part ends at a byte's edge and refers to nothing before it (a full flush), so that parts which were made by
//! different runs are one stream when they stand in a row; the sums of their contents are joined likewise.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use shared::domain::exports::Part;

/// Raw bytes are deflated from this size on.
const PIECE: usize = 64 * 1024;

/// Where rows are written, and what becomes of them.
pub struct Pack {
    /// What was written and is not compressed yet; without compression: the part.
    pub raw: Vec<u8>,
    deflate: Option<Deflate>,
}

struct Deflate {
    by: Compress,
    out: Vec<u8>,
    sum: crc32fast::Hasher,
    size: u64,
}

impl Pack {
    /// Deflated, or as it is.
    pub fn new(deflated: bool) -> Self {
        let fresh = || Deflate {
            by: Compress::new(Compression::new(3), false),
            out: Vec::new(),
            sum: crc32fast::Hasher::new(),
            size: 0,
        };
        Self { raw: Vec::new(), deflate: deflated.then(fresh) }
    }

    /// To be called between rows: keeps the buffer small. Returns how large the part is by now.
    pub fn settle(&mut self) -> usize {
        if self.deflate.is_some() && self.raw.len() >= PIECE {
            self.squeeze(FlushCompress::None);
        }
        self.deflate.as_ref().map_or(self.raw.len(), |deflate| deflate.out.len())
    }

    /// The part is complete; `last`: the last one of its entry. The next one begins.
    pub fn part(&mut self, name: String, last: bool) -> (Part, Bytes) {
        self.squeeze(if last { FlushCompress::Finish } else { FlushCompress::Full });
        let Some(deflate) = &mut self.deflate else {
            let room = Vec::with_capacity(self.raw.capacity());
            let bytes = Bytes::from(std::mem::replace(&mut self.raw, room));
            let stored = bytes.len() as u64;
            return (Part { name, stored, size: stored, crc: 0 }, bytes);
        };
        let bytes = Bytes::from(std::mem::take(&mut deflate.out));
        let crc = std::mem::take(&mut deflate.sum).finalize();
        let size = std::mem::take(&mut deflate.size);
        if last {
            deflate.by.reset();
        }
        (Part { name, stored: bytes.len() as u64, size, crc }, bytes)
    }

    fn squeeze(&mut self, flush: FlushCompress) {
        let Some(deflate) = &mut self.deflate else { return };
        deflate.sum.update(&self.raw);
        deflate.size += self.raw.len() as u64;
        let (begun, mut at) = (deflate.by.total_in(), 0);
        loop {
            deflate.out.reserve(PIECE);
            let status = deflate.by.compress_vec(&self.raw[at..], &mut deflate.out, flush);
            let status = status.expect("deflate without a dictionary refuses nothing");
            at = (deflate.by.total_in() - begun) as usize;
            let room = deflate.out.len() < deflate.out.capacity();
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => at == self.raw.len() && room,
            };
            if done {
                break;
            }
        }
        self.raw.clear();
    }
}

/// The CRC-32 and the size of what these parts hold together.
pub fn together(parts: &[Part]) -> (u32, u64) {
    let mut all = crc32fast::Hasher::new();
    for part in parts {
        all.combine(&crc32fast::Hasher::new_with_initial_len(part.crc, part.size));
    }
    (all.finalize(), parts.iter().map(|part| part.size).sum())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn parts_of_different_runs_are_one_stream() {
        let text: Vec<String> =
            (0..4).map(|n| format!("row {n}, and the same words again and again\n").repeat(5000)).collect();
        let (mut stream, mut parts) = (Vec::new(), Vec::new());
        for (n, piece) in text.iter().enumerate() {
            let mut pack = Pack::new(true); // another run each time
            pack.raw.extend_from_slice(piece.as_bytes());
            pack.settle();
            let (part, bytes) = pack.part(n.to_string(), n == 3);
            stream.extend_from_slice(&bytes);
            parts.push(part);
        }
        let mut read = String::new();
        flate2::read::DeflateDecoder::new(&*stream).read_to_string(&mut read).expect("one stream");
        assert_eq!(read, text.concat());
        assert_eq!(together(&parts), (crc32fast::hash(read.as_bytes()), read.len() as u64));
    }
}
