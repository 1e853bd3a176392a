//! The shop: who buys, what there is, what was ordered and what it comes to.
//!
//! Prices are net and in whole minor units; VAT is computed in [`totals`], nowhere else. Who is told of what stands in
//! `flows/order_*.rs`.

pub mod customers;
pub mod disputes;
pub mod invoices;
pub mod methods;
pub mod orders;
pub mod payments;
pub mod person;
pub mod products;
pub mod received;
pub mod refunds;
pub mod subscriptions;
pub mod totals;
pub mod verdict;
