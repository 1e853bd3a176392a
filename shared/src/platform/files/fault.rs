//! What can go wrong with the bytes of a file, in sentences for whoever looks after the installation.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use crate::kernel::Error;

/// Why bytes could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The row is there and the bytes are not.
    #[error("the bytes of the file are missing from {store}: no {key} there")]
    Missing {
        /// Where they should be.
        store: String,
        /// Under which name.
        key: String,
    },
    /// There are bytes, and not those that were stored.
    #[error("the file is corrupt: {key} in {store} is not what was stored there ({why})")]
    Corrupt {
        /// Where they are.
        store: String,
        /// Under which name.
        key: String,
        /// How one knows.
        why: String,
    },
    /// The store did not do as it was told; another time it may.
    #[error("{0}")]
    Store(String),
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Store(text) => Self::Storage(text),
            lost => Self::internal(lost),
        }
    }
}

/// An error of the store in words: what it was doing, where, and what to do about it.
pub(super) fn sentence(doing: &str, store: &str, error: &object_store::Error) -> FileError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let advice = match (cause(error).map(io::Error::kind), error) {
        (Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded), _) => {
            "its disk is full: free some space or enlarge it; what waits for it is tried again".to_owned()
        }
        (Some(ErrorKind::ReadOnlyFilesystem), _) => "it is mounted read-only: see the disk and its mount".to_owned(),
        (Some(ErrorKind::PermissionDenied), _) => {
            "this process may not: give its user the folder, or correct FILES_URL".to_owned()
        }
        (_, PermissionDenied { .. } | Unauthenticated { .. }) => {
            "the keys are refused: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the rights of the bucket"
                .to_owned()
        }
        (_, NotFound { .. }) => "there is no such place: make the bucket, or correct FILES_URL".to_owned(),
        (Some(_), _) => cause(error).map(ToString::to_string).unwrap_or_default(),
        (None, other) => other.to_string(),
    };
    FileError::Store(format!("cannot {doing} {store}: {advice}"))
}

/// The operating system's part in it, if it has one.
fn cause(error: &object_store::Error) -> Option<&io::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_a_full_disk() {
        let said = |kind: ErrorKind| {
            let source = Box::new(io::Error::other(io::Error::from(kind)));
            let nested = object_store::Error::Generic { store: "x", source };
            let plain = object_store::Error::Generic { store: "x", source: Box::new(io::Error::from(kind)) };
            assert!(cause(&nested).is_some());
            sentence("write to", "/srv/files", &plain).to_string()
        };
        assert!(said(ErrorKind::StorageFull).starts_with("cannot write to /srv/files: its disk is full"));
        assert!(said(ErrorKind::PermissionDenied).contains("FILES_URL"));
    }
}
