//! How an export is made: a [`plan`] of tables, read from one snapshot and written as parts ([`build`]), which are joined
//! into one file at the end ([`join`]).
//!
//! A part is a few megabytes of rows, stored under a name of its own; with it goes a checkpoint into the row. Whoever goes
//! on after a crash reads what is left from a snapshot of their own. Compressed parts are made so that they can be joined
//! as they are ([`pack`]): joining copies, and computes nothing but the SHA-256.

pub mod build;
pub mod join;
pub mod pack;
pub mod plan;
