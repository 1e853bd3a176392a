//! What administrators do with jobs: find them, retry, cancel, discard, one or many, and stop a queue.

use std::collections::HashSet;
use std::time::Duration;

use harness::people::PASSWORD;
use harness::{Client, TestApp};
use serde_json::{Value, json};

async fn probes(admin: &Client, order: Value) -> Vec<String> {
    let reply = admin.post("/api/v1/admin/jobs/probe", order).await.status(202);
    reply.data()["jobs"].as_array().expect("ids").iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

/// Probes that fail once are dead.
async fn dead(app: &TestApp, admin: &Client, count: usize) -> Vec<String> {
    let ids = probes(admin, json!({ "mode": "fail", "count": count })).await;
    app.execute("update jobs set max_attempts = 1 where state = 'queued' and kind = 'debug.probe'").await;
    app.drain().await;
    ids
}

async fn act(admin: &Client, id: &str, verb: &str) -> harness::Reply {
    admin.post(&format!("/api/v1/admin/jobs/{id}/{verb}"), json!({})).await
}

async fn state(admin: &Client, id: &str) -> Value {
    admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok()["state"].clone()
}

async fn audited(app: &TestApp, action: &str) -> usize {
    let rows =
        app.sql("select action, actor_id is not null as known, ip_address is not null as placed from audit_log").await;
    let rows = rows.as_array().expect("rows").clone();
    rows.iter().filter(|row| row["action"] == action && row["known"] == true && row["placed"] == true).count()
}

#[tokio::test]
async fn a_dead_job_comes_back_with_fresh_attempts() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = dead(&app, &admin, 1).await.remove(0);
    app.execute("update jobs set payload = '{\"mode\": \"ok\"}' where state = 'dead'").await;
    let reply = act(&admin, &id, "retry").await.status(202);
    assert_eq!(reply.data()["state"], "queued");
    assert_eq!(reply.header("location"), Some(&*format!("/api/v1/admin/jobs/{id}")));
    assert_eq!(app.drain().await, 1);
    let job = admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok();
    assert_eq!((&job["state"], &job["attempt"]), (&json!("succeeded"), &json!(1)));
    assert_eq!(job["attempts"].as_array().map(Vec::len), Some(2), "the old attempts stay");
    assert_eq!(audited(&app, "JOB_RETRIED").await, 1);
    assert_eq!(act(&admin, &id, "retry").await.status(409).code(), "job_state");
}

#[tokio::test]
async fn a_waiting_job_can_be_told_to_run_now() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "fail_n", "n": 1 })).await.remove(0);
    app.drain().await;
    assert_eq!(state(&admin, &id).await, "retrying");
    act(&admin, &id, "retry").await.status(202);
    assert_eq!(app.drain().await, 1);
    assert_eq!(state(&admin, &id).await, "succeeded");
}

#[tokio::test]
async fn a_cancelled_job_does_not_run_and_can_come_back() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "ok" })).await.remove(0);
    assert_eq!(act(&admin, &id, "cancel").await.ok()["state"], "cancelled");
    assert_eq!(app.drain().await, 0);
    act(&admin, &id, "cancel").await.status(409);
    act(&admin, &id, "retry").await.status(202);
    assert_eq!(app.drain().await, 1);
    act(&admin, &id, "cancel").await.status(409);
    assert_eq!((audited(&app, "JOB_CANCELLED").await, audited(&app, "JOB_RETRIED").await), (1, 1));
}

#[tokio::test]
async fn a_running_job_is_asked_to_stop() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "ok" })).await.remove(0);
    app.execute("update jobs set state = 'running', fence = 1, worker_id = 'w', started_at = now(), lease_until = now() + interval '1 h'").await;
    assert_eq!(act(&admin, &id, "cancel").await.ok()["state"], "running");
    assert_eq!(admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok()["cancel_requested"], true);
    for verb in ["retry", "discard"] {
        act(&admin, &id, verb).await.status(409);
    }
    app.leave_jobs();
}

