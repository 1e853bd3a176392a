//! Every transition of a job's state, one statement each. Time is the database's: a worker's clock decides nothing.
//!
//! insert → claim → (renew, note) → settle_done | settle_unsuccessful | release. The guard of every settlement is
//! (id, worker, fence): a worker that lost its lease cannot record a result.
//!
//! `state || ''` in a guard keeps the planner on the primary key: the partial indexes on live states look small to
//! its statistics and are full of entries that died a second ago.

mod claim;
mod hold;
mod insert;
mod settle;

pub use claim::{Claimed, Ration, claim, claim_next, claim_rationed};
pub use hold::{Note, begin, note, release, renew, still_mine};
pub use insert::{Inserted, holder, insert};
pub use settle::{Unsuccessful, late, settle_done, settle_unsuccessful};

/// How long a claim holds without renewal.
pub const LEASE_SECONDS: f64 = 15.0;
