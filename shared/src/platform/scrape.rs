//! `/metrics` for Prometheus, on a port of its own: plain TCP, one address, one answer. Used by both binaries, and
//! alive while all of the API's connections are taken.
//!
//! Without `METRICS_TOKEN` it listens on the loopback interface only; with one, everywhere, and asks for
//! `Authorization: Bearer`.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::secret;
use crate::kernel::task;
use crate::platform::jobs::VERSION;

/// A request's head is at most this long.
const HEAD: usize = 8 * 1024;
/// One request and its answer take at most this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many at once: Prometheus is one client.
const CLIENTS: usize = 16;
/// Upper bounds of histograms, in seconds.
const BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The process-wide recorder: metrics have one sink.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts recording and answers scrapes on this port (0 = any free one). Returns the address.
pub async fn start(port: u16, token: Option<SecretString>) -> Result<SocketAddr> {
    let host = if token.is_some() { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        Error::internal(format_args!(
            "METRICS_PORT {port} cannot be opened ({error}): give each process a port of its own, or leave it empty"
        ))
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let recorder = recorder()?;
    metrics::gauge!("facteur_info", "version" => VERSION).set(1.0);
    task::spawn("metrics", async move {
        let (token, clients) = (Arc::new(token), Arc::new(Semaphore::new(CLIENTS)));
        let mut upkeep = tokio::time::interval(Duration::from_secs(5));
        loop {
            tokio::select! {
                _ = upkeep.tick() => recorder.run_upkeep(),
                accepted = listener.accept() => match (accepted, clients.clone().try_acquire_owned()) {
                    (Ok((stream, _)), Ok(permit)) => {
                        let token = token.clone();
                        task::spawn("scrape", async move {
                            let _ = tokio::time::timeout(PATIENCE, serve(stream, recorder, token.as_ref().as_ref())).await;
                            drop(permit);
                        });
                    }
                    (Ok(_), Err(_)) => {} // one too many: closed
                    (Err(_), _) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
    });
    Ok(address)
}

fn recorder() -> Result<&'static PrometheusHandle> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle);
    }
    let builder = PrometheusBuilder::new().set_buckets(BUCKETS).map_err(Error::internal)?;
    let handle = builder.install_recorder().map_err(Error::internal)?;
    metrics::describe_gauge!("facteur_info", "The running version, as a label");
    metrics::describe_histogram!("facteur_http_seconds", "How long requests took, by method and status");
    metrics::describe_gauge!("facteur_http_connections", "Connections open");
    metrics::describe_counter!("facteur_jobs_total", "Runs settled, by lane and verdict");
    metrics::describe_histogram!("facteur_job_wait_seconds", "From due to started, by lane");
    metrics::describe_counter!(
        "facteur_tickets_dropped_total",
        "Tickets that could not be sent; PostgreSQL hands those jobs out"
    );
    metrics::describe_counter!("facteur_tickets_garbage_total", "Bytes found in Redis that are no ticket");
    metrics::describe_histogram!("facteur_stripe_seconds", "How long calls to Stripe took, by endpoint and outcome");
    metrics::describe_counter!(
        "facteur_stripe_webhook_rejected_total",
        "What was posted to the webhook and is no event, by reason"
    );
    Ok(RECORDER.get_or_init(|| handle))
}

async fn serve(
    mut stream: TcpStream,
    recorder: &PrometheusHandle,
    token: Option<&SecretString>,
) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&head), recorder, token);
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn answer(head: &str, recorder: &PrometheusHandle, token: Option<&SecretString>) -> (&'static str, String) {
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if target.split('?').next() != Some("/metrics") {
        return ("404 Not Found", "only /metrics is here\n".into());
    }
    if method != "GET" {
        return ("405 Method Not Allowed\r\nAllow: GET", "only GET\n".into());
    }
    let given = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .and_then(|(_, value)| value.trim().strip_prefix("Bearer "));
    let welcome =
        token.is_none_or(|token| given.is_some_and(|given| secret::same(given.trim(), token.expose_secret())));
    if !welcome {
        return (
            "401 Unauthorized\r\nWWW-Authenticate: Bearer",
            "this port wants METRICS_TOKEN as a bearer token\n".into(),
        );
    }
    ("200 OK", recorder.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str, token: Option<&str>) -> &'static str {
        let recorder = PrometheusBuilder::new().build_recorder().handle();
        let status = answer(head, &recorder, token.map(SecretString::from).as_ref()).0;
        &status[..3]
    }

    #[test]
    fn only_who_may_reads_the_numbers() {
        let with = |token: &str| format!("GET /metrics HTTP/1.1\r\nauthorization: Bearer {token}\r\n\r\n");
        assert_eq!(status("GET /metrics HTTP/1.1\r\n\r\n", None), "200");
        assert_eq!(status("GET /metrics?x=1 HTTP/1.1\r\n\r\n", None), "200");
        assert_eq!(status("GET /metrics HTTP/1.1\r\n\r\n", Some("open sesame")), "401");
        assert_eq!(status(&with("close sesame"), Some("open sesame")), "401");
        assert_eq!(status(&with("open sesame"), Some("open sesame")), "200");
        assert_eq!(status("POST /metrics HTTP/1.1\r\n\r\n", None), "405");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n", None), "404");
        assert_eq!(status("", None), "404");
    }
}
