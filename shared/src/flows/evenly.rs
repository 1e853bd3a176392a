//! Answers that must not tell by their time whether an account exists.
//!
//! What differs between a known and an unknown account (a few statements; a bcrypt hash that costs more than ours)
//! ends within this time, so that all such answers leave at the same moment. Nothing is held meanwhile.

use std::time::Duration;

use tokio::time::Instant;

/// When such an answer leaves, after its question came.
const LEAVES: Duration = Duration::from_millis(400);

/// Waits for the moment at which the answer may leave.
pub async fn wait(came: Instant) {
    tokio::time::sleep_until(came + LEAVES).await;
}
