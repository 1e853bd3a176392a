//! People are forgotten: by their own wish, by an administrator's, in time, and whatever comes in between.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use harness::people::PASSWORD;
use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};
use shared::flows::anonymise::tables::{Fate, TABLES};
use shared::flows::anonymise::{self, Went};
use shared::kernel::ids::{ErasureId, JobId};
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::WatchErasures;
use shared::platform::tx::Tx;

const ERASURES: &str = "/api/v1/admin/erasures";

async fn forget_me(client: &Client, password: &str) -> Reply {
    client.call(Method::DELETE, "/api/v1/me", Some(json!({ "password": password }))).await
}

async fn id_of(app: &TestApp, name: &str) -> String {
    let rows = app.sql("select id, email from users").await;
    let row = rows.as_array().expect("rows").iter().find(|row| row["email"] == format!("{name}@example.org"));
    row.expect("somebody")["id"].as_str().expect("an id").to_owned()
}

async fn watch(app: &TestApp) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    enqueue(&mut tx, &WatchErasures {}).await.expect("a job");
    tx.commit().await.expect("a commit");
    app.drain().await;
}

/// Columns that say by their name or their kind that they may hold who somebody is.
const OF_PEOPLE: &str = "
    select c.table_name as t, c.column_name as c from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name not like '\\_sqlx%'
      and (c.column_name ~ '(user|owner|actor|submitter|assignee|customer)_id$' or c.column_name ~ '_by$'
           or c.column_name ~ '(email|address|user_agent|first_name|last_name|phone|legal_name)' or c.data_type in ('inet', 'USER-DEFINED'))
    union select tc.table_name, 'a foreign key to users'
    from information_schema.table_constraints tc join information_schema.constraint_column_usage u using (constraint_name)
    where tc.constraint_type = 'FOREIGN KEY' and u.table_name = 'users'";

#[tokio::test]
async fn no_table_is_forgotten() {
    let app = TestApp::new().await;
    let tables = app
        .sql(
            "select table_name as t from information_schema.tables
              where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like '\\_sqlx%'",
        )
        .await;
    let real: BTreeSet<&str> = tables.as_array().expect("rows").iter().filter_map(|row| row["t"].as_str()).collect();
    let said: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    assert_eq!(said, real, "flows/anonymise/tables.rs says what becomes of every table");
    assert_eq!(said.len(), TABLES.len(), "once each");
    let columns = app.sql(OF_PEOPLE).await;
    let columns = columns.as_array().expect("rows");
    assert!(columns.len() > 40, "{columns:?}");
    for row in columns {
        let (table, column) = (row["t"].as_str().expect("a table"), row["c"].as_str().expect("a column"));
        let fate = TABLES.iter().find(|(name, _)| *name == table).expect("on the page").1;
        assert_ne!(fate, Fate::Nothing, "{table}.{column} is of a person");
    }
}

#[tokio::test]
async fn somebody_deletes_their_account_and_is_nobody_afterwards() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let alice = app.user("alice").await;
    alice.patch("/api/v1/me", json!({ "phone": "0102030405", "username": "alice-la-belle" })).await.ok();
    let id = id_of(&app, "alice").await;
    assert_eq!(forget_me(&alice, "wrong").await.wrong_fields(), ["password"]);
    alice.delete("/api/v1/me").await.status(422);
    let asked = forget_me(&alice, PASSWORD).await.status(202).data();
    assert_eq!((&asked["user_id"], asked["days_left"].as_i64() > Some(26)), (&json!(id), true), "{asked}");
    assert_eq!(alice.get("/api/v1/me").await.status(401).code(), "session_ended");
    let login = json!({ "login": "alice@example.org", "password": PASSWORD });
    app.anonymous().post("/api/v1/auth/login", login.clone()).await.status(401);
    assert_eq!(admin.get(&format!("/api/v1/admin/users/{id}")).await.ok()["status"], "deletion_pending");

    let farewell = app.only_mail_to("alice@example.org").await;
    assert!(farewell.subject.contains("supprimé") && !farewell.text.contains("L123-22"), "{}", farewell.text);
    let left = admin.get(&format!("/api/v1/admin/users/{id}")).await.ok();
    for gone in ["email", "username", "phone"] {
        assert_eq!(left[gone], Value::Null, "{left}");
    }
    assert_eq!((&left["status"], &left["first_name"]), (&json!("anonymised"), &json!("")));
    let mails = app.sql("select to_address, vars, status from emails where template = 'account-deleted'").await;
    assert_eq!(mails, json!([{ "to_address": "nobody@erased.invalid", "vars": {}, "status": "sent" }]));
    let done = admin.get(ERASURES).await.ok();
    assert_eq!((&done[0]["address"], &done[0]["kept"]), (&Value::Null, &json!([])));
    assert!(done[0]["done_at"].is_string(), "{done}");
    let proof = app.sql("select severity from audit_log where action = 'USER_DELETED'").await;
    assert_eq!(proof, json!([{ "severity": "high" }]));
    // The address is free again, and whoever comes is somebody else.
    let again = app.user("alice").await.get("/api/v1/me").await.ok();
    assert_ne!(again["id"], json!(id));
    assert_eq!(admin.delete(&format!("/api/v1/admin/users/{id}")).await.status(409).code(), "user_status");
}

