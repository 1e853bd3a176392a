//! Groups of failures: listed, read, resolved, muted, noted, and retried as a whole. The engine's rows are made here.

use std::time::Duration;

use harness::people::PASSWORD;
use harness::{Client, Stage, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commands::{run, said};

const BOUNCE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A group, seen so many minutes ago.
pub fn group(fingerprint: &str, state: &str, minutes: u32) -> String {
    format!(
        "insert into error_groups (fingerprint, kind, code, message, state, count, last_seen, first_version, last_version, last_job)
         values ('{fingerprint}', 'email.send', 'smtp', 'relay said # no', '{state}', 1204, now() - interval '{minutes} min',
                 '1.0.0', '1.1.0', '{}');",
        Uuid::now_v7()
    )
}

/// A job of a group.
pub fn job(fingerprint: &str, state: &str) -> String {
    format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, fingerprint, last_error, run_at)
         values ('{}', 'debug.probe', 'default', '{state}', 0, 1, 3, 1000, '{{\"mode\": \"ok\"}}', '{fingerprint}', 'no', now());",
        Uuid::now_v7()
    )
}

async fn listed(admin: &Client, query: &str) -> Vec<String> {
    let groups = admin.get(&format!("/api/v1/admin/errors{query}")).await.ok();
    groups.as_array().expect("groups").iter().map(|g| g["fingerprint"].as_str().expect("a key").to_owned()).collect()
}

async fn one(admin: &Client) -> Value {
    admin.get(&format!("/api/v1/admin/errors/{BOUNCE}")).await.ok()
}

async fn act(admin: &Client, verb: &str, body: Value) -> harness::Reply {
    admin.post(&format!("/api/v1/admin/errors/{BOUNCE}/{verb}"), body).await
}

#[tokio::test]
async fn groups_are_listed_the_latest_failure_first_and_filtered() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    assert_eq!(admin.get("/api/v1/admin/errors").await.ok(), json!([]));
    app.execute(&[group(BOUNCE, "new", 9), group(OTHER, "resolved", 1)].concat()).await;
    app.execute(&format!("update error_groups set kind = 'debug.probe' where fingerprint = '{OTHER}'")).await;
    assert_eq!(listed(&admin, "").await, [OTHER, BOUNCE]);
    assert_eq!(listed(&admin, "?state=new").await, [BOUNCE]);
    assert_eq!(listed(&admin, "?kind=debug.probe").await, [OTHER]);
    assert!(listed(&admin, "?kind=debug.probe&state=new").await.is_empty());
    assert_eq!(admin.get("/api/v1/admin/errors?state=odd").await.wrong_fields(), ["state"]);
}

#[tokio::test]
async fn a_group_counts_its_open_jobs_and_shows_the_newest_ten() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute(&group(BOUNCE, "new", 0)).await;
    let states = ["succeeded", "cancelled", "retrying", "dead", "dead"];
    app.execute(&states.map(|state| job(BOUNCE, state)).concat()).await;
    app.execute(&job(OTHER, "dead")).await;
    let found = one(&admin).await;
    assert_eq!((&found["open"], &found["count"]), (&json!(3), &json!(1204)));
    let jobs: Vec<&Value> = found["jobs"].as_array().expect("jobs").iter().map(|job| &job["state"]).collect();
    assert_eq!(jobs, [&json!("dead"), &json!("dead"), &json!("retrying")], "newest first");
    app.execute(&(0..10).map(|_| job(BOUNCE, "dead")).collect::<String>()).await;
    let found = one(&admin).await;
    assert_eq!((&found["open"], found["jobs"].as_array().map(Vec::len)), (&json!(13), Some(10)));
    let dead = app.sql("select id from jobs where state = 'dead' order by id limit 1").await[0]["id"].clone();
    let job = admin.get(&format!("/api/v1/admin/jobs/{}", dead.as_str().expect("an id"))).await.ok();
    assert_eq!((&job["fingerprint"], &job["similar"]), (&json!(BOUNCE), &json!(12)), "the others");

    app.execute("update jobs set state = 'succeeded'; update error_groups set last_job = (select min(id::text)::uuid from jobs)").await;
    let found = one(&admin).await;
    assert_eq!((&found["open"], &found["jobs"][0]["id"]), (&json!(0), &found["last_job"]), "none is open: the latest");
    admin.get("/api/v1/admin/errors/nothing").await.status(404);
}

