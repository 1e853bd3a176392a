//! Queues and kinds: limits over all processes, what holds a queue back, fuses. The engine's rows are made here.

use std::time::Duration;

use harness::people::PASSWORD;
use harness::{Client, Stage, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commands::{run, said};
use crate::dashboard::{form_token, operator, post};

/// A job in a lane.
fn job(lane: &str, state: &str, key: &str) -> String {
    format!(
        "insert into jobs (id, kind, lane, state, rank, max_attempts, timeout_ms, payload, concurrency_key, concurrency_limit,
                           run_at, lease_until)
         values ('{}', 'debug.probe', '{lane}', '{state}', 0, 3, 1000, '{{\"mode\": \"ok\"}}', nullif('{key}', ''), 1,
                 now() - interval '5 s', case when '{state}' = 'running' then now() + interval '1 hour' end);",
        Uuid::now_v7()
    )
}

/// A worker alive that serves every lane named.
fn worker(lanes: &str) -> String {
    format!(
        "insert into workers (id, host, pid, version, lanes, slots, state) values
         (gen_random_uuid(), 'host', 1, '0', '{{{lanes}}}', 8, 'running');"
    )
}

async fn queue(admin: &Client, name: &str) -> Value {
    let queues = admin.get("/api/v1/admin/queues").await.ok();
    queues.as_array().expect("queues").iter().find(|queue| queue["name"] == name).expect("it").clone()
}

async fn kind(admin: &Client, name: &str) -> Value {
    let kinds = admin.get("/api/v1/admin/kinds").await.ok();
    kinds.as_array().expect("kinds").iter().find(|kind| kind["kind"] == name).expect("it").clone()
}

#[tokio::test]
async fn limits_are_set_one_by_one_and_taken_away() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let limit = |body: Value| admin.patch("/api/v1/admin/queues/email", body);
    let none = json!({ "concurrency": null, "rate": null });
    assert_eq!(limit(json!({})).await.ok(), none);
    assert_eq!(limit(json!({ "concurrency": 4 })).await.ok(), json!({ "concurrency": 4, "rate": null }));
    let both = json!({ "concurrency": 4, "rate": { "count": 10, "seconds": 60 } });
    assert_eq!(limit(json!({ "rate": { "count": 10, "seconds": 60 } })).await.ok(), both, "the other one stays");
    assert_eq!(limit(json!({ "rate": { "count": 10, "seconds": 60 } })).await.ok(), both);
    let seen = queue(&admin, "email").await;
    assert_eq!((&seen["concurrency"], &seen["rate"]), (&both["concurrency"], &both["rate"]));
    assert_eq!(queue(&admin, "default").await["rate"], Value::Null);
    assert_eq!(limit(json!({ "rate": { "count": 3 } })).await.ok()["rate"], json!({ "count": 3, "seconds": 1 }));
    assert_eq!(limit(json!({ "concurrency": null, "rate": null })).await.ok(), none);

    let entries = app.sql("select details->'before' as before, details->'after' as after from audit_log where action = 'QUEUE_LIMITED' order by id").await;
    let entries = entries.as_array().expect("entries");
    assert_eq!(entries.len(), 4, "what changes nothing is not told");
    assert_eq!((&entries[1]["before"], &entries[1]["after"]), (&json!({ "concurrency": 4, "rate": null }), &both));
    assert_eq!(
        app.sql("select concurrency, rate, changed_by is not null as known from lanes").await,
        json!([{ "concurrency": null, "rate": null, "known": true }])
    );
}

#[tokio::test]
async fn a_limit_out_of_range_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let wrong = |body: Value| async { admin.patch("/api/v1/admin/queues/email", body).await.wrong_fields() };
    assert_eq!(wrong(json!({ "concurrency": 0 })).await, ["concurrency"]);
    assert_eq!(wrong(json!({ "concurrency": "x" })).await, ["concurrency"]);
    assert_eq!(wrong(json!({ "rate": { "count": 0 } })).await, ["rate.count"]);
    assert_eq!(wrong(json!({ "rate": { "count": 1, "seconds": 86_401 } })).await, ["rate.seconds"]);
    assert_eq!(wrong(json!({ "colour": 1 })).await, ["colour"]);
    admin.patch("/api/v1/admin/queues/nowhere", json!({ "concurrency": 1 })).await.status(404);
    assert_eq!(app.sql("select count(*) from lanes").await[0]["count"], 0);
}

