//! What exports read: tables with their columns, each in a file of its own, and a snapshot to read them from.
//!
//! A table is data: its columns (name, type, expression, headings), where its rows come from, and the key by which it is
//! read in pages. All of it is text of ours; whatever a person said arrives as a bound parameter: `$1` the filters (jsonb),
//! `$2` the key after which to go on, `$3` how many rows.

pub mod audit_log;
pub mod files;
pub mod invoices;
pub mod orders;
pub mod personal_data;
pub mod report;
mod snapshot;
mod table;
pub mod users;

pub use snapshot::{Rows, Snapshot};
pub use table::{Cell, Column, Key, Selection, Table, Type, column};

/// The tables of a kind of export, by its name in rows; the first one is what the name says. None for no such kind.
pub fn tables(kind: &str) -> Vec<&'static Table> {
    match kind {
        "orders" => vec![&orders::ORDERS, &orders::LINES],
        "invoices" => vec![&invoices::INVOICES, &invoices::LINES],
        "users" => vec![&users::USERS],
        "audit_log" => vec![&audit_log::AUDIT_LOG],
        "report" => vec![&report::REVENUE, &report::ORDERS, &report::USERS],
        "personal_data" => personal_data::TABLES.to_vec(),
        _ => Vec::new(),
    }
}
