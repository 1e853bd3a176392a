//! Who may call what. The cases are the rows of the route table: a new endpoint is tested the moment it exists.

use api::auth::Keys;
use api::table::Access;
use axum::http::Method;
use harness::people::PASSWORD;
use harness::{Client, Reply, TestApp};
use regex::Regex;
use serde_json::{Value, json};
use shared::kernel::config::Auth;
use shared::kernel::ids::{SessionId, UserId};

/// Rows that may break the rules below. It is empty, and shrinks.
const EXCEPTIONS: [(&str, &str); 0] = [];

struct Row {
    method: Method,
    path: String,
    access: Access,
}

fn rows() -> Vec<Row> {
    let tables = api::routes::tables();
    let rows = tables.iter().flat_map(api::table::Table::rows);
    let rows = rows.map(|row| Row { method: row.method.clone(), path: row.path.clone(), access: row.access });
    let rows: Vec<Row> = rows.filter(|row| !EXCEPTIONS.contains(&(row.method.as_str(), &row.path))).collect();
    assert!(rows.len() > 25, "the table has {} rows", rows.len());
    rows
}

async fn call(client: &Client, row: &Row) -> Reply {
    let id = uuid::Uuid::now_v7().to_string();
    let path = Regex::new(r"\{[^}]+\}").expect("a pattern").replace_all(&row.path, id);
    let body = (row.method != Method::GET && row.method != Method::DELETE).then(|| json!({}));
    client.call(row.method.clone(), &path, body).await
}

fn says(row: &Row, reply: &Reply) -> String {
    format!("{} {}: {} {}", row.method, row.path, reply.status, reply.text)
}

#[tokio::test]
async fn without_a_token_only_public_rows_answer() {
    let app = TestApp::new().await;
    for row in rows() {
        let reply = call(&app.anonymous(), &row).await;
        let refused = matches!(reply.status.as_u16(), 401 | 403);
        assert_eq!(refused, row.access != Access::Public, "{}", says(&row, &reply));
        if refused {
            assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (401, Some("Bearer")));
        }
    }
}

#[tokio::test]
async fn a_client_may_do_what_clients_may_and_nothing_else() {
    let app = TestApp::new().await;
    app.user("alice").await;
    for row in rows() {
        let alice = app.login("alice@example.org", PASSWORD).await; // anew: one of the rows is the way out
        let reply = call(&alice, &row).await;
        match row.access {
            Access::Can(_) => assert_eq!(reply.status, 403, "{}", says(&row, &reply)),
            Access::Caller | Access::Public => {
                assert!(!matches!(reply.status.as_u16(), 401 | 403), "{}", says(&row, &reply))
            }
        }
    }
}

#[tokio::test]
async fn a_permission_opens_its_own_rows_and_no_other() {
    let app = TestApp::new().await;
    let mut permissions: Vec<&str> =
        rows().iter().filter_map(|row| if let Access::Can(p) = row.access { Some(p) } else { None }).collect();
    permissions.sort_unstable();
    permissions.dedup();
    assert_eq!(
        permissions,
        [
            "exports.run",
            "invoices.manage",
            "jobs.manage",
            "jobs.read",
            "orders.manage",
            "payments.refund",
            "products.manage",
            "requests.manage",
            "stripe_events.manage"
        ]
    );
    for permission in permissions {
        let role = permission.replace('.', "_");
        app.execute(&format!(
            "insert into roles (code, label, permissions) values ('{role}', '{role}', '{{{permission}}}')"
        ))
        .await;
        let person = app.person(&role, &role).await;
        for row in rows() {
            let Access::Can(needed) = row.access else { continue };
            let reply = call(&person, &row).await;
            assert_eq!(reply.status == 403, needed != permission, "with {permission}: {}", says(&row, &reply));
            assert_ne!(reply.status, 401, "{}", says(&row, &reply));
        }
    }
}

