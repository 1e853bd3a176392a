//! Undoing: what ran stays, and what somebody has decided since; of the rest, what the action changed goes back, and
//! nothing else does.

use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::{freeze, path, probes};
use crate::dashboard::{form_token, operator, post};

/// The jobs of these tests are in a queue that is paused: what is retried waits.
async fn house() -> (TestApp, Client) {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    app.execute("insert into lanes (name, paused_at) values ('media', now())").await;
    app.leave_jobs();
    (app, admin)
}

async fn insert(app: &TestApp, count: usize, state: &str, note: &str) -> Vec<String> {
    app.execute(&probes(count, state, note).replace("'default'", "'media'")).await;
    let rows = app.sql(JOBS).await;
    let rows = rows.as_array().expect("rows").iter().filter(|row| row["note"] == note);
    rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Does it to all that match.
async fn done(app: &TestApp, admin: &Client, action: &str, filter: &str, params: Value) -> Value {
    let operation = freeze(admin, action, filter, params).await;
    admin.post(&path(&operation, "start"), json!({})).await.status(202);
    app.drain().await;
    operation
}

/// How many are back, and why others are not.
async fn undone(admin: &Client, operation: &Value) -> (i64, Vec<String>) {
    let view = admin.post(&path(operation, "undo"), json!({})).await.ok();
    let kept = admin.get(&path(operation, "items?outcome=kept")).await.ok();
    let mut why: Vec<_> =
        kept.as_array().expect("items").iter().map(|item| item["why"].as_str().expect("why").to_owned()).collect();
    why.sort_unstable();
    (view["undone"].as_i64().expect("a number"), why)
}

/// What undoing may have changed.
const JOBS: &str = "select id, state, priority, lane, payload->>'note' as note from jobs order by id";

async fn one(app: &TestApp, id: &str) -> Value {
    let rows = app.sql(JOBS).await;
    rows.as_array().expect("rows").iter().find(|row| row["id"] == id).expect("it is there").clone()
}

#[tokio::test]
async fn what_ran_when_it_was_cancelled_is_not_brought_back() {
    let (app, admin) = house().await;
    let jobs = insert(&app, 3, "scheduled", "r").await;
    app.execute(
        "update jobs set state = 'running', fence = 1, worker_id = 'w', started_at = now(), lease_until = now() + interval '1 hour'
         where payload->>'note' = 'r'",
    )
    .await;
    let cancel = done(&app, &admin, "cancel", "args.note:r", json!({})).await;
    // One goes on to its end, one stops, one has not heard of it.
    for (id, state) in [(&jobs[0], "succeeded"), (&jobs[1], "cancelled")] {
        app.execute(&format!(
            "update jobs set state = '{state}', finished_at = now(), lease_until = null, cancel_requested_at = null where id = '{id}'"
        ))
        .await;
    }
    assert_eq!(undone(&admin, &cancel).await, (0, vec!["it was running".to_owned(); 3]));
    for (id, state) in jobs.iter().zip(["succeeded", "cancelled", "running"]) {
        assert_eq!(one(&app, id).await["state"], state);
    }
}

#[tokio::test]
async fn what_others_decided_since_stays() {
    let (app, admin) = house().await;
    let act = async |id: &str, verb: &str| {
        let reply = admin.post(&format!("/api/v1/admin/jobs/{id}/{verb}"), json!({})).await;
        assert!(reply.status.is_success(), "{}", reply.text);
    };
    let jobs = insert(&app, 4, "scheduled", "p").await;
    let priority = done(&app, &admin, "priority", "args.note:p", json!({ "priority": -5 })).await;
    act(&jobs[0], "cancel").await;
    act(&jobs[1], "retry").await;
    app.execute(&format!("update jobs set priority = 7 where id = '{}'", jobs[2])).await;
    assert_eq!(undone(&admin, &priority).await, (2, vec!["changed since".to_owned(); 2]));
    for (id, state, priority) in
        [(&jobs[0], "cancelled", -5), (&jobs[1], "queued", 0), (&jobs[2], "scheduled", 7), (&jobs[3], "scheduled", 0)]
    {
        let job = one(&app, id).await;
        assert_eq!((&job["state"], &job["priority"]), (&json!(state), &json!(priority)));
    }
    let exact = "select count(*) from jobs where payload->>'note' = 'p' and state = 'queued'
                 and rank = (extract(epoch from run_at) * 1000)::bigint + priority * 60000";
    assert_eq!(app.sql(exact).await[0]["count"], 1, "its place is that of its priority");

    let jobs = insert(&app, 3, "dead", "d").await;
    let retry = done(&app, &admin, "retry", "args.note:d", json!({})).await;
    act(&jobs[0], "cancel").await;
    act(&jobs[1], "cancel").await;
    act(&jobs[1], "retry").await;
    assert_eq!(undone(&admin, &retry).await.0, 1);
    for (id, state) in jobs.iter().zip(["cancelled", "queued", "dead"]) {
        assert_eq!(one(&app, id).await["state"], state);
    }

    let jobs = insert(&app, 2, "scheduled", "c").await;
    let cancel = done(&app, &admin, "cancel", "args.note:c", json!({})).await;
    act(&jobs[0], "retry").await;
    assert_eq!(undone(&admin, &cancel).await.0, 1);
    for (id, state) in jobs.iter().zip(["queued", "scheduled"]) {
        assert_eq!(one(&app, id).await["state"], state);
    }

    let jobs = insert(&app, 2, "scheduled", "q").await;
    let queue = done(&app, &admin, "queue", "args.note:q", json!({ "queue": "documents" })).await;
    app.execute(&format!("update jobs set lane = 'exports' where id = '{}'", jobs[0])).await;
    assert_eq!(undone(&admin, &queue).await.0, 1);
    for (id, lane) in jobs.iter().zip(["exports", "media"]) {
        assert_eq!(one(&app, id).await["lane"], lane);
    }
}

#[tokio::test]
async fn what_a_retry_forgot_is_remembered_again() {
    let (app, admin) = house().await;
    let jobs = insert(&app, 1, "dead", "e").await;
    let effects = "select name, fence, worker_id, begun_at, done_at from job_effects order by name";
    app.execute(&format!(
        "insert into job_effects (job_id, name, fence, worker_id, done_at)
         values ('{0}', 'smtp', 1, 'w', null), ('{0}', 'stripe.refund', 1, 'w', now())",
        jobs[0]
    ))
    .await;
    let before = app.sql(effects).await;
    let retry = done(&app, &admin, "retry", "args.note:e", json!({})).await;
    assert_eq!(app.sql(effects).await.as_array().map(Vec::len), Some(1), "nobody knows how the other ended");
    assert_eq!(undone(&admin, &retry).await.0, 1);
    assert_eq!(app.sql(effects).await, before);
}

#[tokio::test]
async fn an_edit_is_undone_whole_and_the_way_back_is_an_edit_too() {
    let (app, admin) = house().await;
    let (first, second) = ("0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b");
    app.execute(&format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, tenant,
                           subject_type, subject_id, owner_id, finished_at)
         select gen_random_uuid(), 'invoice.render_pdf', 'media', 'dead', 0, 3, 3, 1000,
                jsonb_build_object('invoice', '{first}', 'revision', n), 'F-' || n, 'acme', 'invoice', '{first}', '{first}', now()
         from generate_series(1, 2) n"
    ))
    .await;
    let jobs = "select id, payload, key_argument, tenant, subject_type, subject_id, owner_id from jobs
                where kind = 'invoice.render_pdf' order by key_argument";
    let before = app.sql(jobs).await;
    let patch = json!({ "patch": [{ "op": "replace", "path": "/invoice", "value": second }] });
    let edit = done(&app, &admin, "edit", "kind:invoice.render_pdf", patch).await;
    assert_eq!(app.sql(jobs).await[0]["subject_id"], second, "what follows from the payload follows");
    let other = before[1]["id"].as_str().expect("an id");
    let body = json!({ "payload": { "invoice": second, "revision": 9 } });
    admin.post(&format!("/api/v1/admin/jobs/{other}/edit"), body).await.ok();
    assert_eq!(undone(&admin, &edit).await, (1, vec!["changed since".to_owned()]));
    let after = app.sql(jobs).await;
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1]["payload"]["revision"], 9, "a later edit stays");
    let edited = before[0]["id"].as_str().expect("an id");
    let edits = admin.get(&format!("/api/v1/admin/jobs/{edited}/edits")).await.ok();
    assert_eq!(edits.as_array().map(Vec::len), Some(2));
    assert_eq!((&edits[1]["before"], &edits[1]["after"]), (&edits[0]["after"], &edits[0]["before"]));
    assert!(edits[1]["edited_by"].is_string(), "{edits}");
}

#[tokio::test]
async fn its_entry_is_the_same_by_rest_and_from_the_dashboard() {
    let (app, admin) = house().await;
    let chef = operator(&app, "chef").await;
    insert(&app, 2, "scheduled", "a").await;
    let by_rest = done(&app, &admin, "cancel", "args.note:a", json!({})).await;
    undone(&admin, &by_rest).await;
    let by_form = done(&app, &admin, "cancel", "args.note:a", json!({})).await;
    let page = format!("/admin/bulk/{}", by_form["id"].as_str().expect("an id"));
    let token = form_token(&chef.get(&page).await.status(200));
    post(&chef, &format!("{page}/undo"), &[("token", &token)]).await.status(303);
    let entries = app.sql("select details from audit_log where action = 'BULK_UNDONE' order by id").await;
    assert_eq!(entries[0]["details"], json!({ "back": 2, "kept": 0 }));
    assert_eq!(entries[1], entries[0]);
}
