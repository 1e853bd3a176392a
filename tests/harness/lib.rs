//! The test harness: an application per test on a database of its own, people as clients, jobs run on demand by the
//! real runner, real binaries, stores and a real SMTP listener where processes matter, and ways to break them.

pub mod app;
pub mod crowd;
pub mod db;
pub mod env;
pub mod events;
pub mod judge;
pub mod judges;
pub mod letters;
pub mod people;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod relay;
pub mod stage;
#[path = "../stripe/mod.rs"]
pub mod stripe;
pub mod world;

pub use app::TestApp;
pub use people::{Client, Reply};
pub use stage::Stage;
pub use world::World;
