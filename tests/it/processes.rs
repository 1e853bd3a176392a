//! Real binaries, real stores, a real relay, judged from outside. What is broken on purpose stands in `faults/`.

use std::time::{Duration, Instant};

use harness::relay::Mood;
use harness::{Stage, env};
use serde_json::json;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, enqueue_all};
use shared::platform::tx::Tx;

const OPEN: &str = "select count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled')";
const UNSENT: &str = "select count(*) from emails where status <> 'sent'";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn probes(stage: &Stage, count: usize, mode: ProbeMode, n: u64) {
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let probe = Probe { mode, n: Some(n), note: None };
    let jobs = (0..count).map(|_| NewJob::of(&probe).expect("a job")).collect();
    enqueue_all(&mut tx, jobs).await.expect("jobs");
    tx.commit().await.expect("a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apis_and_two_workers_send_every_mail_once() {
    let stage = Stage::new(&[]).await;
    let ((_one, first), (_two, second)) = (stage.api().await, stage.api().await);
    let _workers = (stage.worker(), stage.worker());
    for n in 0..60 {
        let base = if n % 2 == 0 { &first } else { &second };
        assert_eq!(contact(base, n).await, 201);
    }
    stage.until(seconds(30), OPEN, 0).await;
    let mut ids: Vec<String> = stage.relay.arrived().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!(ids.len(), 120, "a mail to the visitor and one to the administrator, each once");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mail_is_retried_dies_alarms_once_and_is_revived() {
    let changes = [("MAIL_MAX_ATTEMPTS", "3"), ("MAIL_RETRY_BASE_SECONDS", "1"), ("MAIL_RETRY_HOURS", "0")];
    let stage = Stage::new(&changes).await;
    stage.relay.be(Mood::Later);
    let _worker = stage.worker();
    stage.queue_mails(3).await;
    let dead = "select count(*) from jobs where state = 'dead' and key_argument = 'visitor-contact'";
    stage.until(seconds(40), dead, 3).await;
    let attempts = "select count(*) from job_attempts a join jobs j on j.id = a.job_id
                    where j.key_argument = 'visitor-contact' and a.outcome = 'error'";
    assert_eq!(stage.count(attempts).await, 9, "three attempts each, every one kept");
    assert_eq!(
        stage.count("select count(*) from emails where status = 'failed' and template = 'visitor-contact'").await,
        3
    );
    stage.until(seconds(10), "select count(*) from emails where template = 'ops-dead-job'", 1).await;

    stage.relay.be(Mood::Accept);
    let retried = crate::commands::run(&stage, "facteur", &["jobs", "retry", "--state", "dead", "--yes"]).await;
    assert!(retried.status.success(), "{}", crate::commands::said(&retried));
    stage.until(seconds(40), "select count(*) from bulk_operations where state = 'done'", 1).await;
    stage.until(seconds(40), UNSENT, 0).await;
    let to_visitors = stage.relay.arrived().iter().filter(|mail| mail.to.starts_with('p')).count();
    assert_eq!(to_visitors, 3, "each delivered once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_finishes_its_job_and_stops() {
    let stage = Stage::new(&[]).await;
    probes(&stage, 1, ProbeMode::Sleep, 4000).await;
    let mut worker = stage.worker();
    let running = "select count(*) from jobs where state = 'running' and kind = 'debug.probe'";
    stage.until(seconds(30), running, 1).await;
    let id: String =
        sqlx::query_scalar("select id from workers").fetch_one(&stage.platform.db).await.expect("one worker");
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    shared::platform::jobs::health::stop(&mut tx, &id).await.expect("asked");
    tx.commit().await.expect("a commit");
    let ended = tokio::time::timeout(seconds(30), worker.wait()).await.expect("it stops").expect("a status");
    assert!(ended.success(), "{ended}; log: {}", stage.log.display());
    let done = "select count(*) from jobs where state = 'succeeded' and kind = 'debug.probe'";
    assert_eq!(stage.count(done).await, 1, "what it had in hand was finished");
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let again = shared::platform::jobs::health::stop(&mut tx, &id).await;
    assert!(matches!(again, Err(shared::kernel::Error::Conflict { .. })), "it does not run any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_process_is_quarantined_after_three_deaths() {
    let stage = Stage::new(&[("LANES", "default:2")]).await;
    probes(&stage, 1, ProbeMode::Abort, 0).await;
    let dead = "select count(*) from jobs where state = 'dead' and error_code = 'poison'";
    let deadline = Instant::now() + seconds(100);
    while stage.count(dead).await == 0 {
        assert!(Instant::now() < deadline, "not quarantined; log: {}", stage.log.display());
        let mut worker = stage.worker();
        let _ = tokio::time::timeout(seconds(3), worker.wait()).await;
        // The lease of a dead process is let run out here, so that the test need not wait for three of them.
        let expire = "update jobs set lease_until = now() - interval '1 second' where state = 'running'";
        sqlx::query(expire).execute(&stage.platform.db).await.expect("time passes");
    }
    assert_eq!(stage.count("select count(*) from job_attempts where outcome = 'lost'").await, 3);
    probes(&stage, 5, ProbeMode::Ok, 0).await;
    let _worker = stage.worker();
    stage.until(seconds(20), "select count(*) from jobs where state = 'succeeded' and kind = 'debug.probe'", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_without_redis_polls() {
    let stage = Stage::new(&[("REDIS_URL", "")]).await;
    let _worker = stage.worker();
    stage.queue_mails(50).await;
    stage.until(seconds(20), UNSENT, 0).await;
    assert_eq!(stage.relay.arrived().len(), 50, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_stops_when_it_is_asked_to() {
    let stage = Stage::new(&[("LANES", "default:2")]).await;
    probes(&stage, 1, ProbeMode::Sleep, 60_000).await;
    let _worker = stage.worker();
    stage.until(seconds(20), "select count(*) from jobs where state = 'running'", 1).await;
    let id: uuid::Uuid =
        sqlx::query_scalar("select id from jobs").fetch_one(&stage.platform.db).await.expect("the running job");
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let state = shared::platform::jobs::admin::cancel(&mut tx, id.into()).await.expect("asked to stop");
    tx.commit().await.expect("a commit");
    assert_eq!(state, "running", "it stops at its next renewal, not at once");
    stage.until(seconds(12), "select count(*) from jobs where state = 'cancelled'", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_connection_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stage = Stage::new(&[]).await;
    let (_api, base) = stage.api().await;
    let address = base.trim_start_matches("http://").to_owned();
    for begun in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut connection = tokio::net::TcpStream::connect(&address).await.expect("a connection");
        connection.write_all(begun.as_bytes()).await.expect("some bytes");
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(seconds(12), connection.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a connection that says {begun:?} is kept open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_ledger_redis_or_logs() {
    let stage = Stage::new(&[("LOG_LEVEL", "debug")]).await;
    let (_api, base) = stage.api().await;
    let _worker = stage.worker();
    let http = reqwest::Client::builder().build().expect("a client");
    let password = "cheval pile agrafe correcte";
    let body =
        json!({ "email": "camille@example.org", "password": password, "first_name": "Camille", "last_name": "M" });
    let answer = http.post(format!("{base}/api/v1/auth/register")).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    stage
        .until(seconds(15), "select count(*) from emails where template = 'activation-link' and status = 'sent'", 1)
        .await;
    let mail = stage.relay.arrived().remove(0);
    let text = mail_parser::MessageParser::default()
        .parse(mail.source.as_bytes())
        .expect("a mail")
        .body_text(0)
        .expect("text")
        .into_owned();
    let token: String = text
        .split("token=")
        .nth(1)
        .expect("a link")
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    assert!(token.len() >= 40, "a token of 256 bits: {token}");

    let tables =
        ["jobs", "job_attempts", "emails", "audit_log", "account_tokens", "users", "notifications", "idempotency_keys"];
    for table in tables {
        for secret in [&token, password] {
            let found = stage.count(&format!("select count(*) from {table} t where t::text like '%{secret}%'")).await;
            assert_eq!(found, 0, "{table} holds a secret");
        }
    }
    let logged = stage.logged();
    assert!(!logged.is_empty(), "the processes log");
    for secret in [token.as_str(), password, "camille@example.org"] {
        assert!(!logged.contains(secret), "the log holds {secret}");
    }
    let redis =
        dump_redis(&env::needed("TEST_REDIS_URL"), &env::lookup(&stage.env, "NAMESPACE").expect("a namespace")).await;
    assert!(
        !redis.contains(&token) && !redis.contains(password) && !redis.contains("camille@"),
        "Redis holds a secret"
    );
}

/// Changed variables, the exit code, a word of the sentence.
type Case<'a> = (&'a [(&'a str, &'a str)], i32, &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_succeed_says_why() {
    let stage = Stage::new(&[]).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let cases: [Case; 3] = [
        (&[("PORT", &port)], 69, &port),
        (&[("DATABASE_URL", "postgres://nobody:x@127.0.0.1:1/none"), ("PORT", "0")], 69, "127.0.0.1:1"),
        (&[("APP_ENV", "production"), ("JWT_SECRET", ""), ("SMTP_HOST", "")], 78, "JWT_SECRET"),
    ];
    for (changes, code, word) in cases {
        let before = stage.logged().len();
        let mut api = stage.start("facteur", &["serve"], changes);
        let status = tokio::time::timeout(seconds(15), api.wait()).await.expect("it ends").expect("an exit");
        let said = stage.logged()[before..].to_owned();
        assert_eq!(status.code(), Some(code), "{changes:?}: {said}");
        assert!(said.contains(word), "{changes:?} does not name {word}: {said}");
    }
}

async fn contact(base: &str, n: usize) -> u16 {
    let form = json!({ "kind": "contact", "name": "Camille", "email": format!("v{n}@example.org"), "title": "Devis", "body": "Bonjour" });
    let http = reqwest::Client::builder().timeout(seconds(10)).build().expect("a client");
    let answer = http.post(format!("{base}/api/v1/requests")).json(&form).send().await.expect("an answer");
    answer.status().as_u16()
}

async fn dump_redis(url: &str, namespace: &str) -> String {
    let client = redis::Client::open(url).expect("a client");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("*{namespace}*")).query_async(&mut connection).await.expect("keys");
    let mut all = keys.join("\n");
    for key in keys {
        let value: redis::RedisResult<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await;
        all.push_str(&String::from_utf8_lossy(&value.unwrap_or_default()));
    }
    all
}
