//! Real processes: our binaries, judged from outside.

use std::time::{Duration, Instant};

use tokio::process::Child;

/// Asks a process to stop.
pub fn terminate(child: &Child) -> std::io::Result<()> {
    signal(child, "TERM")
}

/// Sends a signal by name.
pub fn signal(child: &Child, name: &str) -> std::io::Result<()> {
    let Some(pid) = child.id() else { return Ok(()) };
    std::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().map(|_| ())
}

/// A free port on loopback.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Asks again and again until the answer is yes; fails with the question after `patience`.
pub async fn eventually<F, Fut>(patience: Duration, question: &str, ask: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let until = Instant::now() + patience;
    while !ask().await {
        assert!(Instant::now() < until, "not within {patience:?}: {question}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