#[tokio::test]
async fn a_group_is_resolved_muted_and_known_again_and_the_audit_log_says_so() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute(&group(BOUNCE, "regressed", 0)).await;
    act(&admin, "resolve", json!({ "reason": "1.2 mends it" })).await.status(204);
    let group = one(&admin).await;
    assert_eq!((&group["state"], group["resolved_at"].is_string()), (&json!("resolved"), true));
    act(&admin, "mute", json!({})).await.status(204);
    let group = one(&admin).await;
    assert_eq!(
        (&group["state"], &group["resolved_at"], &group["muted_until"]),
        (&json!("muted"), &Value::Null, &Value::Null)
    );
    act(&admin, "unmute", json!({})).await.status(204);
    assert_eq!(one(&admin).await["state"], "known");
    let note =
        |note: Value| admin.put("/api/v1/admin/errors/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/note", json!({ "note": note }));
    note(json!("ask the relay")).await.status(204);
    assert_eq!(one(&admin).await["note"], "ask the relay");
    note(Value::Null).await.status(204);
    assert_eq!(one(&admin).await["note"], Value::Null);

    let me = admin.get("/api/v1/me").await.ok();
    assert_eq!(one(&admin).await["changed_by"], me["id"]);
    let entries = app
        .sql("select action, details->>'reason' as reason from audit_log where target_type = 'error' order by id")
        .await;
    let actions: Vec<&Value> = entries.as_array().expect("entries").iter().map(|entry| &entry["action"]).collect();
    let expected = ["RESOLVED", "MUTED", "UNMUTED", "NOTED", "NOTED"].map(|verb| json!(format!("ERROR_GROUP_{verb}")));
    assert_eq!(actions, expected.iter().collect::<Vec<_>>());
    assert_eq!(entries[0]["reason"], "1.2 mends it");
}

#[tokio::test]
async fn a_mute_ends_by_itself() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute(&group(BOUNCE, "new", 0)).await;
    let at = |seconds| app.platform.clock.now() + chrono::Duration::seconds(seconds);
    assert_eq!(act(&admin, "mute", json!({ "until": at(-1) })).await.wrong_fields(), ["until"]);
    act(&admin, "mute", json!({ "until": at(3600) })).await.status(204);
    assert_eq!(listed(&admin, "?state=muted").await, [BOUNCE]);
    app.advance(Duration::from_secs(3601)).await;
    let admin = app.login("chef@example.org", PASSWORD).await;
    assert_eq!(listed(&admin, "?state=known").await, [BOUNCE]);
    assert_eq!(one(&admin).await["muted_until"], Value::Null);
}

#[tokio::test]
async fn nobody_acts_on_a_group_that_is_not_there() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for verb in ["resolve", "mute", "unmute"] {
        act(&admin, verb, json!({})).await.status(404);
    }
    assert_eq!(app.sql("select count(*) from audit_log where target_type = 'error'").await[0]["count"], 0);
}

#[tokio::test]
async fn a_whole_group_is_retried() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let jobs = [
        job(BOUNCE, "dead"),
        job(BOUNCE, "dead"),
        job(BOUNCE, "retrying"),
        job(OTHER, "dead"),
        job(BOUNCE, "cancelled"),
    ];
    app.execute(&jobs.concat()).await;
    let retried = async |filter: Value| {
        let body = json!({ "filter": filter });
        admin.post("/api/v1/admin/jobs/retry", body).await.status(202).data()["total"].clone()
    };
    let draft = json!({ "action": "retry", "filter": { "error": BOUNCE, "state": "dead" } });
    assert_eq!(admin.post("/api/v1/admin/bulk", draft).await.created()["total"], 2);
    assert_eq!(retried(json!({ "error": BOUNCE })).await, 3, "what retries and what is dead");
    assert_eq!(app.drain().await, 4, "them, and who brings them back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_and_resolves_failures_at_the_terminal() {
    let stage = Stage::new(&[]).await;
    let rows = [group(BOUNCE, "new", 0), job(BOUNCE, "dead")].concat();
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&stage.platform.db).await.expect("a failure");
    let told = said(&run(&stage, "facteur", &["errors", "ls"]).await);
    assert!(told.contains(BOUNCE) && told.contains("relay said # no"), "{told}");
    let told = said(&run(&stage, "facteur", &["errors", "show", BOUNCE]).await);
    assert!(
        told.contains("1204, 1 jobs open") && told.contains(&format!("facteur jobs retry --error {BOUNCE}")),
        "{told}"
    );
    for (args, state) in [
        (&["mute", BOUNCE, "--hours", "2"][..], "muted"),
        (&["unmute", BOUNCE], "known"),
        (&["resolve", BOUNCE], "resolved"),
    ] {
        let done = run(&stage, "facteur", &[&["errors"], args].concat()).await;
        assert!(done.status.success(), "{}", said(&done));
        let count = format!("select count(*) from error_groups where state = '{state}'");
        assert_eq!(stage.count(&count).await, 1, "{state}");
    }
    let retried = run(&stage, "facteur", &["jobs", "retry", "--error", BOUNCE, "--yes"]).await;
    assert!(said(&retried).contains("retry 1 jobs"), "{}", said(&retried));
    assert_eq!(stage.count("select count(*) from bulk_operations where state = 'running'").await, 1);
    assert_eq!(run(&stage, "facteur", &["errors", "resolve", OTHER]).await.status.code(), Some(65));
    assert_eq!(stage.count("select count(*) from audit_log where action = 'ERROR_GROUP_RESOLVED'").await, 1);
}
