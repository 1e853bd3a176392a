//! The queue. Owns `jobs`, `job_attempts`, `job_effects`, `job_edits`, `job_selections`, `job_stats`, `batches`,
//! `bulk_operations`, `bulk_items`, `error_groups`, `lanes`, `job_kinds`, `saved_views`, `workers`, `schedules`.
//!
//! A job is a row, written in the caller's transaction ([`enqueue`]). After the commit its id goes to Redis as a
//! *ticket* ([`tickets`]), so that a worker starts it within a millisecond; without a ticket the sweeper finds the
//! row within seconds. Workers claim rows, hold them by a lease and settle them ([`ledger`]). The ledger alone
//! decides about state, retry, delay and pause. [`kinds`] is the catalogue of everything the platform does.

pub mod admin;
pub mod alarms;
pub mod batches;
pub mod bulk;
pub mod effects;
pub mod flow;
pub mod forget;
pub mod groups;
pub mod health;
pub mod kinds;
mod lane;
pub mod ledger;
mod new;
pub mod orders;
pub mod patch;
pub mod permits;
pub mod retention;
mod retry;
pub mod schedule;
pub mod stats;
pub mod sweep;
pub mod tickets;

pub use lane::Lane;
pub use new::{NewJob, enqueue, enqueue_all, enqueue_new, enqueue_now};
pub use retry::Retry;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::kernel::ids::UserId;

/// The version that enqueued or ran a job.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A kind of job: its payload and its policy. What it does stands in `worker/src/jobs/<kind>.rs`.
///
/// The payload holds ids, never data, never a secret. A job may run twice: check before the effect, mark after.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `noun.verb`. Never changes: rows carry it.
    const KIND: &'static str;
    /// Names this kind had before.
    const ALIASES: &'static [&'static str] = &[];
    /// Where it waits.
    const LANE: Lane = Lane::Default;
    /// How often and how soon again.
    const RETRY: Retry = Retry::STANDARD;
    /// After this long a run is stopped and counts as failed.
    const TIMEOUT: Duration = Duration::from_mins(1);
    /// A second job with the same key is the first one.
    fn unique_key(&self) -> Option<String> {
        None
    }
    /// Jobs of one key run at most so many at once, over all processes and lanes: a recipient's domain, an account of
    /// the payment provider.
    fn concurrency(&self) -> Option<(String, u32)> {
        None
    }
    /// Whose work it is: the tenants of a lane take turns, so one's flood delays nobody else.
    fn tenant(&self) -> Option<String> {
        None
    }
    /// What an operator knows it by.
    fn key_argument(&self) -> Option<String> {
        None
    }
    /// The row it is about.
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        None
    }
    /// The person it is about.
    fn owner(&self) -> Option<UserId> {
        None
    }
}
