//! Bulk operations: the set that is changed is the set that was previewed, whatever arrives; pace, pause, undo; rights.

mod undo;

use std::time::Duration;

use harness::people::PASSWORD;
use harness::{Client, Stage, TestApp};
use serde_json::{Value, json};

use crate::dashboard::{form_token, operator, post};

/// So many probes in a state, of this note; those of `ok` succeed when they run.
fn probes(count: usize, state: &str, note: &str) -> String {
    format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, last_error, run_at, finished_at)
         select gen_random_uuid(), 'debug.probe', 'default', '{state}', 0, 3, 3, 1000,
                jsonb_build_object('mode', 'ok', 'note', '{note}'), 'no', now() + interval '1 hour',
                case when '{state}' in ('dead', 'cancelled') then now() end
         from generate_series(1, {count});"
    )
}

async fn freeze(admin: &Client, action: &str, filter: &str, params: Value) -> Value {
    let body = json!({ "action": action, "params": params, "filter": { "filter": filter } });
    admin.post("/api/v1/admin/bulk", body).await.created()
}

fn path(operation: &Value, verb: &str) -> String {
    format!("/api/v1/admin/bulk/{}/{verb}", operation["id"].as_str().expect("an id"))
}

async fn states(app: &TestApp) -> Value {
    app.sql("select state, count(*) from jobs where kind = 'debug.probe' group by state order by state").await
}

#[tokio::test]
async fn exactly_what_was_previewed_is_retried_and_it_may_be_undone() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    app.execute(&[probes(7, "dead", "a"), probes(2, "succeeded", "a"), probes(1, "dead", "b")].concat()).await;
    let preview = freeze(&admin, "retry", "args.note:a", json!({})).await;
    assert_eq!((&preview["total"], &preview["refused"], &preview["state"]), (&json!(7), &json!(2), &json!("draft")));
    assert_eq!(
        preview["tallies"][0],
        json!({ "kind": "debug.probe", "state": "dead", "outcome": "pending", "count": 7 })
    );
    // They keep arriving.
    app.execute(&probes(5, "dead", "a")).await;
    let begun = admin.post(&path(&preview, "start"), json!({ "reason": "the relay is back" })).await.status(202).data();
    assert_eq!(begun["state"], "running");
    assert_eq!(admin.post(&path(&preview, "start"), json!({})).await.status(409).code(), "bulk_state");
    // Its own job runs first, then the seven.
    assert_eq!(app.drain().await, 8);
    let done = admin.get(path(&preview, "").trim_end_matches('/')).await.ok();
    assert_eq!((&done["state"], &done["done"], &done["pending"]), (&json!("done"), &json!(7), &json!(0)));
    assert_eq!(states(&app).await, json!([{ "state": "dead", "count": 6 }, { "state": "succeeded", "count": 9 }]));
    let undone = admin.post(&path(&preview, "undo"), json!({})).await.ok();
    assert_eq!((&undone["state"], &undone["undone"], &undone["done"]), (&json!("undone"), &json!(0), &json!(7)));
    // What has ended is not counted again at every look.
    app.execute("delete from bulk_items").await;
    let again = admin.get(path(&preview, "").trim_end_matches('/')).await.ok();
    assert_eq!((&again["undone"], &again["done"], &again["refused"]), (&json!(0), &json!(7), &json!(2)));

    // What has not started goes back to where it was.
    let preview = freeze(&admin, "cancel", "state:scheduled", json!({})).await;
    assert_eq!(admin.post(&path(&preview, "start"), json!({})).await.status(409).code(), "bulk_empty");
    app.execute(&probes(3, "scheduled", "c")).await;
    let before = app.sql("select id, run_at, attempt from jobs where state = 'scheduled' order by id").await;
    let preview = freeze(&admin, "cancel", "state:scheduled", json!({})).await;
    admin.post(&path(&preview, "start"), json!({})).await.status(202);
    app.drain().await;
    assert_eq!(app.sql("select count(*) from jobs where state = 'cancelled'").await[0]["count"], 3);
    let undone = admin.post(&path(&preview, "undo"), json!({})).await.ok();
    assert_eq!(undone["undone"], 3);
    assert_eq!(app.sql("select id, run_at, attempt from jobs where state = 'scheduled' order by id").await, before);
    assert_eq!(admin.post(&path(&preview, "undo"), json!({})).await.status(409).code(), "bulk_state");
    let trail = app.sql("select action from audit_log where target_type = 'bulk' order by id").await;
    let trail: Vec<_> = trail.as_array().expect("rows").iter().filter_map(|row| row["action"].as_str()).collect();
    assert_eq!(trail, ["BULK_STARTED", "BULK_UNDONE", "BULK_STARTED", "BULK_UNDONE"]);
    app.execute("delete from jobs where state = 'scheduled'").await;
}

