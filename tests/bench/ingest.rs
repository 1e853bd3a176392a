//! Stripe's events at `POST /webhooks/stripe`, as many a second as a large shop ever has, over sockets; and beside it
//! what of that is the transaction alone: the same rows by the same code, without signature and HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::process;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use shared::domain::billing::received::Source;
use shared::flows::stripe_received;
use shared::platform::Platform;
use shared::platform::stripe::{Envelope, VERSION};
use shared::platform::tx::Tx;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Options;
use crate::report::{Report, percentile};
use crate::rest::answer;
use crate::stage::{Stage, stop};

/// Events a second.
const RATE: usize = 200;
/// Connections, or transactions, that take turns.
const CALLERS: usize = 16;
/// Events that warm both sides up and are not counted.
const WARM: usize = 200;
/// As long as an event of a payment is.
const BYTES: usize = 4000;
const SECRET: &str = "whsec_of_the_bench";

/// Both, one after the other, and how much more the whole is than its transaction.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let count = WARM + RATE * options.seconds as usize;
    let bare = bare(&stage.platform, count).await?;
    stage.clear().await?;
    sqlx::query("truncate stripe_events").execute(&stage.platform.db).await?;
    let port = process::free_port();
    let door = port.to_string();
    let variables =
        [("PORT", door.as_str()), ("STRIPE_SECRET_KEY", "sk_test_bench"), ("STRIPE_WEBHOOK_SECRET", SECRET)];
    let api = stage.start("facteur", "serve", &variables)?;
    let ready = format!("http://127.0.0.1:{port}/health/ready");
    process::eventually(Duration::from_secs(20), "the API is ready", || async {
        reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let posted = posted(port, count).await?;
    stop(api).await?;
    let kept: i64 = sqlx::query_scalar(
        "select count(*) from stripe_events e join jobs j on j.subject_id = e.id where e.deliveries = 1",
    )
    .fetch_one(&stage.platform.db)
    .await?;
    anyhow::ensure!(kept == count as i64, "{kept} of {count} events were kept with a job");
    for percent in [50, 99] {
        let ratio = percentile(&posted, percent) / percentile(&bare, percent);
        report.put(format!("webhook at {RATE}/s, as many transactions, p{percent}"), "times", ratio);
    }
    report.put_percentiles(&format!("webhook at {RATE}/s, its transaction alone"), "ms", bare);
    report.put_percentiles(&format!("webhook at {RATE}/s, over HTTP"), "ms", posted);
    Ok(())
}

/// When this event is due. Times are taken from here on, so that who is late does not make others look early.
fn due(began: Instant, n: usize) -> Instant {
    began + Duration::from_secs_f64(n as f64 / RATE as f64)
}

async fn bare(platform: &Platform, count: usize) -> anyhow::Result<Vec<f64>> {
    let began = Instant::now() + Duration::from_millis(500);
    callers(count, |caller| {
        let platform = platform.clone();
        let bodies: Vec<(usize, String)> = numbers(caller, count).map(|n| (n, body(n))).collect();
        async move {
            let mut times = Vec::new();
            for (n, body) in bodies {
                tokio::time::sleep_until(due(began, n).into()).await;
                let envelope = Envelope::read(body.as_bytes()).map_err(|_| anyhow::anyhow!("no event: {body}"))?;
                let mut tx = Tx::begin(&platform).await?;
                stripe_received::receive(&mut tx, &envelope, body.as_bytes(), Source::Webhook).await?;
                tx.commit().await?;
                times.push((n, due(began, n).elapsed()));
            }
            Ok(times)
        }
    })
    .await
}

async fn posted(port: u16, count: usize) -> anyhow::Result<Vec<f64>> {
    let now = chrono::Utc::now().timestamp();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new((0..count).map(|n| request(port, now, &body(n))).collect());
    let began = Instant::now() + Duration::from_millis(500);
    callers(count, |caller| {
        let requests = requests.clone();
        async move {
            let mut socket = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
            socket.get_ref().set_nodelay(true)?;
            let mut times = Vec::new();
            for n in numbers(caller, requests.len()) {
                tokio::time::sleep_until(due(began, n).into()).await;
                socket.write_all(&requests[n]).await?;
                answer(&mut socket, 200).await?;
                times.push((n, due(began, n).elapsed()));
            }
            Ok(times)
        }
    })
    .await
}

fn numbers(caller: usize, count: usize) -> impl Iterator<Item = usize> {
    (caller..count).step_by(CALLERS)
}

/// Runs all callers; the times in ms of what is counted.
async fn callers<F>(count: usize, call: impl Fn(usize) -> F) -> anyhow::Result<Vec<f64>>
where
    F: Future<Output = anyhow::Result<Vec<(usize, Duration)>>> + Send + 'static,
{
    let mut running = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        running.spawn(call(caller));
    }
    let mut all = Vec::with_capacity(count);
    while let Some(times) = running.join_next().await {
        let counted = times??.into_iter().filter(|(n, _)| *n >= WARM);
        all.extend(counted.map(|(_, time)| time.as_secs_f64() * 1000.0));
    }
    Ok(all)
}

fn body(n: usize) -> String {
    let object = json!({ "id": format!("pi_{n}"), "object": "payment_intent", "description": "x".repeat(BYTES - 300) });
    json!({ "id": format!("evt_{n}"), "object": "event", "type": "payment_intent.succeeded", "livemode": false,
            "created": 1_790_000_000, "api_version": VERSION, "data": { "object": object } })
    .to_string()
}

fn request(port: u16, time: i64, body: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(format!("{time}.{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!(
        "POST /webhooks/stripe HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nstripe-signature: t={time},v1={signature}\r\n\
         content-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
