//! The tests of the house: one binary, a file per topic, each test on a database of its own. `./dev test` runs them.

mod access;
mod architecture;
mod browser;
mod commands;
mod config;
mod conventions;
mod dashboard;
mod delivery;
mod jobs;
mod ledger;
mod limits;
mod model;
mod openapi;
mod operators;
mod passwords;
mod processes;
mod registration;
mod requests;
mod secrets;
mod sessions;
mod templates;
mod workflow;