#[tokio::test]
async fn a_blocked_job_is_seen_and_can_only_be_cancelled() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "ok" })).await.remove(0);
    app.execute("update jobs set state = 'blocked', concurrency_key = 'k', concurrency_limit = 1").await;
    assert_eq!(admin.get("/api/v1/admin/jobs?state=blocked").await.ok()[0]["id"], json!(id));
    for verb in ["retry", "discard"] {
        assert_eq!(act(&admin, &id, verb).await.status(409).code(), "job_state");
    }
    assert_eq!(act(&admin, &id, "cancel").await.ok()["state"], "cancelled");
    assert_eq!(act(&admin, &id, "retry").await.status(202).data()["state"], "blocked", "it waits for its key again");
    assert_eq!(app.drain().await, 1);
}

#[tokio::test]
async fn a_retry_forgets_what_stood_against_the_run_and_nothing_else() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let ids = dead(&app, &admin, 2).await;
    app.execute(&format!(
        "update jobs set deadline_at = now() - interval '1 hour' where id = '{0}';
         update jobs set deadline_at = now() + interval '1 hour' where id = '{1}';
         insert into job_effects (job_id, name, fence, worker_id, done_at, reply) values
            ('{0}', 'smtp', 1, 'w', null, null), ('{0}', 'stripe.refund', 1, 'w', now(), 're_1'),
            ('{1}', 'smtp', 1, 'w', now(), '250 ok')",
        ids[0], ids[1]
    ))
    .await;
    for id in &ids {
        assert_eq!(act(&admin, id, "retry").await.status(202).data()["state"], "queued");
    }
    let kept = app.sql("select name, reply from job_effects e join jobs j on j.id = e.job_id where j.kind = 'debug.probe' order by name").await;
    assert_eq!(kept, json!([{ "name": "smtp", "reply": "250 ok" }, { "name": "stripe.refund", "reply": "re_1" }]));
    let deadlines =
        app.sql("select deadline_at > now() as ahead from jobs where kind = 'debug.probe' order by id").await;
    assert_eq!(deadlines, json!([{ "ahead": null }, { "ahead": true }]), "one that has passed would end it at once");
    app.leave_jobs();
}

#[tokio::test]
async fn the_callback_of_an_unfinished_batch_comes_back_to_wait_for_it() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let ids = probes(&admin, json!({ "mode": "ok", "count": 2 })).await;
    app.execute(&format!(
        "update jobs set state = 'cancelled', finished_at = now();
         insert into batches (id, name, callback_id, finished_at) values
            (gen_random_uuid(), 'open', '{}', null), (gen_random_uuid(), 'over', '{}', now())",
        ids[0], ids[1]
    ))
    .await;
    assert_eq!(act(&admin, &ids[0], "retry").await.status(202).data()["state"], "blocked");
    assert_eq!(act(&admin, &ids[1], "retry").await.status(202).data()["state"], "queued");
    app.leave_jobs();
}

#[tokio::test]
async fn a_job_tells_what_it_says_and_did_outside() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "ok" })).await.remove(0);
    app.execute(&format!(
        "update jobs set state = 'running', fence = 1, worker_id = 'w', started_at = now(), log = 'half of it',
                lease_until = now() + interval '1 h', progress = '{{\"done\": 1, \"total\": 2}}', tenant = 'acme',
                concurrency_key = 'example.org', concurrency_limit = 3, deadline_at = now() + interval '1 h';
         insert into job_effects (job_id, name, fence, worker_id) values ('{id}', 'smtp', 1, 'w')"
    ))
    .await;
    let job = admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok();
    assert_eq!((&job["log"], &job["attempts"][0]["log"]), (&json!("half of it"), &json!("half of it")));
    assert_eq!(job["progress"], json!({ "done": 1, "total": 2 }));
    assert_eq!(
        (&job["tenant"], &job["concurrency_key"], &job["concurrency_limit"]),
        (&json!("acme"), &json!("example.org"), &json!(3))
    );
    assert!(job["deadline_at"].is_string());
    let effect = &job["effects"][0];
    assert_eq!(
        (&effect["name"], &effect["done_at"], &effect["worker_id"]),
        (&json!("smtp"), &Value::Null, &json!("w"))
    );
    app.leave_jobs();
}

