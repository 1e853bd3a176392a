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

/// A free port on loopback, below the range from which the kernel takes those of outgoing connections: a server that is
/// killed finds its port free again, and nobody who knocks meanwhile is connected to himself.
pub fn free_port() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let random = || 20_000 + (uuid::Uuid::new_v4().as_u128() % 12_000) as u16;
    std::iter::repeat_with(random).take(1000).find(free).expect("a free port")
}

/// How much longer everything takes because the machine has other things to do: at least 1. Every bound of a test is
/// meant for a machine of its own and is stretched by this.
pub fn busy() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (load / cores as f64).clamp(1.0, 20.0)
}

/// Asks again and again until the answer is yes; fails with the question after `patience`.
pub async fn eventually<F, Fut>(patience: Duration, question: &str, ask: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let from = Instant::now();
    while !ask().await {
        assert!(from.elapsed() < patience.mul_f64(busy()), "not within {patience:?}: {question}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