#[tokio::test]
async fn each_action_does_what_it_says_and_skips_what_has_moved_on() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    let run = async |action: &str, filter: &str, params: Value, between: &str| {
        let preview = freeze(&admin, action, filter, params).await;
        app.execute(between).await;
        admin.post(&path(&preview, "start"), json!({ "word": action })).await.status(202);
        app.execute("update jobs set state = 'blocked' where state = 'queued' and kind <> 'bulk.run'").await;
        app.drain().await;
        admin.get(path(&preview, "").trim_end_matches('/')).await.ok()
    };
    app.execute(&probes(3, "scheduled", "p")).await;
    run("priority", "args.note:p", json!({ "priority": -5 }), "select 1").await;
    run("queue", "args.note:p", json!({ "queue": "media" }), "select 1").await;
    let moved = app.sql("select count(*) from jobs where priority = -5 and rank = -300000 and lane = 'media'").await;
    assert_eq!(moved[0]["count"], 3);
    let one = "update jobs set state = 'cancelled' where id = (select id from jobs where state = 'scheduled' limit 1)";
    let killed = run("kill", "args.note:p", json!({}), one).await;
    assert_eq!((&killed["done"], &killed["skipped"]), (&json!(2), &json!(1)));
    let why = admin.get(&path(&killed, "items?outcome=skipped")).await.ok();
    assert_eq!(why[0]["why"], "cancelled");
    // A patch that the kind refuses changes nothing; the reason stands beside the job.
    let patch = json!({ "patch": [{ "op": "replace", "path": "/mode", "value": "dance" }] });
    let edited = run("edit", "state:dead args.note:p", patch, "select 1").await;
    assert_eq!((&edited["done"], &edited["skipped"]), (&json!(0), &json!(2)));
    let patch = json!({ "patch": [{ "op": "replace", "path": "/note", "value": "q" }] });
    run("edit", "state:dead args.note:p", patch, "select 1").await;
    assert_eq!(app.sql("select count(*) from jobs where payload->>'note' = 'q'").await[0]["count"], 2);
    assert_eq!(app.sql("select count(*) from job_edits where before->>'note' = 'p'").await[0]["count"], 2);
    let gone = run("discard", "state:dead,cancelled", json!({}), "select 1").await;
    assert_eq!((&gone["done"], &gone["undo_until"]), (&json!(3), &json!(null)));
    assert_eq!(app.sql("select count(*) from jobs where kind = 'debug.probe'").await[0]["count"], 0);
    for (body, field) in [
        (json!({ "action": "priority" }), "params.priority"),
        (json!({ "action": "queue", "params": { "queue": "nowhere" } }), "params.queue"),
        (json!({ "action": "edit" }), "params.patch"),
        (json!({ "action": "retry", "filter": { "filter": "x:y" } }), "filter[0]"),
    ] {
        assert_eq!(admin.post("/api/v1/admin/bulk", body).await.wrong_fields(), [field]);
    }
    app.leave_jobs();
}

