//! The worker: takes jobs from the ledger and does them.
//!
//! One job's way: `backend` takes tickets and claims rows in batches → `runner` decodes, runs, normalises →
//! `settle` records outcomes in batches. Beside it `lease` renews what is held and writes what runs say (`notes`), and
//! `sweeper` repairs what was lost.
//!
//! `process` is the whole, with its start and its shutdown; `lanes` are its apalis workers. What the jobs do is in `jobs`;
//! `pdf` paints documents, `exports` and `sheets` write files full of rows.

pub mod backend;
pub mod cx;
pub mod exports;
pub mod failure;
pub mod feeder;
pub mod jobs;
pub mod lanes;
pub mod lease;
pub mod notes;
pub mod papers;
pub mod patience;
pub mod pdf;
pub mod process;
pub mod registry;
pub mod runner;
pub mod settle;
pub mod sheets;
pub mod smtp;
pub mod sweeper;
pub mod tally;
