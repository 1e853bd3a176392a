//! Settings: typed, bounded, recorded, and in force with their commit.

use std::time::Duration;

use harness::{Stage, TestApp};
use serde_json::{Value, json};

use crate::commands::{run, said};
use crate::dashboard::{form_token, operator, post};

const URL: &str = "/api/v1/admin/settings";

fn one<'a>(all: &'a Value, key: &str) -> &'a Value {
    all.as_array().into_iter().flatten().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key} in {all}"))
}

#[tokio::test]
async fn a_setting_is_changed_within_its_bounds_and_by_one_at_a_time() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let all = admin.get(URL).await.ok();
    assert_eq!(one(&all, "audit.retention_days")["value"], 365);
    assert_eq!(one(&all, "auth.password_min")["min"], 8);
    let public = app.anonymous().get("/api/v1/settings").await.ok();
    assert_eq!((&public["auth.registration"], &public["audit.retention_days"]), (&json!(true), &Value::Null));

    let change = |key: &str, value: Value, seen: Option<i32>| {
        let (admin, body) =
            (admin.clone(), json!({ "changes": [{ "key": key, "value": value, "seen": seen }], "reason": "why" }));
        async move { admin.patch(URL, body).await }
    };
    for (key, value) in [
        ("audit.retention_days", json!(29)),
        ("audit.retention_days", json!(30.5)),
        ("auth.registration", json!("false")),
        ("auth.default_role", json!("admin")),
        ("auth.password_min", json!(7)),
    ] {
        assert_eq!(change(key, value.clone(), None).await.wrong_fields(), ["changes[0].value"], "{key} {value}");
    }
    assert_eq!(change("no.such", json!(1), None).await.wrong_fields(), ["changes[0].key"]);

    let set = change("auth.registration", json!(false), Some(0)).await.ok();
    assert_eq!((&set[0]["value"], &set[0]["version"]), (&json!(false), &json!(1)));
    change("auth.registration", json!(true), Some(0)).await.status(409);
    let body =
        json!({ "email": "b@example.org", "password": "correct horse battery", "first_name": "B", "last_name": "C" });
    let register = app.anonymous().post("/api/v1/auth/register", body).await;
    assert!(register.status.is_client_error(), "it holds at once: {}", register.text);
    change("auth.registration", Value::Null, Some(1)).await.ok();
    assert_eq!(app.anonymous().get("/api/v1/settings").await.ok()["auth.registration"], true);

    let log = app.sql("select target_id, details from audit_log where action = 'SETTINGS_CHANGED' order by id").await;
    assert_eq!(log.as_array().map(Vec::len), Some(2), "what changed nothing is not there: {log}");
    let details = json!({ "before": true, "after": false, "reason": "why" });
    assert_eq!(log[0], json!({ "target_id": "auth.registration", "details": details }));
    app.user("alice").await.get(URL).await.status(403);
    app.drain().await;
}

#[tokio::test]
async fn the_dashboard_shows_and_changes_settings() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let page = chef.get("/admin/settings").await.status(200);
    assert!(page.text.contains("audit.retention_days") && page.text.contains("lang=\"fr\""));
    let token = form_token(&page);
    let fields = |value: &'static str, seen: &'static str| {
        [("token", token.clone()), ("value", value.into()), ("seen", seen.into())]
    };
    let send = async |value, seen| {
        let fields = fields(value, seen);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post(&chef, "/admin/settings/audit.retention_days", &fields).await
    };
    send("400", "0").await.status(303);
    send("500", "0").await.status(303);
    let kept = app.sql("select value, version from settings").await;
    assert_eq!(kept, json!([{ "value": 400, "version": 1 }]), "the second one had not seen the first");
    send("5", "1").await.status(422);
    for path in [
        "/admin/audit",
        "/admin/audit?action=SETTINGS_CHANGED&severity=high",
        "/admin/audit/verification",
        "/admin/stats",
    ] {
        chef.get(path).await.status(200);
    }
    let id = app.sql("select id from audit_log where action = 'SETTINGS_CHANGED'").await[0]["id"].clone();
    let entry = chef.get(&format!("/admin/audit/{id}")).await.status(200);
    assert!(entry.text.contains("Before and after") && entry.text.contains("400"), "{}", entry.text);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sets_and_the_log_is_read_and_verified_there() {
    let stage = Stage::new(&[]).await;
    let set = run(&stage, "facteur", &["settings", "set", "auth.password_min", "16", "--reason", "longer"]).await;
    assert!(set.status.success(), "{}", said(&set));
    assert!(said(&run(&stage, "facteur", &["settings", "ls"]).await).contains("auth.password_min"));
    let wrong = run(&stage, "facteur", &["settings", "set", "auth.password_min", "three"]).await;
    assert_eq!(wrong.status.code(), Some(65), "{}", said(&wrong));
    let listed = run(&stage, "facteur", &["audit", "ls", "--action", "SETTINGS_CHANGED", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!((&listed["data"][0]["details"]["after"], &listed["data"][0]["severity"]), (&json!(16), &json!("high")));
    // A worker gives entries their places.
    let worker = stage.worker();
    stage.until(Duration::from_secs(20), "select count(*) from audit_pending", 0).await;
    drop(worker);
    let whole = run(&stage, "facteur", &["audit", "verify"]).await;
    assert!(whole.status.success() && said(&whole).contains("head 1:"), "{}", said(&whole));
    let evil = "set session_replication_role = replica; update audit_log set details = '{\"after\": 8}'";
    sqlx::raw_sql(evil).execute(&stage.platform.db).await.expect("a superuser");
    let caught = run(&stage, "facteur", &["audit", "verify"]).await;
    assert_eq!(caught.status.code(), Some(65));
    assert!(said(&caught).contains("«what» was changed"), "{}", said(&caught));
}
