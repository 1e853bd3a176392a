//! Alarms: raised after a second look, told once, cleared, told again after an hour at the earliest; by mail, webhook,
//! log, metric, REST, health and the dashboard's banner.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::people::PASSWORD;
use harness::{Stage, TestApp, process};
use serde_json::{Value, json};
use shared::kernel::ids::JobId;
use shared::platform::jobs::alarms::{self, Alarm, Rule};
use shared::platform::tx::Tx;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::dashboard::{form_token, operator, post};

async fn look(app: &TestApp) -> Vec<Alarm> {
    alarms::evaluate(&app.platform).await.expect("the alarms are evaluated")
}

/// Two looks in a row; returns what the second one told.
async fn raised(app: &TestApp) -> Vec<(Rule, String)> {
    assert!(look(app).await.is_empty(), "one look tells nothing");
    app.advance(Duration::from_secs(10)).await;
    look(app).await.into_iter().map(|alarm| (alarm.rule, alarm.subject)).collect()
}

/// Looks until what does not hold any more is cleared.
async fn calm(app: &TestApp) {
    for _ in 0..4 {
        app.advance(Duration::from_secs(10)).await;
        assert!(look(app).await.is_empty());
    }
}

async fn listed(app: &TestApp) -> Vec<Alarm> {
    alarms::list(&mut app.platform.db.acquire().await.expect("a connection")).await.expect("the list")
}

async fn is_open(app: &TestApp) -> Vec<bool> {
    listed(app).await.iter().map(|alarm| alarm.cleared_at.is_none()).collect()
}

/// A job that has been due for so many seconds.
async fn due(app: &TestApp, lane: &str, seconds: u32) {
    app.execute(&format!(
        "insert into jobs (id, kind, lane, state, rank, max_attempts, timeout_ms, payload, run_at)
         values (gen_random_uuid(), 'debug.probe', '{lane}', 'queued', 0, 1, 1000, '{{\"mode\": \"ok\"}}', now() - interval '{seconds} s')"
    ))
    .await;
}

/// A worker that beats for hours to come and serves these lanes.
async fn worker(app: &TestApp, lanes: &str) {
    app.execute(&format!(
        "insert into workers (id, host, pid, version, lanes, slots, state, seen_at)
         values ('w', 'h', 1, '0', '{{{lanes}}}', 1, 'running', now() + interval '9 hours')
         on conflict (id) do update set lanes = excluded.lanes"
    ))
    .await;
}

async fn figures(app: &TestApp, minutes_ago: u32, kind: &str, (succeeded, failed, dead): (u32, u32, u32)) {
    app.execute(&format!(
        "insert into job_stats (minute, lane, kind, succeeded, failed, dead)
         values (now() - interval '{minutes_ago} min', 'default', '{kind}', {succeeded}, {failed}, {dead})"
    ))
    .await;
}

fn one(rule: Rule, subject: &str) -> Vec<(Rule, String)> {
    vec![(rule, subject.to_owned())]
}

#[tokio::test]
async fn no_worker_at_all_is_told_once_and_over_when_one_comes() {
    let app = TestApp::new().await;
    due(&app, "default", 31).await;
    due(&app, "email", 31).await;
    assert_eq!(raised(&app).await, one(Rule::NoWorker, "all"));
    for _ in 0..3 {
        app.advance(Duration::from_secs(10)).await;
        assert!(look(&app).await.is_empty(), "told once");
    }
    worker(&app, "default,email,email_high").await;
    let mail = app.only_mail_to("admin@facteur.example").await;
    assert_eq!(mail.subject, "Alarme : aucun worker (all)");
    let lanes = app.sql("select distinct lane from jobs where kind in ('notification.dispatch', 'email.send')").await;
    assert_eq!(lanes, json!([{ "lane": "email_high" }]), "an alarm does not wait in the lane it is about");
    calm(&app).await;
    assert_eq!(is_open(&app).await, [false]);
    app.drain().await;
    assert!(app.mails().is_empty(), "nobody is told that it is over");
}

