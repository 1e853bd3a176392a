//! The tests of the house: one binary, a file per topic, each test on a database of its own. `./dev test` runs them.

mod access;
mod alarms;
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
mod openapi;
mod operators;
mod passwords;
mod processes;
mod registration;
mod requests;
mod schedules;
mod secrets;
mod sessions;
mod sources;
mod templates;
mod workflow;