#[tokio::test]
async fn many_want_a_reason_all_want_the_word_and_the_right_is_asked() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    let olga = app.person("olga", "operator").await;
    let vera = app.person("vera", "viewer").await;
    app.drain().await;
    app.execute(&probes(101, "dead", "a")).await;
    let preview = freeze(&admin, "retry", "state:dead", json!({})).await;
    assert_eq!(admin.post(&path(&preview, "start"), json!({ "reason": " " })).await.wrong_fields(), ["reason"]);
    let preview = freeze(&admin, "discard", "", json!({})).await;
    let start = json!({ "reason": "tidy", "word": "yes" });
    assert_eq!(admin.post(&path(&preview, "start"), start).await.wrong_fields(), ["word"]);
    vera.post(&path(&preview, "start"), json!({ "reason": "r", "word": "discard" })).await.status(403);
    vera.get(path(&preview, "").trim_end_matches('/')).await.status(200);
    app.execute(&probes(9_950, "dead", "a")).await;
    let large = freeze(&olga, "retry", "state:dead", json!({})).await;
    assert_eq!(large["total"], 10_051);
    olga.post(&path(&large, "start"), json!({ "reason": "r" })).await.status(403);
    assert_eq!(app.sql("select count(*) from jobs where state = 'dead'").await[0]["count"], 10_051, "nothing was done");
    app.leave_jobs();
}

#[tokio::test]
async fn the_pages_preview_start_and_show_it() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute(&probes(3, "dead", "a")).await;
    let list = chef.get("/admin/jobs?state=dead").await.status(200);
    assert!(list.text.contains("Preview all 3 that match"), "{}", list.text);
    let token = form_token(&list);
    let fields = [("token", &*token), ("action", "retry"), ("filter", "state:dead"), ("scope", "selected")];
    let nothing = post(&chef, "/admin/bulk/preview", &fields).await.status(303);
    assert!(nothing.header("location").is_some_and(|to| to.starts_with("/admin/jobs?")));
    let one =
        app.sql("select id from jobs where state = 'dead' limit 1").await[0]["id"].as_str().expect("one").to_owned();
    let chosen = [&fields[..], &[("id", &one)]].concat();
    let to =
        post(&chef, "/admin/bulk/preview", &chosen).await.status(303).header("location").expect("its page").to_owned();
    let by_hand = chef.get(&to).await.status(200).text;
    assert!(by_hand.contains("Retry 1 job?") && by_hand.contains("href=\"/admin/jobs\">Back"), "{by_hand}");
    let fields = [("token", &*token), ("action", "retry"), ("filter", "by hand"), ("scope", "all")];
    let to =
        post(&chef, "/admin/bulk/preview", &fields).await.status(303).header("location").expect("its page").to_owned();
    let asked = chef.get(&to).await.status(200).text;
    assert!(asked.contains("by+hand"), "a filter that ends so is a filter: {asked}");
    let fields = [("token", &*token), ("action", "retry"), ("filter", "state:dead"), ("scope", "all")];
    let to =
        post(&chef, "/admin/bulk/preview", &fields).await.status(303).header("location").expect("its page").to_owned();
    let draft = chef.get(&to).await.status(200).text;
    assert!(draft.contains("Retry 3 jobs: state:dead</button>"), "{draft}");
    post(&chef, &format!("{to}/start"), &[("token", &token), ("per_second", "1000")]).await.status(303);
    post(&chef, &format!("{to}/pause"), &[("token", &token)]).await.status(303);
    assert!(chef.get(&to).await.status(200).text.contains("Paused"));
    assert_eq!(app.drain().await, 1, "its job finds it paused");
    post(&chef, &format!("{to}/resume"), &[("token", &token)]).await.status(303);
    assert_eq!(app.drain().await, 4);
    assert!(chef.get(&to).await.status(200).text.contains("3 of 3"));
    assert!(chef.get("/admin/bulk").await.status(200).text.contains("Retry 3 jobs"));
}

