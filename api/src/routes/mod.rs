//! Every endpoint, one table per resource.

mod admin_invoices;
mod alarms;
mod audit;
mod auth;
mod batches;
mod bulk;
pub mod documentation;
mod email_templates;
mod emails;
mod erasures;
mod errors;
pub mod exports;
mod files;
mod groups;
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
mod rights;
mod schedules;
mod settings;
mod stats;
mod stripe_events;
mod summaries;
mod suppressions;
mod users;
mod webhooks;
mod workers;

pub use documentation::router as documentation;

use crate::table::Table;

/// All tables: the router, the OpenAPI document and the access test are made of them.
pub fn tables() -> Vec<Table> {
    vec![
        auth::table(),
        me::table(),
        users::table(),
        rights::table(),
        groups::table(),
        erasures::table(),
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
        bulk::table(),
        workers::table(),
        schedules::table(),
        alarms::table(),
        audit::table(),
        settings::table(),
        settings::admin(),
        stats::table(),
        emails::table(),
        suppressions::table(),
        email_templates::table(),
        exports::mine(),
        exports::table(),
        exports::admin(),
        files::table(),
        health::table(),
    ]
}
