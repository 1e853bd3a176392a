//! PostgreSQL ends a statement of ours after 15 s. What has no answer after 20 s has lost its connection without a word
//! (a silent network, a host that is gone), and TCP would wait for it for hours.

use std::future::Future;
use std::time::Duration;

use shared::kernel::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(20);

/// Work on the ledger, given up when it is not answered.
pub async fn answered<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let given_up = || Error::Unavailable { what: "PostgreSQL", retry_after: Duration::from_secs(2) };
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(given_up()))
}