#[tokio::test]
async fn lists_that_were_exported_forget_somebody_too() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let alice = app.user("alice").await;
    let ask = async |kind: &str, filters: Value| {
        let wish = json!({ "kind": kind, "format": "csv", "filters": filters });
        let asked = admin.post("/api/v1/admin/exports", wish).await.status(202).data();
        format!("/api/v1/exports/{}", asked["id"].as_str().expect("an id"))
    };
    let of_alice = ask("users", json!({ "q": "Alice@exa", "role": "user" })).await;
    let figures = ask("report", json!({})).await;
    app.drain().await;
    let address = admin.get(&of_alice).await.ok()["url"].as_str().expect("an address").replace("http://api.test", "");
    let open = ask("orders", json!({})).await;
    app.execute("update exports set status = 'running' where kind = 'orders'").await;
    app.execute("update jobs set state = 'scheduled', run_at = now() + interval '1 day' where kind = 'export.build' and state = 'queued'").await;
    forget_me(&alice, PASSWORD).await.status(202);
    app.drain().await;

    let row = admin.get(&of_alice).await.ok();
    assert_eq!((&row["status"], &row["filters"]), (&json!("expired"), &json!({ "q": "…", "role": "user" })), "{row}");
    app.anonymous().get(&address).await.status(404);
    assert_eq!(app.sql("select count(*) as n from files").await[0]["n"], 1, "that of the figures, which name nobody");
    assert_eq!(admin.get(&figures).await.ok()["status"], "ready");
    let row = admin.get(&open).await.ok();
    assert_eq!((&row["status"], &row["url"]), (&json!("failed"), &Value::Null), "what was being read ends: {row}");
    let told = admin.get("/api/v1/notifications").await.ok();
    assert!(told.to_string().contains("n’a pas pu être préparé"), "{told}");
    let revoked = app.sql("select details->>'kind' as kind, details->'erasure' is not null as why from audit_log where action = 'EXPORT_REVOKED'").await;
    assert_eq!(revoked, json!([{ "kind": "users", "why": true }]));
    let log =
        app.sql("select details->'filters' as said from audit_log where action = 'EXPORT_REQUESTED' order by id").await;
    assert_eq!(log[0]["said"], json!(["q", "role"]), "the log says what was narrowed, not to whom");
    // Its job is still there, and makes it of what is left.
    app.execute("update jobs set state = 'queued', run_at = now() where state = 'scheduled'").await;
    app.drain().await;
    assert_eq!(admin.get(&open).await.ok()["status"], "ready");
}