#[tokio::test]
async fn taking_work_away_asks_for_the_password_unless_one_has_just_signed_in() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    let chef = operator(&app, "chef").await;
    app.execute(&probes(5, "dead", "a")).await;
    let cancel = freeze(&admin, "discard", "args.note:a", json!({})).await;
    admin.post(&path(&cancel, "start"), json!({})).await.status(202);
    app.drain().await;
    assert_eq!(app.sql("select count(*) from jobs where kind = 'debug.probe'").await[0]["count"], 0, "just signed in");

    app.execute(&probes(5, "dead", "b")).await;
    app.execute("update sessions set created_at = created_at - interval '16 minutes'").await;
    let retry = freeze(&admin, "retry", "args.note:none", json!({})).await;
    assert_eq!(
        admin.post(&path(&retry, "start"), json!({})).await.status(409).code(),
        "bulk_empty",
        "no password for that"
    );
    let gone = freeze(&admin, "discard", "args.note:b", json!({})).await;
    let start = async |body: Value| admin.post(&path(&gone, "start"), body).await;
    assert_eq!(start(json!({})).await.status(403).code(), "reauthentication_required");
    assert_eq!(start(json!({ "password": "guessed" })).await.wrong_fields(), ["password"]);

    let page = format!("/admin/bulk/{}", gone["id"].as_str().expect("an id"));
    let draft = chef.get(&page).await.status(200);
    assert!(draft.text.contains("name=\"password\""), "{}", draft.text);
    let token = form_token(&draft);
    let send = async |password: &str| {
        let fields = [("token", &*token), ("password", password)];
        post(&chef, &format!("{page}/start"), &fields).await.status(303);
    };
    send("").await;
    send("guessed").await;
    let failed = "select count(*) from audit_log where action = 'LOGIN_FAILED' and details->>'reason' = 'confirmation'";
    assert_eq!(app.sql(failed).await[0]["count"], 2, "they count as at the door");
    assert_eq!(
        app.sql("select failed_logins from users where email = 'chef@example.org'").await[0]["failed_logins"],
        2
    );
    assert_eq!(app.sql("select count(*) from jobs where state = 'dead'").await[0]["count"], 5, "nothing was done");
    send(PASSWORD).await;
    app.drain().await;
    assert_eq!(app.sql("select count(*) from jobs where kind = 'debug.probe'").await[0]["count"], 0);

    app.execute(&probes(1, "dead", "c")).await;
    let last = freeze(&admin, "discard", "args.note:c", json!({})).await;
    for _ in 0..3 {
        admin.post(&path(&last, "start"), json!({ "password": "guessed" })).await.status(422);
    }
    let locked = admin.post(&path(&last, "start"), json!({ "password": PASSWORD })).await;
    assert!(matches!(locked.status.as_u16(), 403 | 429), "five wrong ones lock: {}", locked.text);
    app.leave_jobs();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_keeps_the_pace_and_another_goes_on_where_it_died() {
    let stage = Stage::new(&[]).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(probes(40, "dead", "a"))).execute(&stage.platform.db).await.expect("probes");
    let mut tx = stage.begin().await;
    let new =
        serde_json::from_value(json!({ "action": "retry", "filter": { "state": "dead" } })).expect("an operation");
    let id = shared::platform::jobs::bulk::freeze(&mut tx, &new).await.expect("frozen");
    let pace = serde_json::from_value(json!({ "per_second": 5 })).expect("a pace");
    let none = shared::platform::jobs::bulk::Rights { large: false, reveal: false };
    shared::platform::jobs::bulk::start(&mut tx, id, &pace, none).await.expect("started");
    tx.commit().await.expect("a commit");
    let mut first = stage.worker();
    stage
        .until(
            Duration::from_secs(30),
            "select (count(*) >= 10)::int::bigint from jobs where state = 'succeeded' and kind = 'debug.probe'",
            1,
        )
        .await;
    first.kill().await.expect("killed");
    let dead = stage.count("select count(*) from jobs where state = 'dead'").await;
    assert!(dead > 0, "at five per second the most of them wait still");
    let _second = stage.worker();
    let all = "select count(*) from jobs where state = 'succeeded' and kind = 'debug.probe'";
    stage.until(Duration::from_secs(90), all, 40).await;
    assert_eq!(stage.count("select count(*) from bulk_items where outcome = 'done'").await, 40);
}
