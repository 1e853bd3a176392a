//! Can files be kept?

use super::Check;
use crate::platform::files::Store;

/// Writes something into the store and deletes it again.
pub(super) async fn files(store: &Store) -> Check {
    match store.check().await {
        Ok(found) => Check::ok("files", found),
        Err(trouble) => Check::away("files", trouble),
    }
}