#[tokio::test]
async fn a_new_rate_is_not_held_back_by_what_the_old_one_lent() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.patch("/api/v1/admin/queues/email", json!({ "rate": { "count": 1, "seconds": 3600 } })).await.ok();
    app.execute("update lanes set rate_at = now() + interval '1 hour'").await;
    let lent = || async { app.sql("select rate_at is not null as lent from lanes").await[0]["lent"].clone() };
    admin.patch("/api/v1/admin/queues/email", json!({ "concurrency": 2 })).await.ok();
    assert_eq!(lent().await, true, "another limit leaves the bucket alone");
    admin.patch("/api/v1/admin/queues/email", json!({ "rate": { "count": 10 } })).await.ok();
    assert_eq!(lent().await, false);
}

#[tokio::test]
async fn a_queue_tells_what_holds_it_back() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let by = || async { queue(&admin, "exports").await["limited_by"].clone() };
    assert_eq!(by().await, Value::Null);
    app.execute(&job("exports", "blocked", "acme")).await;
    assert_eq!(by().await, "key");
    app.execute(&job("exports", "queued", "")).await;
    assert_eq!(by().await, "workers", "none is alive");
    app.execute(&worker("exports,media")).await;
    assert_eq!(by().await, "workers", "it has waited for five seconds and nothing else is in its way");
    app.execute("update jobs set run_at = now() where state = 'queued'").await;
    assert_eq!(by().await, Value::Null, "it has only just come");
    app.execute("insert into job_kinds (kind, fuse) values ('debug.probe', 'hold')").await;
    assert_eq!(by().await, "fuse");
    app.execute(&job("exports", "running", "")).await;
    app.execute("insert into lanes (name, concurrency) values ('exports', 2)").await;
    assert_eq!(by().await, "fuse", "one more would have room");
    app.execute("update lanes set concurrency = 1").await;
    assert_eq!(by().await, "concurrency");
    // Ten a second, and a second's worth is lent: the bucket is empty.
    app.execute("update lanes set rate = 10, rate_at = now() + interval '20 s', rate_window = '20 s'").await;
    assert_eq!(by().await, "rate");
    app.execute("update lanes set rate_at = now() + interval '10 s'").await;
    assert_eq!(by().await, "concurrency", "half of the bucket is there");
    app.execute("update lanes set paused_at = now()").await;
    assert_eq!(by().await, "pause");
    let seen = queue(&admin, "exports").await;
    assert_eq!((&seen["waiting"], &seen["blocked"], &seen["running"]), (&json!(1), &json!(1), &json!(1)));
    app.leave_jobs();
}

#[tokio::test]
async fn a_pause_and_its_end_are_audited_under_their_names() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let past = app.platform.clock.now() - chrono::Duration::seconds(1);
    assert_eq!(
        admin.post("/api/v1/admin/queues/media/pause", json!({ "until": past })).await.wrong_fields(),
        ["until"]
    );
    admin.post("/api/v1/admin/queues/media/pause", json!({ "reason": "disk" })).await.status(204);
    admin.post("/api/v1/admin/queues/media/resume", json!({})).await.status(204);
    let entries = app.sql("select action, target_id, details->>'reason' as reason from audit_log where target_type = 'lane' order by id").await;
    assert_eq!(
        entries,
        json!([{ "action": "QUEUE_PAUSED", "target_id": "media", "reason": "disk" },
               { "action": "QUEUE_RESUMED", "target_id": "media", "reason": null }])
    );
}

