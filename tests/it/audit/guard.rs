//! What is refused, forged and opened is recorded, a bounded number of times; grave entries reach the administrators.

use harness::TestApp;
use harness::people::PASSWORD;
use serde_json::json;

use super::write;

async fn count(app: &TestApp, action: &str) -> i64 {
    let all = app.sql("select action, count(*) as n from audit_log group by 1").await;
    all.as_array()
        .into_iter()
        .flatten()
        .find(|row| row["action"] == action)
        .map_or(0, |row| row["n"].as_i64().unwrap_or(0))
}

#[tokio::test]
async fn ten_refusals_are_suspicious_and_more_are_not_written_down() {
    let app = TestApp::new().await;
    app.admin().await;
    let alice = app.user("alice").await;
    for _ in 0..13 {
        alice.get("/api/v1/admin/jobs").await.status(403);
    }
    assert_eq!((count(&app, "UNAUTHORIZED_ACCESS").await, count(&app, "SUSPICIOUS_ACTIVITY").await), (10, 1));
    app.drain().await;
    let told = app.mails();
    let told: Vec<_> = told.iter().filter(|mail| mail.subject.contains("Suspicious activity")).collect();
    assert!(!told.is_empty(), "administrators hear of it");
    assert!(told.iter().all(|mail| !mail.text.contains("alice")), "who it was stands in the log alone");
}

#[tokio::test]
async fn a_storm_of_grave_entries_is_told_a_few_times() {
    let app = TestApp::new().await;
    for n in 0..12 {
        write(&app, "SETTINGS_CHANGED", &n.to_string()).await;
    }
    app.drain().await;
    let told = app.sql("select message from notifications where template = 'admin-warning' order by id").await;
    // The hour may have turned meanwhile: then the count began again.
    let told = told.as_array().expect("rows").len();
    assert!((4..=6).contains(&told), "the first three and the tenth: {told}");
}

#[tokio::test]
async fn a_locked_account_is_told_to_its_owner() {
    let app = TestApp::with(&[("RATE_LIMIT_AUTH", "1000/1h")]).await;
    app.user("alice").await;
    for _ in 0..7 {
        let wrong = json!({ "login": "alice@example.org", "password": "not it at all" });
        app.anonymous().post("/api/v1/auth/login", wrong).await.status(401);
    }
    assert_eq!(count(&app, "ACCOUNT_LOCKED").await, 1);
    app.drain().await;
    assert!(app.mails().iter().any(|mail| mail.to.0 == "alice@example.org" && mail.subject.contains("sécurité")));
    let outcome = app.sql("select outcome, severity from audit_log where action = 'ACCOUNT_LOCKED'").await;
    assert_eq!(outcome[0], json!({ "outcome": "refused", "severity": "high" }));
}

#[tokio::test]
async fn forged_tokens_and_webhooks_leave_one_trace_an_hour() {
    let mut app = TestApp::with(&[("STRIPE_WEBHOOK_SECRET", "whsec_of_the_test_that_is_long_enough")]).await;
    for _ in 0..8 {
        let forged = app.anonymous().header("stripe-signature", "t=1,v1=00");
        forged.post("/webhooks/stripe", json!({})).await.status(400);
    }
    assert_eq!(count(&app, "WEBHOOK_REFUSED").await, 1);
    app.user("alice").await;
    let session = json!({ "login": "alice@example.org", "password": PASSWORD });
    let token =
        app.anonymous().post("/api/v1/auth/login", session).await.ok()["token"].as_str().expect("a token").to_owned();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let turned: String = signature.chars().rev().collect();
    for _ in 0..5 {
        app.anonymous().token(&format!("{signed}.{turned}")).get("/api/v1/me").await.status(401);
        app.anonymous().token("garbage").get("/api/v1/me").await.status(401);
    }
    let breach = app.sql("select target_id, severity from audit_log where action = 'SECURITY_BREACH'").await;
    assert_eq!(breach.as_array().map(Vec::len), Some(1), "{breach}");
    assert_eq!(breach[0]["severity"], "critical");
    app.leave_jobs();
}

#[tokio::test]
async fn the_log_is_filtered_and_paged_and_knows_roles() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.user("alice").await;
    let moderator = app.person("max", "moderator").await;
    moderator.get("/api/v1/admin/audit").await.status(403);
    for n in 0..5 {
        write(&app, "CATALOGUE_SYNCED", &n.to_string()).await;
    }
    let list = |query: &'static str| {
        let admin = admin.clone();
        async move { admin.get(&format!("/api/v1/admin/audit{query}")).await.status(200).json() }
    };
    let page = list("?action=CATALOGUE_SYNCED&limit=3").await;
    assert_eq!((page["data"].as_array().map(Vec::len), page["data"][0]["target_id"].as_str()), (Some(3), Some("4")));
    let next = format!("?action=CATALOGUE_SYNCED&limit=3&after={}", page["page"]["next"].as_str().expect("more"));
    let rest = admin.get(&format!("/api/v1/admin/audit{next}")).await.ok();
    assert_eq!(rest.as_array().map(Vec::len), Some(2));
    let signed = list("?action=LOGIN_SUCCESS").await["data"].clone();
    let roles: Vec<_> = signed.as_array().into_iter().flatten().map(|row| row["actor_role"].clone()).collect();
    assert_eq!(roles, ["moderator", "user", "admin"]);
    let refused = list("?outcome=refused").await["data"].clone();
    assert_eq!((&refused[0]["action"], refused.as_array().map(Vec::len)), (&json!("UNAUTHORIZED_ACCESS"), Some(1)));
    assert_eq!(list("?since=2100-01-01T00:00:00Z").await["data"], json!([]));
    assert_eq!(admin.get("/api/v1/admin/audit?severity=terrible").await.wrong_fields(), ["severity"]);
    assert_eq!(admin.get("/api/v1/admin/audit?nonsense=1").await.wrong_fields(), ["nonsense"]);
    let id = signed[0]["id"].as_i64().expect("an id");
    assert_eq!(admin.get(&format!("/api/v1/admin/audit/{id}")).await.ok()["action"], "LOGIN_SUCCESS");
    admin.get("/api/v1/admin/audit/999999").await.status(404);
    assert_eq!(admin.get("/api/v1/admin/audit/verification").await.ok()["intact"], true);
}
