//! `worker-newer`: a worker of a version to come, so that tests can run two versions at once. It knows one kind more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::kernel::config::Config;
use shared::kernel::telemetry;
use shared::platform::Platform;
use shared::platform::jobs::{Job, Retry};
use tokio::signal::unix::{SignalKind, signal};
use worker::cx::Cx;
use worker::failure::Failure;
use worker::process::Process;
use worker::registry::Run;
use worker::smtp::Smtp;
use worker::{jobs, lanes};

/// The kind that today's worker does not know.
#[derive(Serialize, Deserialize)]
struct Newer {
    /// Takes no notice of anything, a cancellation included.
    deaf: bool,
}

impl Job for Newer {
    const KIND: &'static str = "debug.newer";
    const RETRY: Retry = Retry::PROBE;
}

impl Run for Newer {
    async fn run(self, _: Cx) -> Result<(), Failure> {
        if self.deaf {
            tokio::time::sleep(Duration::from_mins(10)).await;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env().map_err(|problems| anyhow::anyhow!("{problems}"))?;
    telemetry::start(&config.telemetry);
    let lanes = lanes::parse(&config.worker.lanes).map_err(anyhow::Error::msg)?;
    let smtp = Smtp::new(&config.mail)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let process = Process::start(Platform::new(config)?, jobs::registry().with::<Newer>(), smtp, lanes).await?;
    tokio::select! {
        () = process.pulse() => {}
        _ = terminate.recv() => {}
    }
    process.shut_down().await;
    Ok(())
}
