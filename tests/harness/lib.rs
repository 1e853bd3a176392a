//! The test harness: an application per test on a database of its own, people as clients, jobs run on demand by the
//! real runner, real binaries and a real SMTP listener where processes matter.

pub mod app;
pub mod db;
pub mod env;
pub mod letters;
pub mod people;
pub mod process;
pub mod redis;
pub mod relay;
pub mod stage;

pub use app::TestApp;
pub use people::{Client, Reply};
pub use stage::Stage;