#[tokio::test]
async fn within_its_grace_a_deletion_is_called_off() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute("insert into settings (key, value) values ('account.deletion_grace', '3')").await;
    let alice = app.user("alice").await;
    let id = id_of(&app, "alice").await;
    let (path, erasure) = (format!("/api/v1/admin/users/{id}"), format!("/api/v1/admin/users/{id}/erasure"));
    admin.delete(&erasure).await.status(404);
    admin.delete(&path).await.status(202);
    assert_eq!(admin.delete(&path).await.status(409).code(), "user_status");
    alice.get("/api/v1/me").await.status(401);
    app.drain().await;
    assert_eq!(admin.delete(&erasure).await.ok()["status"], "active");
    let alice = app.login("alice@example.org", PASSWORD).await;
    forget_me(&alice, PASSWORD).await.status(202);
    app.advance(Duration::from_secs(3 * 24 * 3600 - 60)).await;
    app.drain().await;
    assert_eq!(
        app.sql("select status from users where role = 'user'").await,
        json!([{ "status": "deletion_pending" }])
    );
    app.advance(Duration::from_secs(120)).await;
    app.drain().await;
    assert_eq!(app.sql("select status from users where role = 'user'").await, json!([{ "status": "anonymised" }]));
    let admin = app.login("chef@example.org", PASSWORD).await;
    admin.delete(&erasure).await.status(404);
    let kept = app.sql("select count(*) as n from erasures where cancelled_at is not null and address is null").await;
    assert_eq!(kept[0]["n"], 1);
}

#[tokio::test]
async fn what_was_cut_off_or_lost_is_taken_up_again_and_late_is_told() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let alice = app.user("alice").await;
    let asked = forget_me(&alice, PASSWORD).await.status(202).data();
    let id: ErasureId = asked["id"].as_str().expect("an id").parse().expect("a uuid");
    // A run that dies in the middle of the seventh step: that one is not done, those before are.
    for step in 0..7 {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        let went = anonymise::go_on(&mut tx, id, JobId::new()).await.expect("a step");
        assert!(matches!(went, Went::On { done, .. } if done == step + 1));
        if step < 6 { tx.commit().await.expect("a commit") } else { tx.rollback().await.expect("a rollback") }
    }
    assert_eq!(app.sql("select cardinality(steps) as n from erasures").await[0]["n"], 6);
    // Its job is lost, and nobody looks for 25 days.
    app.execute("delete from jobs where kind = 'account.anonymise'").await;
    app.execute("update erasures set run_at = now() + interval '26 days'").await;
    app.advance(Duration::from_secs(25 * 24 * 3600)).await;
    watch(&app).await;
    watch(&app).await;
    let told = app.sql("select title from notifications where subject_type = 'erasure'").await;
    assert_eq!(told.as_array().expect("rows").len(), 1, "once: {told}");
    app.execute("update erasures set run_at = now()").await;
    watch(&app).await;
    assert_eq!(app.sql("select status from users where role = 'user'").await, json!([{ "status": "anonymised" }]));
    assert_eq!(app.sql("select done_at is not null as done from erasures").await, json!([{ "done": true }]));
    app.leave_jobs();
}

#[tokio::test]
async fn a_guest_is_forgotten_by_their_address() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let request = json!({ "kind": "contact", "name": "Colombe Pinson", "email": "colombe@example.org", "phone": "0600000001",
                          "title": "Un nid", "body": "Bonjour, je suis Colombe." });
    app.anonymous().post("/api/v1/requests", request).await.created();
    app.drain().await;
    let wish = |email: &str| json!({ "email": email, "reason": "demandé par courrier" });
    app.user("alice").await;
    assert_eq!(admin.post(ERASURES, wish("alice@example.org")).await.status(409).code(), "has_account");
    admin.post(ERASURES, wish("nobody@example.org")).await.status(404);
    let reply = admin.post(ERASURES, wish("COLOMBE@example.org")).await.status(202);
    assert!(reply.header("location").is_some_and(|to| to.starts_with("/api/v1/admin/jobs/")));
    app.mails();
    app.only_mail_to("COLOMBE@example.org").await;
    let left =
        app.sql("select submitter_name, submitter_email, submitter_phone, title, body, kind from requests").await;
    assert_eq!(
        left,
        json!([{ "submitter_name": "", "submitter_email": "nobody@erased.invalid", "submitter_phone": null, "title": "",
                 "body": "", "kind": "contact" }])
    );
    for table in
        ["emails", "notifications", "jobs", "job_attempts", "job_effects", "idempotency_keys", "audit_log", "erasures"]
    {
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "select coalesce(string_agg(x::text, ' '), '') from {table} x"
        )))
        .fetch_one(&app.platform.db)
        .await
        .expect("rows");
        assert!(!rows.to_lowercase().contains("colombe") && !rows.contains("0600000001"), "{table}: {rows}");
    }
}