#[tokio::test]
async fn tokens_that_are_not_ours_count_for_nothing() {
    let app = TestApp::new().await;
    app.admin().await;
    let ids = app.sql("select id, user_id from sessions").await;
    let id = |name: &str| ids[0][name].as_str().expect("an id").parse().expect("a uuid");
    let (session, user) = (SessionId(id("id")), UserId(id("user_id")));
    let now = app.platform.clock.now();
    let ours = &app.platform.config.auth;
    let issue = |auth: &Auth| Keys::new(auth).issue(user, session, now).expect("a token").0;
    let good = issue(ours);
    app.anonymous().token(&good).get("/api/v1/admin/queues").await.ok();

    let hour = chrono::Duration::hours(1);
    let body = good.split('.').nth(1).expect("three parts");
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{body}.");
    let stripped = format!("{}.", good.rsplit_once('.').expect("three parts").0);
    let bad = [
        ("expired", Keys::new(ours).issue(user, session, now - hour).expect("a token").0),
        (
            "signed by another",
            issue(&Auth { jwt_secret: "somebody else's secret of 32 bytes".to_owned().into(), ..ours.clone() }),
        ),
        ("for another audience", issue(&Auth { audience: "others".into(), ..ours.clone() })),
        ("by another issuer", issue(&Auth { issuer: "others".into(), ..ours.clone() })),
        ("of an unknown session", Keys::new(ours).issue(user, SessionId::new(), now).expect("a token").0),
        ("of somebody else's session", Keys::new(ours).issue(UserId::new(), session, now).expect("a token").0),
        ("alg none", unsigned),
        ("without signature", stripped),
        ("garbage", "garbage".into()),
        ("nothing", String::new()),
    ];
    for row in rows().into_iter().filter(|row| row.access != Access::Public) {
        for (what, token) in &bad {
            let reply = call(&app.anonymous().token(token), &row).await;
            assert_eq!(reply.status, 401, "{what}: {}", says(&row, &reply));
        }
    }
}

#[tokio::test]
async fn a_bad_token_does_not_close_what_is_public() {
    let app = TestApp::new().await;
    for row in rows().into_iter().filter(|row| row.access == Access::Public) {
        let reply = call(&app.anonymous().token("garbage"), &row).await;
        assert!(!matches!(reply.status.as_u16(), 401 | 403), "{}", says(&row, &reply));
    }
}

#[tokio::test]
async fn taking_a_right_away_works_at_the_next_request() {
    let app = TestApp::new().await;
    let moderator = app.person("max", "moderator").await;
    let requests = || moderator.get("/api/v1/admin/requests");
    requests().await.status(200);
    app.execute("update roles set permissions = '{}' where code = 'moderator'").await;
    let reply = requests().await.status(403);
    assert_eq!(reply.code(), "permission_missing");
    app.execute("update users set role = 'admin'").await;
    requests().await.status(200);
    app.execute("update users set role = 'user'").await;
    requests().await.status(403);
}

#[tokio::test]
async fn a_suspended_account_and_a_revoked_session_end_at_the_next_request() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    app.execute("update users set status = 'suspended'").await;
    alice.get("/api/v1/me").await.status(401);
    app.execute("update users set status = 'active'").await;
    alice.get("/api/v1/me").await.status(200);
    app.execute("update sessions set revoked_at = now()").await;
    assert_eq!(alice.get("/api/v1/me").await.status(401).code(), "session_ended");
}

#[tokio::test]
async fn somebody_elses_job_does_not_exist() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let reply = admin.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok" })).await.status(202);
    let job: Value = reply.data()["jobs"][0].clone();
    app.drain().await;
    let path = format!("/api/v1/jobs/{}", job.as_str().expect("an id"));
    assert_eq!(admin.get(&path).await.ok()["state"], "succeeded");
    app.user("alice").await.get(&path).await.status(404);
    app.anonymous().get(&path).await.status(401);
}

#[tokio::test]
async fn the_dashboard_asks_strangers_to_sign_in() {
    let app = TestApp::new().await;
    for path in
        ["/admin", "/admin/jobs", "/admin/queues", "/admin/workers", "/admin/emails", "/admin/audit", "/admin/nothing"]
    {
        let reply = app.anonymous().get(path).await.status(303);
        assert!(reply.header("location").is_some_and(|to| to.starts_with("/admin/login")), "{path}");
    }
    for path in ["/admin/jobs/retry", "/admin/queues/default/pause"] {
        app.anonymous()
            .header("content-type", "application/x-www-form-urlencoded")
            .raw(Method::POST, path, Vec::new())
            .await
            .status(303);
    }
    // A token of the API is no key to the dashboard.
    app.admin().await.get("/admin/jobs").await.status(303);
}
