//! What was asked how often, and over how many connections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Counts since the start or the last reset.
#[derive(Default)]
pub struct Usage {
    calls: BTreeMap<String, Vec<Instant>>,
    /// TCP connections accepted.
    pub connections: usize,
    /// Of these, open now.
    pub open: usize,
}

impl Usage {
    /// One more call.
    pub fn count(&mut self, method: &str, path: &str) {
        self.calls.entry(format!("{method} {}", template(path))).or_default().push(Instant::now());
    }

    /// Calls by `METHOD /v1/path/{id}`, how many of them fell at most into one second, connections.
    pub fn report(&self) -> Value {
        let calls: BTreeMap<_, _> = self.calls.iter().map(|(path, at)| (path, at.len())).collect();
        let peaks: BTreeMap<_, _> = self.calls.iter().map(|(path, at)| (path, peak(at))).collect();
        json!({
            "calls": calls, "peak_per_second": peaks,
            "connections": { "accepted": self.connections, "open": self.open },
        })
    }
}

fn peak(at: &[Instant]) -> usize {
    let second = Duration::from_secs(1);
    let within = |from: usize| at[from..].iter().take_while(|then| **then - at[from] < second).count();
    (0..at.len()).map(within).max().unwrap_or(0)
}

/// A path with its ids replaced by `{id}`.
pub fn template(path: &str) -> String {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let first = if segments.get(1) == Some(&"checkout") { 3 } else { 2 };
    let word = |(n, segment): (usize, &&str)| match n {
        n if n >= first && (n - first).is_multiple_of(2) => "/{id}".to_owned(),
        _ => format!("/{segment}"),
    };
    segments.iter().enumerate().map(word).collect()
}
