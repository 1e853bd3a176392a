//! The REST API and the dashboard. A file in `routes` is a table of endpoints with short handlers: authorise, look
//! up, change, enqueue, commit, answer. Everything slow is a job.

mod acts;
pub mod app;
pub mod archive;
pub mod auth;
pub mod cli;
pub mod dashboard;
pub mod download;
pub mod error;
pub mod exports;
pub mod extract;
pub mod http;
pub mod openapi;
pub mod routes;
pub mod table;
mod watch;