#[tokio::test]
async fn a_discarded_job_is_gone_and_the_audit_log_knows_what_it_was() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // the administrators are told
    let admin = app.admin().await;
    let ids = dead(&app, &admin, 2).await;
    act(&admin, &ids[0], "discard").await.status(204);
    admin.delete(&format!("/api/v1/admin/jobs/{}", ids[1])).await.status(204);
    for id in &ids {
        admin.get(&format!("/api/v1/admin/jobs/{id}")).await.status(404);
        act(&admin, id, "retry").await.status(404);
    }
    assert_eq!(app.sql("select count(*) from job_attempts").await[0]["count"], 0);
    let kinds =
        app.sql("select details->>'kind' as kind, severity from audit_log where action = 'JOB_DISCARDED'").await;
    assert_eq!(
        kinds,
        json!([{ "kind": "debug.probe", "severity": "high" }, { "kind": "debug.probe", "severity": "high" }])
    );
}

#[tokio::test]
async fn what_is_not_over_cannot_be_discarded() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = probes(&admin, json!({ "mode": "ok" })).await.remove(0);
    act(&admin, &id, "discard").await.status(409);
    app.drain().await;
    act(&admin, &id, "discard").await.status(409);
    assert_eq!(audited(&app, "JOB_DISCARDED").await, 0, "what was refused is not recorded as done");
}

#[tokio::test]
async fn filters_narrow_and_add_up() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    dead(&app, &admin, 2).await;
    probes(&admin, json!({ "mode": "ok", "lane": "exports", "count": 3 })).await;
    app.drain().await;
    app.advance(Duration::from_secs(3600)).await;
    let admin = app.login("chef@example.org", PASSWORD).await;
    probes(&admin, json!({ "mode": "sleep", "n": 1, "count": 4 })).await;
    app.drain().await;
    let count = |query: &'static str| {
        let admin = admin.clone();
        async move { admin.get(&format!("/api/v1/admin/jobs?{query}")).await.ok().as_array().expect("rows").len() }
    };
    for (query, expected) in [
        ("kind=debug.probe", 9),
        ("kind=debug.probe&state=dead", 2),
        ("kind=debug.probe&lane=exports", 3),
        ("kind=debug.probe&lane=exports&state=dead", 0),
        ("kind=debug.probe&attempt=1", 9),
        ("kind=debug.probe&attempt=2", 0),
        ("kind=debug.probe&older=1800", 5),
        ("kind=debug.probe&younger=1800", 4),
        ("kind=debug.probe&q=sleep", 4),
        ("kind=debug.probe&q=told+to+fail", 2),
        ("kind=debug.probe&q=told%25fail", 0),
        ("kind=debug.probe&state=", 9),
        ("subject=0190a000-0000-7000-8000-000000000000", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    app.execute(
        "with few as (select id, row_number() over (order by id) as n from jobs where state = 'dead')
         update jobs set tenant = 'acme', concurrency_key = 'k', batch_id = '0190a000-0000-7000-8000-000000000001',
                fingerprint = 'f' from few where jobs.id = few.id and few.n = 1;
         update jobs set fingerprint = 'f' where state = 'succeeded'",
    )
    .await;
    for query in ["tenant=acme", "key=k", "batch=0190a000-0000-7000-8000-000000000001", "error=f"] {
        let found = admin.get(&format!("/api/v1/admin/jobs?{query}")).await.ok();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{query}");
        assert_eq!((&found[0]["tenant"], &found[0]["state"]), (&json!("acme"), &json!("dead")), "{query}");
    }
    let mail = app.sql("select subject_id from jobs where kind = 'email.send' limit 1").await[0]["subject_id"].clone();
    let by_subject = admin.get(&format!("/api/v1/admin/jobs?subject={}", mail.as_str().expect("an id"))).await.ok();
    assert_eq!(by_subject[0]["kind"], "email.send");
    for (query, field) in [
        ("state=lost", "state"),
        ("attempt=x", "attempt"),
        ("batch=x", "batch"),
        ("older=-1", "older"),
        ("colour=red", "colour"),
    ] {
        assert_eq!(admin.get(&format!("/api/v1/admin/jobs?{query}")).await.wrong_fields(), [field]);
    }
}

#[tokio::test]
async fn pages_have_no_gaps_and_no_doubles_while_jobs_arrive() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let expected: HashSet<String> = probes(&admin, json!({ "mode": "ok", "count": 25 })).await.into_iter().collect();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/v1/admin/jobs?limit=10&after={after}")).await.status(200).json();
        let rows = page["data"].as_array().expect("rows");
        assert!(rows.len() <= 10);
        seen.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        probes(&admin, json!({ "mode": "ok", "count": 3 })).await;
        let Some(next) = page["page"]["next"].as_str() else {
            break;
        };
        after = next.to_owned();
    }
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), expected);
    app.drain().await;
}