#[tokio::test]
async fn work_that_only_a_sweeper_would_find_counts_too() {
    for (state, due) in [("retrying", "run_at"), ("scheduled", "run_at"), ("running", "lease_until")] {
        let mut app = TestApp::new().await;
        self::due(&app, "default", 0).await;
        app.execute(&format!("update jobs set state = '{state}', {due} = now() - interval '31 s'")).await;
        assert_eq!(raised(&app).await, one(Rule::NoWorker, "all"), "{state}");
        app.leave_jobs();
    }
}

#[tokio::test]
async fn one_bad_look_is_no_alarm() {
    let mut app = TestApp::new().await;
    due(&app, "default", 31).await;
    assert!(look(&app).await.is_empty());
    assert!(look(&app).await.is_empty(), "a look by another process at the same time is not a second one");
    app.execute("update jobs set run_at = now()").await;
    app.advance(Duration::from_secs(10)).await;
    assert!(look(&app).await.is_empty());
    app.advance(Duration::from_secs(25)).await;
    assert!(look(&app).await.is_empty(), "that was more than half a minute ago: a first look again");
    assert!(listed(&app).await.is_empty());
    app.leave_jobs();
}

#[tokio::test]
async fn what_comes_back_within_the_hour_is_shown_and_not_told() {
    let app = TestApp::new().await;
    let mut told = Vec::new();
    for minutes in [0, 10, 55] {
        app.advance(Duration::from_secs(60 * minutes)).await;
        due(&app, "default", 31).await;
        told.push(raised(&app).await.len());
        assert_eq!(is_open(&app).await, [true]);
        app.execute("delete from jobs where kind = 'debug.probe'").await;
        app.drain().await;
        calm(&app).await;
        assert_eq!(is_open(&app).await, [false]);
    }
    assert_eq!(told, [1, 0, 1]);
    assert_eq!(app.mails().len(), 2);
}

#[tokio::test]
async fn a_lane_that_nobody_serves_is_named_unless_it_is_paused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    worker(&app, "default,email,email_high").await;
    for lane in ["exports", "media", "default"] {
        due(&app, lane, 31).await;
    }
    admin.post("/api/v1/admin/queues/media/pause", json!({})).await.status(204);
    assert_eq!(raised(&app).await, one(Rule::NoWorker, "exports"));
    // A worker that stopped a moment ago is a deploy.
    app.execute("update workers set lanes = '{exports}', state = 'stopped', seen_at = now()").await;
    assert!(look(&app).await.is_empty());
    assert_eq!(is_open(&app).await, [true]);
    admin.post("/api/v1/admin/queues/media/resume", json!({})).await.status(204);
    app.drain().await;
}

#[tokio::test]
async fn a_late_lane_is_told_by_its_age() {
    let app = TestApp::with(&[("ALARM_OLDEST_SECONDS", "90")]).await;
    worker(&app, "default,email,email_high,exports").await;
    due(&app, "default", 60).await;
    due(&app, "email", 91).await;
    due(&app, "exports", 999).await;
    app.execute("insert into lanes (name, paused_at) values ('exports', now())").await;
    assert_eq!(raised(&app).await, one(Rule::OldestAge, "email"));
    app.execute("update lanes set paused_at = null").await;
    app.drain().await;
}

#[tokio::test]
async fn a_kind_that_fails_often_is_told_when_there_are_enough_runs() {
    let app = TestApp::with(&[("ALARM_FAILURE_PERCENT", "60")]).await;
    figures(&app, 1, "few.runs", (0, 18, 1)).await;
    figures(&app, 1, "just.allowed", (8, 12, 0)).await;
    figures(&app, 8, "long.ago", (0, 500, 0)).await;
    figures(&app, 1, "too.many", (7, 5, 0)).await;
    figures(&app, 3, "too.many", (0, 8, 1)).await;
    assert_eq!(raised(&app).await, one(Rule::FailureRate, "too.many"));
    assert_eq!(listed(&app).await[0].message, "14 of 21 runs of too.many failed in the last five minutes (67 %).");
    app.drain().await;
}