#[tokio::test]
async fn a_fuse_holds_a_kind_until_it_is_cleared_or_its_time_is_over() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let fuse = |body: Value| admin.put("/api/v1/admin/kinds/email.send/fuse", body);
    assert_eq!(kind(&admin, "email.send").await["fuse"], "closed");
    fuse(json!({ "fuse": "hold", "reason": "the relay is down" })).await.status(204);
    let held = kind(&admin, "email.send").await;
    assert_eq!(
        (&held["fuse"], &held["fuse_reason"], &held["fuse_until"]),
        (&json!("hold"), &json!("the relay is down"), &Value::Null)
    );
    assert_eq!(kind(&admin, "debug.probe").await["fuse"], "closed");
    admin.delete("/api/v1/admin/kinds/email.send/fuse").await.status(204);
    assert_eq!(kind(&admin, "email.send").await["fuse"], "closed");

    let until = app.platform.clock.now() + chrono::Duration::seconds(60);
    fuse(json!({ "fuse": "dead", "reason": "by mistake", "until": until })).await.status(204);
    assert_eq!(kind(&admin, "email.send").await["fuse"], "dead");
    app.advance(Duration::from_secs(61)).await;
    let over = kind(&app.login("chef@example.org", PASSWORD).await, "email.send").await;
    assert_eq!((&over["fuse"], &over["fuse_reason"]), (&json!("closed"), &Value::Null));
    let actions =
        app.sql("select action, details->>'fuse' as fuse from audit_log where target_type = 'kind' order by id").await;
    assert_eq!(
        actions,
        json!([{ "action": "FUSE_SET", "fuse": "hold" }, { "action": "FUSE_CLEARED", "fuse": null }, { "action": "FUSE_SET", "fuse": "dead" }])
    );
}

#[tokio::test]
async fn a_fuse_needs_a_kind_a_reason_and_a_future() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let past = app.platform.clock.now() - chrono::Duration::seconds(1);
    let wrong = |body: Value| async { admin.put("/api/v1/admin/kinds/email.send/fuse", body).await.wrong_fields() };
    assert_eq!(wrong(json!({ "fuse": "hold" })).await, ["reason"]);
    assert_eq!(wrong(json!({ "fuse": "hold", "reason": "" })).await, ["reason"]);
    assert_eq!(wrong(json!({ "fuse": "closed", "reason": "x" })).await, ["fuse"]);
    assert_eq!(wrong(json!({ "fuse": "hold", "reason": "x", "until": past })).await, ["until"]);
    admin.put("/api/v1/admin/kinds/no.such/fuse", json!({ "fuse": "hold", "reason": "x" })).await.status(404);
    admin.delete("/api/v1/admin/kinds/no.such/fuse").await.status(404);
    assert_eq!(app.sql("select count(*) from job_kinds").await[0]["count"], 0);
}

#[tokio::test]
async fn a_kind_tells_its_policy_and_its_last_hour() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute(
        "insert into job_stats (minute, lane, kind, succeeded, failed, dead, run_ms) values
         (now() - interval '2 min', 'default', 'debug.probe', 6, 1, 1, 1600),
         (now() - interval '5 min', 'exports', 'debug.probe', 2, 0, 0, 400),
         (now() - interval '61 min', 'default', 'debug.probe', 500, 500, 500, 1)",
    )
    .await;
    let probe = kind(&admin, "debug.probe").await;
    assert_eq!((&probe["succeeded"], &probe["failed"], &probe["dead"]), (&json!(8), &json!(1), &json!(1)));
    assert_eq!(
        (&probe["run_ms"], &probe["lane"], &probe["timeout_seconds"]),
        (&json!(200.0), &json!("default"), &json!(60))
    );
    assert!(
        probe["policy"].as_str().is_some_and(|policy| policy.starts_with("3 attempts; again within 2 s")),
        "{probe}"
    );
    assert_eq!(kind(&admin, "email.send").await["run_ms"], Value::Null);
}

