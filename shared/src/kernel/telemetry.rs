//! Logs: JSON lines outside development, readable ones in it. Ids and names only: no addresses, tokens or bodies.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::kernel::config::Telemetry;

/// Starts logging to standard error. A second call changes nothing.
pub fn start(config: &Telemetry) {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = if config.json {
        registry.with(layer.json().flatten_event(true)).try_init()
    } else {
        registry.with(layer.compact().with_target(false)).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}

/// A fresh W3C `traceparent`, sampled.
pub fn new_traceparent() -> String {
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let span = uuid::Uuid::new_v4().simple().to_string();
    format!("00-{trace}-{}-01", &span[..16])
}

/// Whether a caller's `traceparent` is well formed (version 00).
pub fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let hex = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    matches!(parts[..], ["00", trace, span, flags] if hex(trace, 32) && hex(span, 16) && hex(flags, 2)
        && trace.bytes().any(|b| b != b'0') && span.bytes().any(|b| b != b'0'))
}