#[tokio::test]
async fn many_dead_jobs_of_a_kind_are_told() {
    let app = TestApp::with(&[("ALARM_DEAD", "4")]).await;
    figures(&app, 50, "a.b", (1000, 0, 2)).await;
    figures(&app, 10, "a.b", (1000, 0, 3)).await;
    figures(&app, 10, "c.d", (1000, 0, 4)).await;
    figures(&app, 70, "e.f", (1000, 0, 9)).await;
    assert_eq!(raised(&app).await, one(Rule::DeadCount, "a.b"));
    app.drain().await;
}

#[tokio::test]
async fn a_regression_is_told_at_once_and_over_when_somebody_has_dealt_with_it() {
    let app = TestApp::new().await;
    let job = JobId::new();
    app.execute(&format!(
        "insert into error_groups (fingerprint, kind, code, message, state, count, first_version, last_version, last_job)
         values ('f00d', 'a.b', 'x', 'y', 'regressed', 2, '1', '1', '{job}')"
    ))
    .await;
    for _ in 0..2 {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        alarms::regressed(&mut tx, "f00d", "a.b", "the same <b>again</b>").await.expect("told");
        tx.commit().await.expect("a commit");
    }
    let mail = app.only_mail_to("admin@facteur.example").await;
    assert_eq!(mail.subject, "Alarme : une erreur est revenue");
    assert!(mail.text.contains("a.b: the same <b>again</b>") && mail.text.contains("/admin/errors/f00d"));
    calm(&app).await;
    assert_eq!(is_open(&app).await, [true]);
    app.execute("update error_groups set state = 'known'").await;
    calm(&app).await;
    assert_eq!(is_open(&app).await, [false]);
}

#[tokio::test]
async fn one_process_evaluates_at_a_time() {
    let mut app = TestApp::new().await;
    due(&app, "default", 31).await;
    let mut other = app.platform.db.acquire().await.expect("a connection");
    sqlx::query("select pg_advisory_lock($1)").bind(alarms::LOCK).execute(&mut *other).await.expect("the lock");
    assert!(look(&app).await.is_empty());
    assert_eq!(app.sql("select count(*) from alarms").await[0]["count"], 0, "nobody has looked");
    sqlx::query("select pg_advisory_unlock_all()").execute(&mut *other).await.expect("unlocked");
    look(&app).await;
    assert_eq!(app.sql("select count(*) from alarms").await[0]["count"], 1);
    app.leave_jobs();
}

#[tokio::test]
async fn alarms_are_listed_and_forgotten_after_a_month() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    assert_eq!(admin.get("/api/v1/admin/alarms").await.ok(), json!([]));
    due(&app, "default", 31).await;
    raised(&app).await;
    let alarm = admin.get("/api/v1/admin/alarms").await.ok()[0].clone();
    assert_eq!(
        (&alarm["rule"], &alarm["subject"], &alarm["cleared_at"]),
        (&json!("no_worker"), &json!("all"), &Value::Null)
    );
    let ready = admin.get("/health/ready").await.ok();
    assert_eq!((&ready["status"], &ready["details"]["alarms"][0]["rule"]), (&json!("ready"), &json!("no_worker")));
    app.drain().await;
    calm(&app).await;
    assert_eq!(admin.get("/health/ready").await.ok()["details"]["alarms"], json!([]));
    app.advance(Duration::from_secs(29 * 86_400)).await;
    look(&app).await;
    assert_eq!(listed(&app).await.len(), 1);
    app.advance(Duration::from_secs(2 * 86_400)).await;
    look(&app).await;
    assert_eq!(app.sql("select count(*) from alarms").await[0]["count"], 0);
}

#[tokio::test]
async fn every_page_wears_the_banner() {
    let app = TestApp::new().await;
    app.admin().await;
    figures(&app, 1, "a.b", (0, 40, 0)).await;
    raised(&app).await;
    app.drain().await;
    let chef = operator(&app, "chef").await;
    for path in [
        "/admin",
        "/admin/jobs",
        "/admin/queues",
        "/admin/workers",
        "/admin/schedules",
        "/admin/emails",
        "/admin/audit",
    ] {
        let page = chef.get(path).await.status(200);
        assert!(page.text.contains("40 of 40 runs of a.b failed in the last five minutes (100 %)."), "{path}");
    }
}