#[tokio::test]
async fn all_the_dead_of_a_kind_are_retried_by_one_request() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // the administrators are told
    let admin = app.admin().await;
    let chosen = dead(&app, &admin, 3).await;
    let retry = || admin.post("/api/v1/admin/jobs/retry", json!({ "filter": { "kind": "debug.probe" } }));
    let reply = retry().await.status(202);
    assert_eq!((&reply.data()["total"], &reply.data()["filter"]), (&json!(3), &json!("state:dead kind:debug.probe")));
    app.execute("update jobs set payload = '{\"mode\":\"ok\"}' where state = 'dead'").await; // the cause is mended
    let late = dead(&app, &admin, 1).await.remove(0);
    assert_eq!(state(&admin, &chosen[1]).await, "succeeded");
    assert_eq!(state(&admin, &late).await, "dead", "it died after they were chosen");
    let operation = admin.get(reply.header("location").expect("a location")).await.ok();
    assert_eq!((&operation["state"], &operation["done"]), (&json!("done"), &json!(3)));
    assert_eq!(audited(&app, "BULK_STARTED").await, 1);
    assert_eq!(retry().await.status(202).data()["total"], 1);
    let nothing = json!({ "filter": { "kind": "debug.probe", "state": "cancelled" } });
    assert_eq!(admin.post("/api/v1/admin/jobs/retry", nothing).await.status(409).code(), "bulk_empty");
    app.drain().await;
}

#[tokio::test]
async fn a_paused_queue_holds_its_jobs_and_no_others() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let pause = |body| admin.post("/api/v1/admin/queues/exports/pause", body);
    pause(json!({ "reason": "disk is full" })).await.status(204);
    let held = probes(&admin, json!({ "mode": "ok", "lane": "exports" })).await.remove(0);
    let free = probes(&admin, json!({ "mode": "ok", "lane": "media" })).await.remove(0);
    assert_eq!(app.drain().await, 1);
    assert_eq!((state(&admin, &held).await, state(&admin, &free).await), (json!("queued"), json!("succeeded")));
    let queues = admin.get("/api/v1/admin/queues").await.ok();
    let exports =
        queues.as_array().expect("queues").iter().find(|queue| queue["name"] == "exports").expect("it").clone();
    assert_eq!((&exports["waiting"], &exports["pause_reason"]), (&json!(1), &json!("disk is full")));
    assert!(exports["paused_at"].is_string());

    admin.post("/api/v1/admin/queues/exports/resume", json!({})).await.status(204);
    assert_eq!(app.drain().await, 1);
    admin.post("/api/v1/admin/queues/nowhere/pause", json!({})).await.status(404);
    admin.post("/api/v1/admin/queues/nowhere/resume", json!({})).await.status(404);
}

#[tokio::test]
async fn a_pause_ends_by_itself() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let until = app.platform.clock.now() + chrono::Duration::seconds(60);
    admin.post("/api/v1/admin/queues/default/pause", json!({ "until": until })).await.status(204);
    probes(&admin, json!({ "mode": "ok" })).await;
    assert_eq!(app.drain().await, 0);
    app.advance(Duration::from_secs(61)).await;
    assert_eq!(app.drain().await, 1);
}

