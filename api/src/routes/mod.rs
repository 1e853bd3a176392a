//! Every endpoint, one table per resource.

mod admin_invoices;
mod alarms;
mod auth;
mod batches;
pub mod documentation;
mod emails;
mod errors;
pub mod exports;
mod files;
mod health;
mod invoices;
mod jobs;
mod kinds;
mod lanes;
mod me;
mod notifications;
mod orders;
mod payments;
mod products;
mod requests;
mod schedules;
mod stripe_events;
mod summaries;
mod webhooks;
mod workers;

pub use documentation::router as documentation;

use crate::table::Table;

/// All tables: the router, the OpenAPI document and the access test are made of them.
pub fn tables() -> Vec<Table> {
    vec![
        auth::table(),
        me::table(),
        notifications::preferences(),
        notifications::table(),
        requests::table(),
        requests::admin(),
        products::table(),
        products::admin(),
        orders::table(),
        orders::admin(),
        payments::checkout_table(),
        payments::status_table(),
        payments::methods_table(),
        invoices::table(),
        invoices::of_order_table(),
        admin_invoices::table(),
        summaries::table(),
        summaries::admin(),
        stripe_events::table(),
        stripe_events::development(),
        webhooks::table(),
        jobs::own(),
        jobs::admin(),
        lanes::table(),
        kinds::table(),
        errors::table(),
        batches::table(),
        workers::table(),
        schedules::table(),
        alarms::table(),
        emails::table(),
        exports::mine(),
        exports::table(),
        exports::admin(),
        files::table(),
        health::table(),
    ]
}