#[tokio::test]
async fn a_queue_tells_how_it_flows_and_a_kind_what_it_is() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute("delete from jobs; delete from job_stats").await;
    // A hundred ran in the hour before: they waited n ms and ran 10 n ms. Thirty came within the last five minutes.
    app.execute(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, run_at, created_at, started_at, finished_at)
         select gen_random_uuid(), 'debug.probe', 'media', 'succeeded', 0, 1, 3, 1000, '{\"mode\":\"ok\"}', t, t - interval '10 minutes',
                t + n * interval '1 ms', t + 11 * n * interval '1 ms'
         from generate_series(1, 100) n, (select now() - interval '20 minutes' as t) x;
         insert into jobs (id, kind, lane, state, rank, max_attempts, timeout_ms, payload)
         select gen_random_uuid(), 'debug.probe', 'media', 'queued', 0, 3, 1000, '{\"mode\":\"ok\"}' from generate_series(1, 30);
         insert into job_stats (minute, lane, kind, succeeded, failed, dead)
         values (date_trunc('minute', now()) - interval '1 minute', 'media', 'debug.probe', 300, 7, 0)",
    )
    .await;
    let flows = admin.get("/api/v1/admin/queues/flow").await.ok();
    for flow in [&flows["lanes"]["media"], &flows["kinds"]["debug.probe"]] {
        assert_eq!((&flow["samples"], &flow["arriving"]), (&json!(100), &json!(6.0)), "{flow}");
        assert!((50.0..=50.6).contains(&flow["wait"]["p50"].as_f64().expect("ms")), "{flow}");
        assert!((950.0..=951.0).contains(&flow["run"]["p95"].as_f64().expect("ms")), "{flow}");
        // 300 ended within four minutes and the part of this one that is over.
        assert!((60.0..=75.0).contains(&flow["leaving"].as_f64().expect("a rate")), "{flow}");
    }
    assert_eq!((&flows["lanes"]["email"]["samples"], &flows["lanes"]["email"]["wait"]), (&json!(0), &json!(null)));
    let page = chef.get("/admin/queues").await.status(200).text;
    assert!(page.contains("data-label=\"Wait p50\">50 ms") && page.contains("data-label=\"In / min\">6.0"), "{page}");
    let overview = chef.get("/admin").await.status(200).text;
    assert!(overview.contains("data-label=\"Wait p95\">95 ms"), "{overview}");

    let kind = chef.get("/admin/kinds/debug.probe").await.status(200);
    for said in ["3 attempts; again within 2 s", "&quot;mode&quot;", "half within 50 ms"] {
        assert!(kind.text.contains(said), "{said} is not in {}", kind.text);
    }
    chef.get("/admin/kinds/no.such").await.status(404);
    let token = form_token(&kind);
    let test = async |mode: &str| {
        let fields = [("token", &*token), ("mode", mode), ("n", "1")];
        post(&chef, "/admin/kinds/debug.probe/test", &fields).await
    };
    test("abort").await.status(422);
    let to = test("fail_n").await.status(303).header("location").expect("its page").to_owned();
    assert!(chef.get(&to).await.status(200).text.contains("debug.probe"));
    assert_eq!(app.sql("select count(*) from audit_log where action = 'JOBS_PROBED'").await[0]["count"], 1);
    app.leave_jobs();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_limits_pauses_and_holds_at_the_terminal() {
    let stage = Stage::new(&[]).await;
    let facteur = async |args: &str| {
        let output = run(&stage, "facteur", &args.split(' ').collect::<Vec<_>>()).await;
        (output.status.code(), said(&output))
    };
    let (code, told) = facteur("queues limit email --concurrency 4 --rate 10/60").await;
    assert!(code == Some(0) && told.contains("at most 4 at once, 10 starts per 60 s"), "{told}");
    let (_, told) = facteur("queues limit email --concurrency none").await;
    assert!(told.contains("email: 10 starts per 60 s"), "{told}");
    assert_eq!(facteur("queues limit email").await.0, Some(64));
    assert_eq!(facteur("queues limit email --rate fast").await.0, Some(64));
    assert_eq!(facteur("queues limit email --concurrency 0").await.0, Some(65));
    assert_eq!(facteur("queues pause media --reason disk --minutes 5").await.0, Some(0));
    let (_, told) = facteur("queues ls").await;
    assert!(told.contains("10 starts per 60 s") && told.contains("paused until"), "{told}");
    assert_eq!(facteur("queues resume media").await.0, Some(0));
    assert_eq!(facteur("kinds hold email.send --reason relay --minutes 5").await.0, Some(0));
    let (_, told) = facteur("kinds ls").await;
    assert!(told.contains("hold until") && told.contains(": relay"), "{told}");
    assert_eq!(facteur("kinds clear email.send").await.0, Some(0));
    assert_eq!(facteur("kinds hold no.such --reason x").await.0, Some(65));
    let audited = "select count(*) from audit_log where action in ('QUEUE_LIMITED', 'QUEUE_PAUSED', 'QUEUE_RESUMED', 'FUSE_SET', 'FUSE_CLEARED')";
    assert_eq!(stage.count(audited).await, 6);
}