/// What was posted, as bodies; answers 200, or nothing at all.
async fn listener(answers: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/services/T0/secret", listener.local_addr().expect("an address"));
    let (posted, kept) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
    let bodies = Arc::clone(&posted);
    tokio::spawn(async move {
        let held: Arc<Mutex<Vec<tokio::net::TcpStream>>> = kept;
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut text = String::new();
            let mut buffer = [0; 4096];
            while !text.trim_end().ends_with('}') {
                let n = socket.read(&mut buffer).await.expect("bytes");
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
            bodies.lock().expect("the list").push(body);
            if answers {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            } else {
                held.lock().expect("the list").push(socket);
            }
        }
    });
    (address, posted)
}

#[tokio::test]
async fn a_webhook_hears_each_alarm_once_and_nobody_waits_for_it() {
    for answers in [true, false] {
        let (address, posted) = listener(answers).await;
        let mut app = TestApp::with(&[("ALARM_WEBHOOK_URL", &address)]).await;
        due(&app, "default", 31).await;
        let began = Instant::now();
        raised(&app).await;
        app.advance(Duration::from_secs(10)).await;
        look(&app).await;
        assert!(began.elapsed() < Duration::from_secs(5), "the evaluation does not wait for the answer");
        process::eventually(Duration::from_secs(10), "it was posted", || async {
            posted.lock().expect("the list").len() == 1
        })
        .await;
        let body: Value = serde_json::from_str(&posted.lock().expect("the list")[0]).expect("JSON");
        assert_eq!(
            body,
            json!({ "text": "Facteur: No worker is alive while jobs are due. http://api.test/admin/workers" })
        );
        app.leave_jobs();
    }
}

#[tokio::test]
async fn the_page_lists_alarms_and_their_test_reaches_mail_and_webhook() {
    let (address, posted) = listener(true).await;
    let mut app = TestApp::with(&[("ALARM_WEBHOOK_URL", &address)]).await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let quiet = chef.get("/admin/alarms").await.status(200);
    assert!(quiet.text.contains("No alarm in 30 days.") && quiet.text.contains("the webhook"), "{}", quiet.text);
    due(&app, "email", 31).await;
    raised(&app).await;
    let page = chef.get("/admin/alarms").await.status(200).text;
    assert!(page.contains("1 alarm is raised.") && page.contains("No worker is alive while jobs are due."), "{page}");
    let fields = [("token", &*form_token(&quiet))];
    post(&chef, "/admin/alarms/test", &fields).await.status(303);
    let said = posted.lock().expect("the list").clone();
    assert!(said.iter().any(|body| body.contains("This is a test: ")), "{said:?}");
    let mails = "select count(*) as n from emails where template = 'ops-queue-alarm' and dedupe_key like 'test:%'";
    assert_eq!(app.sql(mails).await[0]["n"], json!(1));
    app.leave_jobs();
}

