//! Keyset pages: `?limit=…&after=…`, newest first, the cursor being the last row's id; in lists that are ordered by
//! something else, with the value it is ordered by.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use uuid::Uuid;

/// Rows a list returns when not told, and at most.
pub const DEFAULT_LIMIT: i64 = 50;
/// The largest page a caller may ask for.
pub const MAX_LIMIT: i64 = 200;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// At most this many rows, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// Rows older than this id; none = from the newest.
    pub after: Option<Uuid>,
    /// What that row was ordered by, where it was not by its id, newest first.
    pub mark: Option<Mark>,
}

/// Where a row stands in a list that has another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which order: its list knows. A cursor means nothing in another.
    pub order: u8,
    /// What the row was ordered by.
    pub value: i64,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, after: None, mark: None }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page starts; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of `limit + 1` fetched rows: the extra row only tells that there is a next page.
    pub fn cut(rows: Vec<T>, request: PageRequest, id: impl Fn(&T) -> Uuid) -> Self {
        Self::cut_by(rows, request, |row| (id(row), None))
    }

    /// The same of rows that are ordered by something else than their id.
    pub fn cut_by(mut rows: Vec<T>, request: PageRequest, at: impl Fn(&T) -> (Uuid, Option<Mark>)) -> Self {
        let more = rows.len() as i64 > request.limit;
        rows.truncate(request.limit as usize);
        let next = if more { rows.last().map(|row| encode(at(row))) } else { None };
        Self { rows, next }
    }

    /// The same page of something made of its rows.
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(of).collect(), next: self.next }
    }
}

/// The opaque cursor of a row: its id, and what it was ordered by.
pub fn encode((id, mark): (Uuid, Option<Mark>)) -> String {
    let mut bytes = id.as_bytes().to_vec();
    if let Some(Mark { order, value }) = mark {
        bytes.push(order);
        bytes.extend(value.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor; none for anything we did not write.
pub fn decode(cursor: &str) -> Option<(Uuid, Option<Mark>)> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, mark) = bytes.split_at_checked(16)?;
    let mark = match mark.split_first() {
        None => None,
        Some((order, value)) => Some(Mark { order: *order, value: i64::from_be_bytes(value.try_into().ok()?) }),
    };
    Some((Uuid::from_slice(id).ok()?, mark))
}
