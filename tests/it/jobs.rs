//! What becomes of a job: done, tried again, dead, waiting, unknown. Probes do what they are told.

use std::time::Duration;

use chrono::{DateTime, Utc};
use harness::app::assert_enqueued;
use harness::{Client, TestApp};
use serde_json::{Value, json};
use shared::kernel::ids::UserId;
use shared::platform::jobs::kinds::{Probe, ProbeMode, Welcome};
use shared::platform::jobs::{Lane, NewJob, Retry, enqueue, enqueue_new, enqueue_now};
use shared::platform::tx::Tx;

/// Longer than any wait of a probe.
const WAIT: Duration = Duration::from_secs(11);

async fn probe(admin: &Client, order: Value) -> String {
    let reply = admin.post("/api/v1/admin/jobs/probe", order).await.status(202);
    reply.data()["jobs"][0].as_str().expect("an id").to_owned()
}

async fn job(admin: &Client, id: &str) -> Value {
    admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok()
}

async fn tx(app: &TestApp) -> Tx {
    Tx::begin(&app.platform).await.expect("a transaction")
}

fn ok() -> NewJob {
    NewJob::of(&Probe { mode: ProbeMode::Ok, n: None, note: None }).expect("a job")
}

async fn add(app: &TestApp, job: NewJob) -> String {
    let mut tx = tx(app).await;
    let id = enqueue_new(&mut tx, job).await.expect("enqueued");
    tx.commit().await.expect("a commit");
    id.to_string()
}

#[tokio::test]
async fn a_probe_is_accepted_and_done() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let reply = admin.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok", "note": "x" })).await.status(202);
    let id = reply.data()["jobs"][0].as_str().expect("an id").to_owned();
    let location = reply.header("location").expect("where to follow it").to_owned();
    assert!(location.ends_with(&id));
    assert_enqueued(&app, "debug.probe", json!({ "mode": "ok" })).await;
    assert_eq!(admin.get(&location).await.ok()["state"], "queued");
    assert_eq!(app.drain().await, 1);
    let done = job(&admin, &id).await;
    assert_eq!(
        (&done["state"], &done["attempt"], &done["attempts"][0]["outcome"]),
        (&json!("succeeded"), &json!(1), &json!("ok"))
    );
    assert!(done["finished_at"].is_string() && done["lease_until"].is_null());
}

#[tokio::test]
async fn a_failing_job_waits_longer_each_time_and_is_dead_after_its_attempts() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "fail" })).await;
    for attempt in 1..=2 {
        assert_eq!(app.drain().await, 1);
        let now = job(&admin, &id).await;
        assert_eq!(
            (&now["state"], &now["attempt"], &now["error_code"]),
            (&json!("retrying"), &json!(attempt), &json!("probe"))
        );
        // A slow machine takes its second to ask.
        app.execute("update jobs set run_at = run_at + interval '5 seconds' where state = 'retrying'").await;
        assert_eq!(app.drain().await, 0, "not before its time");
        app.advance(WAIT).await;
    }
    app.drain().await;
    let dead = job(&admin, &id).await;
    assert_eq!((&dead["state"], &dead["attempt"]), (&json!("dead"), &json!(3)));
    let attempts = dead["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.iter().map(|a| a["attempt"].as_i64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    for attempt in attempts {
        assert_eq!((&attempt["outcome"], &attempt["error"]), (&json!("error"), &json!("the probe was told to fail")));
    }
    for (n, attempt) in (1..).zip(&attempts[..2]) {
        let wait = time(&attempt["next_run_at"]) - time(&attempt["finished_at"]);
        let ceiling = chrono::Duration::from_std(Retry::PROBE.ceiling(n)).expect("seconds");
        assert!(wait >= chrono::Duration::seconds(1) && wait <= ceiling, "{wait} after attempt {n}");
    }
    assert!(attempts[2]["next_run_at"].is_null());
    app.advance(Duration::from_secs(86_400)).await;
    app.drain().await;
    assert_eq!(app.sql("select state from jobs where kind = 'debug.probe'").await[0]["state"], "dead", "dead is dead");
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("a time").parse().expect("RFC 3339")
}

#[tokio::test]
async fn a_job_by_itself_needs_no_transaction_and_is_the_first_of_its_key() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let user = UserId::new();
    let first = enqueue_now(&app.platform, &Welcome { user }).await.expect("enqueued");
    let again = enqueue_now(&app.platform, &Welcome { user }).await.expect("known");
    let other = enqueue_now(&app.platform, &Welcome { user: UserId::new() }).await.expect("enqueued");
    assert_eq!(first, again);
    assert_ne!(first, other);
    let rows = app.sql("select id, state from jobs order by id").await;
    assert_eq!(rows, json!([{ "id": first, "state": "queued" }, { "id": other, "state": "queued" }]));
}