#[tokio::test]
async fn queues_tell_how_deep_and_how_old_they_are() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    probes(&admin, json!({ "mode": "ok", "count": 5 })).await;
    app.advance(Duration::from_secs(90)).await;
    let admin = app.login("chef@example.org", PASSWORD).await;
    let queues = admin.get("/api/v1/admin/queues/scaling").await.ok();
    let load = queues.as_array().expect("queues").iter().find(|queue| queue["queue"] == "default").expect("it").clone();
    assert_eq!(load["depth"], 5);
    assert!(load["oldest_seconds"].as_f64().is_some_and(|age| (89.0..120.0).contains(&age)), "{load}");
    app.drain().await;
    assert_eq!(admin.get("/api/v1/admin/workers").await.ok(), json!([]));
}

#[tokio::test]
async fn a_probe_shows_each_feature_at_work() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = async |order: Value| {
        let id = probes(&admin, order).await.remove(0);
        admin.get(&format!("/api/v1/admin/jobs/{id}")).await.ok()
    };
    let later = first(json!({ "mode": "ok", "delay_seconds": 60, "priority": -2, "tenant": "acme" })).await;
    assert_eq!(
        (&later["state"], &later["priority"], &later["tenant"]),
        (&json!("scheduled"), &json!(-2), &json!("acme"))
    );
    let keyed = first(json!({ "mode": "ok", "key": "example.org", "key_limit": 3, "expires_seconds": 60 })).await;
    assert_eq!(
        (&keyed["concurrency_key"], &keyed["concurrency_limit"], keyed["deadline_at"].is_string()),
        (&json!("example.org"), &json!(3), true)
    );
    let order = json!({ "mode": "ok", "unique_key": "only", "count": 3 });
    let one = admin.post("/api/v1/admin/jobs/probe", order).await.status(202).data();
    assert_eq!((&one["count"], one["jobs"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    let order = json!({ "mode": "ok", "batch": "letters", "count": 2 });
    let batch = admin.post("/api/v1/admin/jobs/probe", order).await.status(202).data();
    let path = format!("/api/v1/admin/batches/{}", batch["batch"].as_str().expect("a batch"));
    let seen = admin.get(&path).await.ok();
    assert_eq!((&seen["counts"], &seen["callback_id"]), (&json!({ "queued": 2 }), &batch["callback"]));
    app.advance(Duration::from_secs(61)).await;
    app.drain().await;
    let admin = app.login("chef@example.org", PASSWORD).await;
    assert_eq!(admin.get(&path).await.ok()["counts"], json!({ "succeeded": 2 }));
    let left =
        app.sql("select state, count(*) from jobs where kind = 'debug.probe' group by state order by state").await;
    assert_eq!(
        left,
        json!([{ "state": "cancelled", "count": 1 }, { "state": "succeeded", "count": 5 }]),
        "one expired"
    );
}

#[tokio::test]
async fn a_probe_order_is_read_strictly() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let wrong = |body| async { admin.post("/api/v1/admin/jobs/probe", body).await.wrong_fields() };
    assert_eq!(wrong(json!({})).await, ["mode"]);
    assert_eq!(wrong(json!({ "mode": "sing" })).await, ["mode"]);
    assert_eq!(wrong(json!({ "mode": "ok", "count": 0 })).await, ["count"]);
    assert_eq!(wrong(json!({ "mode": "ok", "count": 10_001 })).await, ["count"]);
    assert_eq!(wrong(json!({ "mode": "ok", "key_limit": 2 })).await, ["key"]);
    assert_eq!(wrong(json!({ "mode": "ok", "expires_seconds": 0 })).await, ["expires_seconds"]);
    assert_eq!(wrong(json!({ "mode": "ok", "x": 1 })).await, ["x"]);
    assert_eq!(app.sql("select count(*) from jobs").await[0]["count"], 0);
}