#[test]
fn thresholds_are_read_and_checked() {
    use shared::kernel::config::Config;
    let read = |name: &'static str, value: &'static str| {
        let base = [
            ("APP_ENV", "test"),
            ("DATABASE_URL", "postgres://u:p@localhost/x"),
            ("PUBLIC_URL", "https://api.example.org"),
            ("FRONTEND_URL", "https://www.example.org"),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("MAIL_FROM_EMAIL", "bonjour@example.org"),
            ("ADMIN_EMAIL", "admin@example.org"),
        ];
        Config::read(|asked| {
            base.iter().chain(&[(name, value)]).find(|(key, _)| *key == asked).map(|(_, v)| (*v).to_owned())
        })
    };
    let usual = read("", "").expect("complete").alarms;
    assert_eq!((usual.oldest, usual.failure_percent, usual.dead), (Duration::from_secs(300), 50, 20));
    assert!(usual.webhook.is_none());
    for (name, value) in [
        ("ALARM_OLDEST_SECONDS", "soon"),
        ("ALARM_FAILURE_PERCENT", "101"),
        ("ALARM_DEAD", "-1"),
        ("ALARM_WEBHOOK_URL", "hooks.example.org/hunter2"),
    ] {
        let problems = read(name, value).expect_err(name).0;
        assert!(problems.len() == 1 && problems[0].starts_with(name), "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "the address is a secret");
    }
}

/// An administrator with an account, as a real process knows them.
async fn admin(stage: &Stage) {
    let hash = shared::domain::identity::passwords::hash(&stage.platform.config, PASSWORD).await.expect("a hash");
    sqlx::query(
        "insert into users (id, email, password_hash, first_name, last_name, role, status, activated_at)
         values (gen_random_uuid(), 'chef@example.org', $1, 'Chef', 'Test', 'admin', 'active', now())",
    )
    .bind(hash.to_string())
    .execute(&stage.platform.db)
    .await
    .expect("an administrator");
}

/// The page as a browser without scripts gets it after signing in.
async fn page(http: &reqwest::Client, base: &str, path: &str) -> String {
    let form = http.get(format!("{base}/admin/login")).send().await.expect("the form");
    let cookie = |answer: &reqwest::Response| {
        let line = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
        line.split(';').next().unwrap_or_default().to_owned()
    };
    let guest = cookie(&form);
    let text = form.text().await.expect("a page");
    let token = text.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let body = format!("login=chef@example.org&password={}&next=/admin&token={token}", PASSWORD.replace(' ', "+"));
    let request =
        http.post(format!("{base}/admin/login")).header("cookie", guest).header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    let session = cookie(&request.send().await.expect("signed in"));
    let answer = http.get(format!("{base}{path}")).header("cookie", session).send().await.expect("a page");
    answer.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_alone_says_that_no_worker_is_alive() {
    let port = process::free_port();
    let metrics = format!("http://127.0.0.1:{port}/metrics");
    let stage = Stage::new(&[("METRICS_PORT", &port.to_string())]).await;
    admin(&stage).await;
    stage.queue_mails(1).await;
    sqlx::query("update jobs set run_at = now() - interval '40 s'")
        .execute(&stage.platform.db)
        .await
        .expect("time passes");
    let (mut api, base) = stage.api().await;
    // Two looks ten seconds apart, and a machine that may be busy.
    stage.until(Duration::from_secs(45), "select count(*) from alarms where cleared_at is null", 1).await;

    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let login = json!({ "login": "chef@example.org", "password": PASSWORD });
    let answer = http.post(format!("{base}/api/v1/auth/login")).json(&login).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let token = answer["data"]["token"].as_str().expect("a token").to_owned();
    let listed = http.get(format!("{base}/api/v1/admin/alarms")).bearer_auth(token).send().await.expect("an answer");
    let listed: Value = listed.json().await.expect("JSON");
    assert_eq!(listed["data"][0]["message"], "No worker is alive while jobs are due.");
    let ready: Value =
        http.get(format!("{base}/health/ready")).send().await.expect("ready").json().await.expect("JSON");
    assert_eq!(ready["data"]["details"]["alarms"][0]["rule"], "no_worker");
    let raised = "facteur_alarms{rule=\"no_worker\",subject=\"all\"} 1";
    process::eventually(Duration::from_secs(25), "the metric says so", || {
        let text = http.get(&metrics).send();
        async move { text.await.expect("metrics").text().await.expect("text").contains(raised) }
    })
    .await;
    let banner = "Aucun worker n’est vivant alors que des jobs sont dus.";
    assert!(page(&http, &base, "/admin/queues").await.contains(banner), "the banner, in the language of the account");
    let log = stage.logged();
    let line =
        log.lines().find(|line| line.contains("No worker is alive while jobs are due.")).expect("a line of the log");
    assert!(line.contains("ERROR"), "{line}");

    let _worker = stage.start("facteur-worker", &["run"], &[("METRICS_PORT", "")]);
    let mails = "select count(*) from emails where template = 'ops-queue-alarm' and status = 'sent'";
    stage.until(Duration::from_secs(30), mails, 2).await;
    stage.until(Duration::from_secs(75), "select count(*) from alarms where cleared_at is null", 0).await;
    process::terminate(&api).expect("asked to stop");
    let status = tokio::time::timeout(Duration::from_secs(15), api.wait()).await.expect("it stops").expect("an exit");
    assert!(status.success());
}