#[tokio::test]
async fn a_job_that_recovers_succeeds() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "fail_n", "n": 2 })).await;
    for _ in 0..3 {
        app.drain().await;
        app.advance(WAIT).await;
    }
    let job = job(&admin, &id).await;
    let outcomes: Vec<_> = job["attempts"].as_array().expect("attempts").iter().map(|a| a["outcome"].clone()).collect();
    assert_eq!((&job["state"], outcomes), (&json!("succeeded"), vec![json!("error"), json!("error"), json!("ok")]));
}

#[tokio::test]
async fn administrators_hear_of_dead_jobs_once_per_kind_and_hour() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let die = |n: usize| {
        let (app, admin) = (&app, &admin);
        async move {
            let order = json!({ "mode": "fail", "count": n });
            admin.post("/api/v1/admin/jobs/probe", order).await.status(202);
            app.execute("update jobs set max_attempts = 1 where kind = 'debug.probe'").await;
            app.drain().await;
            let mut mails = app.mails();
            mails.sort_by(|a, b| a.to.0.cmp(&b.to.0));
            mails.into_iter().map(|mail| (mail.to.0, mail.text)).collect::<Vec<_>>()
        }
    };
    let mails = die(3).await;
    assert_eq!(
        mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(),
        ["admin@facteur.example", "chef@example.org"]
    );
    assert!(mails.iter().all(|(_, text)| text.contains("debug.probe")), "{mails:?}");
    assert!(die(2).await.is_empty(), "the same kind within the hour");
    app.execute("update notifications set dedupe_key = 'job-dead:debug.probe:an hour ago'").await;
    assert_eq!(die(1).await.len(), 2, "an hour later");
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "panic" })).await;
    let other = probe(&admin, json!({ "mode": "ok" })).await;
    app.drain().await;
    let job_now = job(&admin, &id).await;
    assert_eq!((&job_now["state"], &job_now["attempts"][0]["outcome"]), (&json!("retrying"), &json!("panic")));
    assert_eq!(job(&admin, &other).await["state"], "succeeded");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_stopped() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "hang" })).await;
    app.execute("update jobs set timeout_ms = 50").await;
    app.drain().await;
    let job = job(&admin, &id).await;
    assert_eq!(
        (&job["state"], &job["attempts"][0]["outcome"], &job["error_code"]),
        (&json!("retrying"), &json!("timeout"), &json!("timeout"))
    );
    assert!(job["attempts"][0]["log"].as_str().is_some_and(|log| log.contains("waiting")), "the run's own log is kept");
}

#[tokio::test]
async fn a_payload_we_cannot_read_is_a_failed_attempt() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "ok" })).await;
    app.execute("update jobs set payload = '{\"mode\": \"of tomorrow\"}'").await;
    assert_eq!(app.drain().await, 1);
    let job = job(&admin, &id).await;
    assert_eq!(
        (&job["state"], &job["error_code"], &job["attempt"]),
        (&json!("retrying"), &json!("payload"), &json!(1))
    );
}

#[tokio::test]
async fn a_kind_of_another_version_is_left_alone() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "ok" })).await;
    app.execute("update jobs set kind = 'of.tomorrow'").await;
    assert_eq!(app.drain().await, 0);
    let job = job(&admin, &id).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("queued"), &json!(0)));
    app.leave_jobs();
}

#[tokio::test]
async fn a_scheduled_job_does_not_run_before_its_time() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = add(&app, ok().after(Duration::from_secs(60))).await;
    assert_eq!(app.drain().await, 0);
    assert_eq!(job(&admin, &id).await["state"], "scheduled");
    app.advance(Duration::from_secs(59)).await;
    assert_eq!(app.drain().await, 0);
    app.advance(Duration::from_secs(2)).await;
    assert_eq!(app.drain().await, 1);
    assert_eq!(job(&admin, &id).await["state"], "succeeded");
}

#[tokio::test]
async fn a_second_job_with_the_same_key_is_the_first() {
    let app = TestApp::new().await;
    let (alice, bob) = (UserId::new(), UserId::new());
    let mut tx = tx(&app).await;
    let first = enqueue(&mut tx, &Welcome { user: alice }).await.expect("enqueued");
    let second = enqueue(&mut tx, &Welcome { user: alice }).await.expect("enqueued");
    let other = enqueue(&mut tx, &Welcome { user: bob }).await.expect("enqueued");
    tx.commit().await.expect("a commit");
    assert_eq!(first, second);
    assert_ne!(first, other);
    app.drain().await;
    let rows = app.sql("select state, error_code from jobs").await;
    assert_eq!(
        rows,
        json!([{ "state": "cancelled", "error_code": "user_gone" }, { "state": "cancelled", "error_code": "user_gone" }])
    );
}

#[tokio::test]
async fn a_job_of_a_transaction_that_is_not_committed_never_was() {
    let app = TestApp::new().await;
    let mut tx = tx(&app).await;
    enqueue_new(&mut tx, ok()).await.expect("enqueued");
    drop(tx);
    assert_eq!(app.drain().await, 0);
    assert_eq!(app.sql("select count(*) from jobs").await[0]["count"], 0);
}

