//! The stream: real sockets, several processes, a real Redis, and what happens when one of them goes away.

use std::time::{Duration, Instant};

use api::app::App;
use harness::events::{Event, Events};
use harness::people::PASSWORD;
use harness::process::{busy, eventually, terminate};
use harness::redis::RedisServer;
use harness::{Stage, TestApp, env};
use serde_json::{Value, json};
use shared::kernel::ids::UserId;
use shared::platform::Platform;
use shared::platform::notifications::{self, NewNotification};
use shared::platform::tx::Tx;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{id, tell, to, to_admins};

/// Sooner than anybody looks without being told, Redis or not.
const TOLD: Duration = Duration::from_secs(2);
/// As long as it takes somebody who is not told.
const LOOKED: Duration = Duration::from_secs(6);

/// One more API process, as far as anybody can tell from outside: services, router and socket of its own.
struct Process {
    platform: Platform,
    url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Process {
    async fn start(app: &TestApp) -> Self {
        let platform = Platform::new((*app.platform.config).clone()).expect("a platform");
        let listener = api::http::listen("127.0.0.1", 0).await.expect("a port");
        let url = format!("http://{}/api/v1/notifications/stream", listener.local_addr().expect("an address"));
        let (router, realtime) = (App::new(platform.clone()).router(), platform.realtime.clone());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(api::http::serve(listener, router, 100, async move {
            let _ = stopped.await;
            realtime.close();
        }));
        Self { platform, url, stop, served }
    }

    /// Opens a stream and waits until it has begun.
    async fn stream(&self, token: &str, last: Option<&str>) -> Events {
        let mut events = Events::open(&self.url, token, last).await;
        if last.is_none() {
            let first = events.next(TOLD).await;
            assert!(matches!(&first, Event::Told(name, None, _) if name == "unread"), "{first:?}");
        }
        events
    }

    /// Waits until it hears what other processes tell.
    async fn hears(&self, redis: &RedisServer) {
        let channel = format!("{{{}}}:live", self.platform.config.namespace);
        eventually(Duration::from_secs(10), "somebody listens", || async {
            let heard: redis::RedisResult<(String, i64)> = redis.say(&format!("PUBSUB NUMSUB {channel}")).await;
            heard.is_ok_and(|(_, listeners)| listeners > 0)
        })
        .await;
    }
}

async fn with_redis(url: &str) -> TestApp {
    let mut app = TestApp::with(&[("REDIS_URL", url)]).await;
    app.leave_jobs();
    app
}

async fn token(app: &TestApp, name: &str, role: &str) -> (String, UserId) {
    let client = app.person(name, role).await;
    let login = json!({ "login": format!("{name}@example.org"), "password": PASSWORD });
    let session = app.anonymous().post("/api/v1/auth/login", login).await.ok();
    (session["token"].as_str().expect("a token").to_owned(), id(&client).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_writes_arrives_at_a_stream_of_another() {
    let redis = RedisServer::start().await;
    let app = with_redis(&redis.url).await;
    let ((alice, user), (bob, _)) = (token(&app, "alice", "user").await, token(&app, "bob", "user").await);
    let (chef, _) = token(&app, "chef", "admin").await;
    let there = Process::start(&app).await;
    let mut hers = there.stream(&alice, None).await;
    let (mut his, mut chefs) = (there.stream(&bob, None).await, there.stream(&chef, None).await);
    there.hears(&redis).await;

    let first = tell(&app.platform, to(user, "Pour Alice")).await;
    let came = hers.notification(TOLD).await;
    assert_eq!(came, app.anonymous().token(&alice).get(super::URL).await.ok()[0], "the row as in the list");
    hers.unread(1, TOLD).await;
    tell(&app.platform, to_admins("Pour les chefs")).await;
    assert_eq!(chefs.notification(TOLD).await["title"], "Pour les chefs");
    // What she does in another window, she sees in this one.
    app.anonymous().token(&alice).put(&format!("{}/{first}/read", super::URL), json!({})).await.status(204);
    hers.unread(0, TOLD).await;

    there.platform.realtime.close();
    let rest = his.rest(TOLD).await;
    assert!(!rest.iter().any(|event| matches!(event, Event::Told(..))), "nothing of it was for Bob: {rest:?}");
    assert!(!hers.rest(TOLD).await.iter().any(|event| matches!(event, Event::Told(..))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_for_those_signed_in_and_says_what_it_is() {
    let app = with_redis("").await;
    let (alice, _) = token(&app, "alice", "user").await;
    let process = Process::start(&app).await;
    for bad in ["", "garbage"] {
        assert_eq!(Events::ask(&process.url, bad, None).await.status(), 401);
    }
    for bad in ["1", "", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"] {
        assert_eq!(Events::ask(&process.url, &alice, Some(bad)).await.status(), 422, "{bad:?}");
    }
    let answer = Events::ask(&process.url, &alice, None).await;
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store, no-transform"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!((header("content-encoding"), header("content-length")), (None, None));
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_comes_back_gets_what_they_missed() {
    let app = with_redis("").await;
    let (alice, user) = token(&app, "alice", "user").await;
    let process = Process::start(&app).await;
    tell(&app.platform, to(user, "lue ailleurs")).await;
    let mut events = process.stream(&alice, None).await;
    tell(&process.platform, to(user, "un")).await;
    let last = events.notification(TOLD).await["id"].as_str().expect("an id").to_owned();
    drop(events);
    // So many that they come in pages, some of them long ago.
    for n in 0..120 {
        tell(&app.platform, to(user, &n.to_string())).await;
    }
    let mut events = process.stream(&alice, Some(&last)).await;
    let mut missed: Vec<String> = Vec::new();
    while missed.last().is_none_or(|title| title != "119") {
        missed.push(events.notification(TOLD).await["title"].as_str().expect("a title").to_owned());
    }
    // Made just before the one that was named: nobody knows whether it was seen, so it may come once more.
    missed.retain(|title| title != "lue ailleurs");
    assert_eq!(
        missed,
        (0..120).map(|n| n.to_string()).collect::<Vec<_>>(),
        "each once, in order, without the one named"
    );
    tell(&process.platform, to(user, "après")).await;
    assert_eq!(events.notification(TOLD).await["title"], "après", "and then goes on");
    events.unread(123, TOLD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_late_is_not_overtaken() {
    let app = with_redis("").await;
    let (alice, user) = token(&app, "alice", "user").await;
    let process = Process::start(&app).await;
    let mut events = process.stream(&alice, None).await;
    let mut slow = Tx::begin(&process.platform).await.expect("a transaction");
    notifications::notify(&mut slow, to(user, "lente")).await.expect("a notification");
    tell(&process.platform, to(user, "rapide")).await;
    assert_eq!(events.notification(TOLD).await["title"], "rapide");
    slow.commit().await.expect("a commit");
    assert_eq!(events.notification(TOLD).await["title"], "lente", "though its id is the smaller one");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_streams_look_for_themselves() {
    let mut redis = RedisServer::start().await;
    let app = with_redis(&redis.url).await;
    let (alice, user) = token(&app, "alice", "user").await;
    let there = Process::start(&app).await;
    let mut events = there.stream(&alice, None).await;
    there.hears(&redis).await;
    redis.kill().await;
    tell(&app.platform, to(user, "sans Redis")).await;
    assert_eq!(events.notification(LOOKED).await["title"], "sans Redis");
    let mut later = there.stream(&alice, None).await;
    tell(&app.platform, to(user, "toujours sans")).await;
    for events in [&mut events, &mut later] {
        assert_eq!(events.notification(LOOKED).await["title"], "toujours sans");
    }
    redis.restart().await;
    let begun = Instant::now();
    there.hears(&redis).await;
    // Who tells notices, too, that Redis is back; what was lost until then is found by looking.
    let mut fastest = Duration::MAX;
    while fastest > Duration::from_millis(900).mul_f64(busy()) {
        assert!(begun.elapsed() < Duration::from_secs(90), "streams are told again: {fastest:?}");
        let from = Instant::now();
        tell(&app.platform, to(user, "avec")).await;
        events.notification(Duration::from_secs(20)).await;
        fastest = fastest.min(from.elapsed());
    }
    // A Redis that stands still is noticed as well as one that is gone.
    redis.stop();
    tell(&app.platform, to(user, "muet")).await;
    while events.notification(Duration::from_secs(20)).await["title"] != "muet" {}
    redis.resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_and_when_rights_change() {
    let app = with_redis("").await;
    let ((alice, user), (chef, _)) = (token(&app, "alice", "user").await, token(&app, "chef", "admin").await);
    let process = Process::start(&app).await;
    let (mut hers, mut chefs) = (process.stream(&alice, None).await, process.stream(&chef, None).await);
    app.execute(&format!("update sessions set revoked_at = now() where user_id = '{user}'")).await;
    app.execute("update users set role = 'moderator' where role = 'admin'").await;
    tell(&process.platform, to(user, "trop tard")).await;
    tell(&process.platform, to_admins("trop tard")).await;
    for events in [&mut hers, &mut chefs] {
        assert_eq!(events.rest(TOLD).await, [], "told, it asked, and showed nothing");
    }
    assert_eq!(Events::ask(&process.url, &alice, None).await.status(), 401);
    // A session that ends while nothing happens: noticed at the next look.
    let (bob, user) = token(&app, "bob", "user").await;
    let mut his = process.stream(&bob, None).await;
    app.execute(&format!("update users set status = 'suspended' where id = '{user}'")).await;
    assert_eq!(his.rest(LOOKED).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_says_every_fifteen_seconds_that_it_lives() {
    let app = with_redis(&env::needed("TEST_REDIS_URL")).await;
    let (alice, user) = token(&app, "alice", "user").await;
    let process = Process::start(&app).await;
    let mut events = process.stream(&alice, None).await;
    let from = Instant::now();
    assert_eq!(events.next(Duration::from_secs(17)).await, Event::Beat);
    assert!(from.elapsed() > Duration::from_secs(13), "not sooner: {:?}", from.elapsed());
    // And its session is asked about at least as often, with nobody to tell it that it has ended.
    app.execute(&format!("update sessions set revoked_at = now() where user_id = '{user}'")).await;
    assert_eq!(events.rest(Duration::from_secs(17)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_so_many_streams_and_no_more() {
    let app = with_redis("").await;
    let ((alice, _), (bob, _)) = (token(&app, "alice", "user").await, token(&app, "bob", "user").await);
    let process = Process::start(&app).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(process.stream(&alice, None).await);
    }
    let refused = Events::ask(&process.url, &alice, None).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    process.stream(&bob, None).await;
    streams.pop();
    eventually(Duration::from_secs(5), "a place is free again", || async {
        Events::ask(&process.url, &alice, None).await.status() == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_streams_at_once() {
    let app = with_redis("").await;
    let (alice, _) = token(&app, "alice", "user").await;
    let process = Process::start(&app).await;
    let mut events = process.stream(&alice, None).await;
    let from = Instant::now();
    process.stop.send(()).expect("it serves");
    assert_eq!(events.rest(TOLD).await, [], "to its regular end, not cut off");
    tokio::time::timeout(Duration::from_secs(5).mul_f64(busy()), process.served)
        .await
        .expect("in time")
        .expect("served");
    assert!(from.elapsed() < Duration::from_secs(5).mul_f64(busy()), "{:?}", from.elapsed());
}

// Real processes.

async fn person(stage: &Stage, base: &str, name: &str) -> (String, UserId) {
    let hash = shared::domain::identity::passwords::hash(&stage.platform.config, PASSWORD).await.expect("a hash");
    let user = UserId::new();
    sqlx::query(
        "insert into users (id, email, password_hash, role, status, activated_at)
         values ($1, $2::text::citext, $3, 'user', 'active', now())",
    )
    .bind(user.0)
    .bind(format!("{name}@example.org"))
    .bind(hash.as_str())
    .execute(&stage.platform.db)
    .await
    .expect("a person");
    let login = json!({ "login": format!("{name}@example.org"), "password": PASSWORD });
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.post(format!("{base}/api/v1/auth/login")).json(&login).send().await.expect("an answer");
    let session: Value = answer.json().await.expect("a session");
    (session["data"]["token"].as_str().expect("a token").to_owned(), user)
}

/// Resident memory in KiB.
fn memory(process: &tokio::process::Child) -> u64 {
    let status = format!("/proc/{}/status", process.id().expect("it runs"));
    let status = std::fs::read_to_string(status).expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_what_they_tell_and_stop_in_time() {
    let stage = Stage::new(&[]).await;
    let ((mut one, first), (_two, second)) = (stage.api().await, stage.api().await);
    let (alice, user) = person(&stage, &first, "alice").await;
    let open = |base: &str| {
        let url = format!("{base}/api/v1/notifications/stream");
        let token = alice.clone();
        async move {
            let mut events = Events::open(&url, &token, None).await;
            events.next(TOLD).await;
            events
        }
    };
    let (mut here, mut there) = (open(&first).await, open(&second).await);
    for n in 0..10 {
        let note = tell(&stage.platform, to(user, &n.to_string())).await;
        for events in [&mut here, &mut there] {
            assert_eq!(events.notification(LOOKED).await["id"], note.to_string());
        }
    }
    let from = Instant::now();
    terminate(&one).expect("a signal");
    assert!(
        !here.rest(TOLD).await.iter().any(|event| matches!(event, Event::Told(name, ..) if name == "notification"))
    );
    let exit = tokio::time::timeout(Duration::from_secs(8).mul_f64(busy()), one.wait()).await.expect("in time");
    assert!(exit.expect("an exit").success(), "after {:?}; log: {}", from.elapsed(), stage.log.display());
    tell(&stage.platform, to(user, "encore")).await;
    assert_eq!(there.notification(LOOKED).await["title"], "encore");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_does_not_read_costs_no_memory_and_loses_nothing() {
    const ROWS: usize = 600;
    let stage = Stage::new(&[]).await;
    let (api, base) = stage.api().await;
    let (alice, user) = person(&stage, &base, "alice").await;
    let address = base.trim_start_matches("http://").to_owned();
    let ask = format!(
        "GET /api/v1/notifications/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {alice}\r\n\r\n"
    );
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut socket = TcpStream::connect(&address).await.expect("a connection");
        socket.write_all(ask.as_bytes()).await.expect("a question");
        let mut begun = vec![0; 4096];
        let mut so_far = String::new();
        while !so_far.contains("event: unread") {
            let n = socket.read(&mut begun).await.expect("an answer");
            so_far.push_str(&String::from_utf8_lossy(&begun[..n]));
        }
        idle.push(socket);
    }
    let before = memory(&api);
    let message = "x".repeat(20_000);
    for chunk in 0..ROWS / 50 {
        let mut tx = stage.begin().await;
        for n in 0..50 {
            let title = (chunk * 50 + n).to_string();
            let new =
                NewNotification { user: Some(user), title: &title, message: &message, ..NewNotification::default() };
            notifications::notify(&mut tx, new).await.expect("a notification");
        }
        tx.commit().await.expect("a commit");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = memory(&api).saturating_sub(before);
    // All of it for all of them would be 96 MB.
    assert!(grown < 40_000, "grown by {grown} KiB");

    let mut socket = idle.pop().expect("a reader");
    let (mut text, mut bytes) = (String::new(), vec![0; 256 * 1024]);
    let last = format!("\"title\":\"{}\"", ROWS - 1);
    let reading = async {
        while !text.contains(&last) {
            let n = socket.read(&mut bytes).await.expect("more");
            assert!(n > 0, "cut off");
            text.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    };
    tokio::time::timeout(Duration::from_secs(20).mul_f64(busy()), reading).await.expect("all of it");
    let seen = (0..ROWS).filter(|n| text.contains(&format!("\"title\":\"{n}\""))).count();
    assert_eq!(seen, ROWS, "every one");
    assert_eq!(text.matches("event: notification").count(), ROWS, "each once");
}
