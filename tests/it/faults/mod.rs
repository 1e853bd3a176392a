//! The fault suite: real processes on stores of their own, something broken on purpose while work is in progress,
//! judged from outside. A test is named after its fault in the catalogue (`f12_…`); the short ones run in
//! `./dev test`, all of them in `./dev faults`, which prints a table.

mod api;
mod clock;
mod load;
mod postgres;
mod redis;
mod smtp;
mod worker;

use std::time::Duration;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A pause, as it is on a machine of one's own.
async fn rest(n: u64) {
    tokio::time::sleep(seconds(n)).await;
}