#[tokio::test]
async fn urgent_jobs_go_first_and_nothing_starves() {
    let app = TestApp::new().await;
    let later = add(&app, ok().priority(1)).await;
    let usual = add(&app, ok()).await;
    let urgent = add(&app, ok().priority(-1)).await;
    // Two minutes of waiting outweigh one step.
    app.execute(&format!("update jobs set rank = rank - 120000 where id = '{later}'")).await;
    app.drain().await;
    let order = app.sql("select id from jobs order by started_at").await;
    assert_eq!(order, json!([{ "id": later }, { "id": urgent }, { "id": usual }]));
}

#[tokio::test]
async fn a_job_waits_in_the_lane_it_was_given() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probe(&admin, json!({ "mode": "ok", "lane": "exports" })).await;
    assert_eq!(job(&admin, &id).await["lane"], "exports");
    assert_eq!(
        admin.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok", "lane": "none" })).await.wrong_fields(),
        ["lane"]
    );
    let id = add(&app, ok().lane(Lane::Media)).await;
    assert_eq!(job(&admin, &id).await["lane"], "media");
    app.drain().await;
}

#[tokio::test]
async fn a_job_remembers_who_and_what_asked_for_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let id = probe(&admin.header("traceparent", trace), json!({ "mode": "ok" })).await;
    let job = job(&admin, &id).await;
    let me = admin.get("/api/v1/me").await.ok();
    assert_eq!(job["created_by"], me["id"]);
    assert!(job["traceparent"].as_str().is_some_and(|t| t.contains("0af7651916cd43dd8448eb211c80319c")), "{job}");
    app.drain().await;
}

#[tokio::test]
async fn a_duty_ticks_once_however_many_sweepers_try() {
    use shared::platform::jobs::schedule;
    let app = TestApp::new().await;
    for _ in 0..2 {
        let mut tx = tx(&app).await;
        schedule::install(&mut tx).await.expect("installed");
        schedule::tick(&mut tx).await.expect("a first tick sets the times");
        tx.commit().await.expect("a commit");
    }
    assert_eq!(app.drain().await, 0, "nothing is due yet");
    app.advance(Duration::from_secs(32 * 24 * 3600)).await; // the time of every one of them comes within a month
    let duties = app.sql("select count(*) as n from schedules").await[0]["n"].as_u64().expect("a count") as usize;
    let (mut one, mut two) = (tx(&app).await, tx(&app).await);
    let ticks = (schedule::tick(&mut one).await.expect("a tick"), schedule::tick(&mut two).await.expect("a tick"));
    one.commit().await.expect("a commit");
    two.commit().await.expect("a commit");
    assert_eq!(ticks, (duties, 0), "a missed tick of each duty runs once, late");
    assert_eq!(app.drain().await, duties);
}

#[tokio::test]
async fn what_is_masked_is_not_overwritten_by_who_may_not_see_it() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let olga = app.person("olga", "operator").await;
    app.drain().await;
    let id = "0190a000-0000-7000-8000-000000000001";
    app.execute(&format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, finished_at)
         values ('{id}', 'debug.probe', 'default', 'dead', 0, 3, 3, 1000, '{{\"mode\": \"fail\", \"token\": \"hush\"}}', now())"
    ))
    .await;
    let payload = "select payload from jobs where kind = 'debug.probe'";
    let before = app.sql(payload).await;
    let edit = format!("/api/v1/admin/jobs/{id}/edit");
    let mended = json!({ "payload": { "mode": "ok" } });
    assert_eq!(olga.post(&edit, mended.clone()).await.status(403).code(), "permission_missing");
    // What was shown in the secret's place is no secret, whoever sends it back.
    let mut shown = job(&admin, id).await["payload"].clone();
    shown["mode"] = json!("ok");
    assert_eq!(admin.post(&edit, json!({ "payload": shown })).await.wrong_fields(), ["payload"]);
    // Many at once, the worker does it for who started it.
    let by = async |who: &Client| {
        let patch = json!([{ "op": "replace", "path": "/mode", "value": "ok" }, { "op": "remove", "path": "/token" }]);
        let new = json!({ "action": "edit", "params": { "patch": patch }, "filter": { "state": "dead" } });
        let operation = who.post("/api/v1/admin/bulk", new).await.created()["id"].as_str().expect("an id").to_owned();
        who.post(&format!("/api/v1/admin/bulk/{operation}/start"), json!({})).await.status(202);
        app.drain().await;
        let items = admin.get(&format!("/api/v1/admin/bulk/{operation}/items")).await.ok();
        (items[0]["outcome"].clone(), items[0]["why"].as_str().unwrap_or_default().to_owned())
    };
    let (outcome, why) = by(&olga).await;
    assert_eq!(outcome, "skipped");
    assert!(why.contains("payload.reveal"), "{why}");
    assert_eq!(app.sql(payload).await, before, "nothing was changed");
    assert_eq!(by(&admin).await.0, "done");
    admin.post(&edit, mended).await.ok();
    app.leave_jobs();
}
