//! Batches, read: how far they have come, and what runs when all are final. The engine's rows are made here.

use harness::{Client, Stage, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commands::{run, said};

/// A batch with a job in each of these states; its id.
fn batch(name: &str, rest: &str, states: &[&str]) -> (Uuid, String) {
    let id = Uuid::now_v7();
    let mut sql =
        format!("insert into batches (id, name, callback_id) values ('{id}', '{name}', '{}');", Uuid::now_v7());
    for state in states {
        sql.push_str(&format!(
            "insert into jobs (id, kind, lane, state, rank, max_attempts, timeout_ms, payload, batch_id, lease_until)
             values ('{}', 'debug.probe', 'default', '{state}', 0, 3, 1000, '{{\"mode\": \"ok\"}}', '{id}', now() + interval '1 h');",
            Uuid::now_v7()
        ));
    }
    sql.push_str(&format!("update batches set {rest} where id = '{id}';"));
    (id, sql)
}

async fn get(admin: &Client, id: Uuid) -> Value {
    admin.get(&format!("/api/v1/admin/batches/{id}")).await.ok()
}

#[tokio::test]
async fn an_open_batch_counts_its_jobs_as_they_are_now() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let (id, sql) = batch("letters", "sealed_at = now()", &["queued", "queued", "running", "succeeded", "dead"]);
    app.execute(&sql).await;
    let seen = get(&admin, id).await;
    assert_eq!(seen["counts"], json!({ "queued": 2, "running": 1, "succeeded": 1, "dead": 1 }));
    assert_eq!(
        (&seen["name"], seen["sealed_at"].is_string(), &seen["finished_at"]),
        (&json!("letters"), true, &Value::Null)
    );
    assert!(seen["callback_id"].is_string());
    app.execute("update jobs set state = 'succeeded' where state = 'queued'").await;
    assert_eq!(get(&admin, id).await["counts"], json!({ "running": 1, "succeeded": 3, "dead": 1 }));
    let jobs = admin.get(&format!("/api/v1/admin/jobs?batch={id}&state=dead")).await.ok();
    assert_eq!(jobs.as_array().map(Vec::len), Some(1));
    let job = jobs[0]["id"].as_str().expect("an id");
    assert_eq!(admin.get(&format!("/api/v1/admin/jobs/{job}")).await.ok()["batch_id"], json!(id));
    app.leave_jobs();
}

#[tokio::test]
async fn a_finished_batch_keeps_its_counts_when_its_jobs_are_gone() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (id, sql) =
        batch("letters", "sealed_at = now(), finished_at = now(), succeeded = 7, dead = 0, cancelled = 1", &[]);
    app.execute(&sql).await;
    assert_eq!(get(&admin, id).await["counts"], json!({ "succeeded": 7, "cancelled": 1 }));
    admin.get(&format!("/api/v1/admin/batches/{}", Uuid::now_v7())).await.status(404);
}

#[tokio::test]
async fn batches_are_listed_newest_first_in_pages() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut made = Vec::new();
    for rest in ["finished_at = now()", "sealed_at = now()", "sealed_at = null"] {
        let (id, sql) = batch("b", rest, &[]);
        app.execute(&sql).await;
        made.insert(0, json!(id));
    }
    let ids = |page: &Value| page["data"].as_array().expect("rows").iter().map(|b| b["id"].clone()).collect::<Vec<_>>();
    let first = admin.get("/api/v1/admin/batches?limit=2").await.status(200).json();
    assert_eq!(ids(&first), made[..2]);
    let after = first["page"]["next"].as_str().expect("a next page");
    let last = admin.get(&format!("/api/v1/admin/batches?limit=2&after={after}")).await.status(200).json();
    assert_eq!((ids(&last), &last["page"]["next"]), (made[2..].to_vec(), &Value::Null));
    let open = admin.get("/api/v1/admin/batches?open=true").await.status(200).json();
    assert_eq!(ids(&open), made[..2]);
    let over = admin.get("/api/v1/admin/batches?open=false").await.status(200).json();
    assert_eq!(ids(&over), made[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_batches_at_the_terminal() {
    let stage = Stage::new(&[]).await;
    assert!(said(&run(&stage, "facteur", &["batches", "ls"]).await).contains("no batch"));
    let (id, sql) = batch("letters", "sealed_at = now()", &["dead", "dead", "succeeded"]);
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&stage.platform.db).await.expect("a batch");
    for args in [vec!["batches", "ls", "--open"], vec!["batches", "show", &id.to_string()]] {
        let told = said(&run(&stage, "facteur", &args).await);
        assert!(told.contains("letters") && told.contains("running") && told.contains("2 dead, 1 succeeded"), "{told}");
    }
    let told = said(&run(&stage, "facteur", &["jobs", "ls", "--batch", &id.to_string(), "--json"]).await);
    assert_eq!(told.matches("\"debug.probe\"").count(), 3, "{told}");
    assert_eq!(run(&stage, "facteur", &["batches", "show", &Uuid::now_v7().to_string()]).await.status.code(), Some(65));
}
