//! `facteur serve`: the API and the dashboard, until it is told to stop.

use std::io;
use std::time::Duration;

use shared::kernel::config::Config;
use shared::kernel::{task, telemetry};
use shared::platform::jobs::alarms;
use shared::platform::{Platform, schema, scrape, store};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{CONFIG, Failure, INTERNAL, UNAVAILABLE};
use super::say;
use crate::app::App;
use crate::http;

/// Tickets of the last requests have this long to reach Redis, and connections to PostgreSQL to be given back.
const FLUSH: Duration = Duration::from_secs(2);

/// Serves until the first signal has been obeyed, or the second has come.
pub async fn run() -> Result<(), Failure> {
    let config = Config::from_env()?;
    telemetry::start(&config.telemetry);
    schema::check(&mut store::connect(&config).await?).await?;
    let mut signals = Signals::listen().map_err(|error| Failure::new(INTERNAL, error.to_string()))?;
    let mut again = Signals::listen().map_err(|error| Failure::new(INTERNAL, error.to_string()))?;

    let listener = bind(&config).await?;
    let address = listener.local_addr().map_err(|error| Failure::new(INTERNAL, error.to_string()))?;
    if let Some(port) = config.telemetry.metrics_port {
        let started = scrape::start(port, config.telemetry.metrics_token.clone()).await;
        let metrics = started.map_err(|error| Failure::new(UNAVAILABLE, error.to_string()))?;
        tracing::info!(%metrics, "numbers at /metrics");
    }
    let most = config.http.max_connections;
    let platform = Platform::new(config).map_err(|error| Failure::new(CONFIG, error.to_string()))?;
    let router = App::new(platform.clone()).router();
    tracing::info!(%address, "serving");
    say(format_args!("http://{address}"));
    // Not the workers' business alone: they may all be dead.
    let alarms = task::spawn("alarms", alarms::watch(platform.clone()));

    let serving = async {
        http::serve(listener, router, most, async {
            signals.next().await;
            tracing::info!("told to stop: finishing what was begun");
            platform.realtime.close(); // streams have no end of their own
        })
        .await;
        alarms.abort();
        platform.tickets.flush(FLUSH).await;
        let _ = tokio::time::timeout(FLUSH, platform.db.close()).await;
    };
    let twice = async {
        again.next().await;
        again.next().await;
    };
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        () = twice => return Err(Failure::new(INTERNAL, "told twice to stop: stopped at once")),
    }
    Ok(())
}

async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let (host, port) = (config.http.host.as_str(), config.http.port);
    http::listen(host, port).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            UNAVAILABLE,
            format!("port {port} is taken: stop what listens there, or set PORT to another one"),
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            super::exit::DENIED,
            format!("port {port} is not for ordinary users: set PORT to one above 1023"),
        ),
        io::ErrorKind::AddrNotAvailable => {
            Failure::new(CONFIG, format!("HOST {host} is no address of this machine: try 127.0.0.1 or 0.0.0.0"))
        }
        _ => Failure::new(CONFIG, format!("cannot listen on HOST {host}, PORT {port}: {error}")),
    })
}

/// SIGTERM and SIGINT.
struct Signals(Signal, Signal);

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}
