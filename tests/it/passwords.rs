//! Forgotten, changed and imported passwords.

use std::time::Duration;

use harness::letters::token;
use harness::people::PASSWORD;
use harness::{Reply, TestApp};
use serde_json::json;

const NEW: &str = "une phrase toute nouvelle";

async fn ask(app: &TestApp, email: &str) -> Reply {
    app.anonymous().post("/api/v1/auth/password-reset", json!({ "email": email })).await
}

async fn confirm(app: &TestApp, token: &str, password: &str) -> Reply {
    app.anonymous().post("/api/v1/auth/password-reset/confirm", json!({ "token": token, "password": password })).await
}

async fn sign_in(app: &TestApp, password: &str) -> u16 {
    let body = json!({ "login": "alice@example.org", "password": password });
    app.anonymous().post("/api/v1/auth/login", body).await.status.as_u16()
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_in_the_mail() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    ask(&app, "alice@example.org").await.status(202);
    let token = token(&app.only_mail_to("alice@example.org").await);
    confirm(&app, &token, NEW).await.status(204);
    alice.get("/api/v1/me").await.status(401); // every session has ended
    assert_eq!(sign_in(&app, PASSWORD).await, 401);
    assert_eq!(sign_in(&app, NEW).await, 200);
    let told = app.only_mail_to("alice@example.org").await;
    assert!(!told.text.contains("token="), "the owner is told, without another link");
    confirm(&app, &token, "et encore une autre phrase").await.status(410);
    assert_eq!(sign_in(&app, NEW).await, 200);
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_told_to_nobody() {
    let app = TestApp::new().await;
    app.user("alice").await;
    app.user("gone").await;
    app.execute("update users set status = 'suspended' where email = 'gone@example.org'").await;
    let mut answers = Vec::new();
    for name in ["alice", "gone", "nobody"] {
        let asked = std::time::Instant::now();
        answers.push(ask(&app, &format!("{name}@example.org")).await.status(202).text);
        assert!(asked.elapsed() >= Duration::from_millis(395), "{name}");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    app.only_mail_to("alice@example.org").await;
    assert_eq!(app.sql("select count(*) from emails").await[0]["count"], 1);
}

#[tokio::test]
async fn a_reset_link_works_for_an_hour() {
    let app = TestApp::new().await;
    app.user("alice").await;
    ask(&app, "alice@example.org").await.status(202);
    let token = token(&app.only_mail_to("alice@example.org").await);
    app.advance(Duration::from_secs(61 * 60)).await;
    confirm(&app, &token, NEW).await.status(410);
    assert_eq!(sign_in(&app, PASSWORD).await, 200);
}

#[tokio::test]
async fn a_password_that_will_not_do_leaves_the_link_unused() {
    let app = TestApp::new().await;
    app.user("alice").await;
    ask(&app, "alice@example.org").await.status(202);
    let token = token(&app.only_mail_to("alice@example.org").await);
    assert_eq!(confirm(&app, &token, "short").await.wrong_fields(), ["password"]);
    confirm(&app, &token, NEW).await.status(204);
    app.drain().await;
}

#[tokio::test]
async fn an_activation_link_resets_no_password() {
    let app = TestApp::new().await;
    let body = json!({ "email": "alice@example.org", "password": PASSWORD, "first_name": "A", "last_name": "M" });
    app.anonymous().post("/api/v1/auth/register", body).await.created();
    let token = token(&app.only_mail_to("alice@example.org").await);
    confirm(&app, &token, NEW).await.status(410);
    app.anonymous().post("/api/v1/auth/activate", json!({ "token": token })).await.ok();
    app.drain().await;
}

#[tokio::test]
async fn a_reset_lifts_the_lock() {
    let app = TestApp::new().await;
    app.user("alice").await;
    app.execute("update users set failed_logins = 5, locked_until = now() + interval '1 hour'").await;
    ask(&app, "alice@example.org").await.status(202);
    let token = token(&app.only_mail_to("alice@example.org").await);
    confirm(&app, &token, NEW).await.status(204);
    app.drain().await;
    assert_eq!(sign_in(&app, NEW).await, 200);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_tells_the_owner() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    let elsewhere = app.login("alice@example.org", PASSWORD).await;
    let body = json!({ "current_password": PASSWORD, "password": NEW });
    alice.put("/api/v1/me/password", body).await.status(204);
    alice.get("/api/v1/me").await.status(200);
    elsewhere.get("/api/v1/me").await.status(401);
    assert_eq!((sign_in(&app, PASSWORD).await, sign_in(&app, NEW).await), (401, 200));
    app.only_mail_to("alice@example.org").await;
}

#[tokio::test]
async fn the_password_now_is_needed_for_another() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    let change = |current: &str, new: &str| {
        let body = json!({ "current_password": current, "password": new });
        let alice = alice.clone();
        async move { alice.put("/api/v1/me/password", body).await }
    };
    assert_eq!(change("wrong", NEW).await.wrong_fields(), ["current_password"]);
    assert_eq!(change(PASSWORD, "short").await.wrong_fields(), ["password"]);
    assert_eq!(change(PASSWORD, "alice@example.org").await.wrong_fields(), ["password"]);
    for _ in 0..4 {
        change("wrong", NEW).await.status(422);
    }
    let limited = change(PASSWORD, NEW).await.status(429);
    assert!(limited.header("retry-after").is_some());
    assert_eq!(sign_in(&app, PASSWORD).await, 200);
}

#[tokio::test]
async fn an_imported_bcrypt_hash_works_and_becomes_argon2id() {
    let app = TestApp::new().await;
    app.user("alice").await;
    // "U*U" of crypt_blowfish's own test vectors.
    app.execute("update users set password_hash = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'")
        .await;
    assert_eq!(sign_in(&app, "U*V").await, 401);
    assert_eq!(sign_in(&app, "U*U").await, 200);
    let stored = app.sql("select password_hash as h from users").await[0]["h"].clone();
    assert!(stored.as_str().is_some_and(|hash| hash.starts_with("$argon2id$v=19$")), "{stored}");
    assert_eq!(sign_in(&app, "U*U").await, 200);
    assert_eq!(app.sql("select password_hash as h from users").await[0]["h"], stored, "and is then left alone");
}

#[tokio::test]
async fn a_hash_of_other_costs_is_made_anew() {
    let app = TestApp::with(&[("ARGON2_MEMORY_KIB", "128")]).await;
    app.user("alice").await;
    let cheap = TestApp::new().await;
    let hash = shared::domain::identity::passwords::hash(&cheap.platform.config, PASSWORD).await.expect("a hash");
    app.execute(&format!("update users set password_hash = '{hash}'")).await;
    assert_eq!(sign_in(&app, PASSWORD).await, 200);
    let stored = app.sql("select password_hash as h from users").await[0]["h"].clone();
    assert!(stored.as_str().is_some_and(|hash| hash.contains("m=128")), "{stored}");
}
