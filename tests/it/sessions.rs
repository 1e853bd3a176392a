//! Signing in, staying in, signing out, and not getting in.

use std::time::Duration;

use harness::people::PASSWORD;
use harness::{Client, Reply, TestApp};
use serde_json::{Value, json};

/// So that the lock of an account is seen, not the limit before it.
const UNLIMITED: [(&str, &str); 1] = [("RATE_LIMIT_AUTH", "1000/1h")];

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

async fn login(client: &Client, login: &str, password: &str) -> Reply {
    client.post("/api/v1/auth/login", json!({ "login": login, "password": password })).await
}

async fn refresh(app: &TestApp, token: &Value) -> Reply {
    app.anonymous().post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
}

async fn session(app: &TestApp) -> Value {
    app.user("alice").await;
    login(&app.anonymous(), "alice@example.org", PASSWORD).await.ok()
}

fn without_id(reply: &Reply) -> Value {
    let mut body = reply.json();
    body["request_id"].take();
    body
}

#[tokio::test]
async fn whoever_does_not_get_in_learns_nothing_from_the_answer() {
    let app = TestApp::with(&UNLIMITED).await;
    for name in ["known", "locked", "suspended"] {
        app.user(name).await;
    }
    app.execute("update users set status = 'suspended' where email = 'suspended@example.org'").await;
    app.execute("update users set locked_until = now() + interval '1 hour' where email = 'locked@example.org'").await;
    app.execute("insert into users (id, email, role, status) values (gen_random_uuid(), 'nopassword@example.org', 'user', 'active')").await;
    let wrong = "not the password at all";
    let unknown = login(&app.anonymous(), "nobody@example.org", wrong).await.status(401);
    assert_eq!(unknown.code(), "invalid_credentials");
    let others = [
        ("known", wrong),
        ("locked", PASSWORD),
        ("locked", wrong),
        ("suspended", PASSWORD),
        ("suspended", wrong),
        ("nopassword", wrong),
    ];
    for (name, password) in others {
        let reply = login(&app.anonymous(), &format!("{name}@example.org"), password).await.status(401);
        assert_eq!(without_id(&reply), without_id(&unknown), "{name}");
        assert_eq!(reply.headers.keys().collect::<Vec<_>>(), unknown.headers.keys().collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn refusals_leave_at_the_same_moment() {
    let app = TestApp::with(&UNLIMITED).await;
    app.user("known").await;
    for name in ["known@example.org", "nobody@example.org"] {
        let asked = std::time::Instant::now();
        login(&app.anonymous(), name, "not the password at all").await.status(401);
        assert!(asked.elapsed() >= Duration::from_millis(395), "{name} was refused after {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn five_failures_lock_an_account_for_a_quarter_of_an_hour() {
    let mut app = TestApp::with(&UNLIMITED).await;
    app.leave_jobs(); // the administrators are told
    app.user("alice").await;
    for _ in 0..5 {
        login(&app.anonymous(), "alice@example.org", "wrong").await.status(401);
    }
    login(&app.anonymous(), "alice@example.org", PASSWORD).await.status(401);
    app.advance(minutes(14)).await;
    login(&app.anonymous(), "alice@example.org", PASSWORD).await.status(401);
    app.advance(minutes(2)).await;
    login(&app.anonymous(), "alice@example.org", PASSWORD).await.status(200);
    let audit = app.sql("select severity from audit_log where action = 'ACCOUNT_LOCKED'").await;
    assert_eq!(audit, json!([{ "severity": "high" }]));
}

#[tokio::test]
async fn four_failures_and_a_success_begin_the_count_anew() {
    let app = TestApp::with(&UNLIMITED).await;
    app.user("alice").await;
    for _ in 0..2 {
        for _ in 0..4 {
            login(&app.anonymous(), "alice@example.org", "wrong").await.status(401);
        }
        login(&app.anonymous(), "alice@example.org", PASSWORD).await.status(200);
    }
}

#[tokio::test]
async fn failures_are_limited_alike_for_known_and_unknown_accounts() {
    let app = TestApp::with(&[("RATE_LIMIT_AUTH", "3/1h")]).await;
    app.user("alice").await;
    let from = |n: u8| {
        let mut client = app.anonymous();
        client.address = ([198, 51, 100, n], 4000).into();
        client
    };
    let mut answers = Vec::new();
    for (n, name) in [(1, "alice@example.org"), (2, "nobody@example.org")] {
        for _ in 0..3 {
            login(&from(n), name, "wrong").await.status(401);
        }
        // From elsewhere too: it is the account that is limited.
        let reply = login(&from(n + 10), name, "wrong").await.status(429);
        let wait: u64 = reply.header("retry-after").expect("how long").parse().expect("seconds");
        assert!((1..=1200).contains(&wait), "{wait} s");
        answers.push(without_id(&reply));
        // And the address, whatever name it tries next.
        login(&from(n), "third@example.org", "wrong").await.status(429);
    }
    assert_eq!(answers[0], answers[1]);
    login(&from(20), "third@example.org", "wrong").await.status(401);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_gives_the_next() {
    let app = TestApp::new().await;
    let first = session(&app).await;
    let second = refresh(&app, &first["refresh_token"]).await.ok();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    app.anonymous().token(second["token"].as_str().expect("a token")).get("/api/v1/me").await.ok();
    refresh(&app, &second["refresh_token"]).await.ok();
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_whole_family() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // the administrators are told
    let first = session(&app).await;
    let second = refresh(&app, &first["refresh_token"]).await.ok();
    assert_eq!(refresh(&app, &first["refresh_token"]).await.status(401).code(), "invalid_refresh_token");
    refresh(&app, &second["refresh_token"]).await.status(401);
    app.anonymous().token(second["token"].as_str().expect("a token")).get("/api/v1/me").await.status(401);
    let audit = app.sql("select severity from audit_log where action = 'SECURITY_BREACH'").await;
    assert_eq!(audit, json!([{ "severity": "critical" }]));
    login(&app.anonymous(), "alice@example.org", PASSWORD).await.status(200); // the person may begin anew
}

#[tokio::test]
async fn two_refreshes_at_once_never_both_succeed() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // the administrators are told
    let first = session(&app).await;
    let (a, b) = tokio::join!(refresh(&app, &first["refresh_token"]), refresh(&app, &first["refresh_token"]));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_session_ends_after_its_term_however_often_it_was_refreshed() {
    let app = TestApp::new().await;
    let first = session(&app).await;
    app.advance(minutes(60 * 24 * 6)).await;
    let second = refresh(&app, &first["refresh_token"]).await.ok();
    app.advance(minutes(60 * 25)).await;
    refresh(&app, &second["refresh_token"]).await.status(401);
}

#[tokio::test]
async fn an_access_token_works_for_a_quarter_of_an_hour() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    app.advance(minutes(14)).await;
    alice.get("/api/v1/me").await.status(200);
    app.advance(minutes(2)).await;
    assert_eq!(alice.get("/api/v1/me").await.status(401).code(), "token_expired");
}

#[tokio::test]
async fn logging_out_ends_this_session_and_no_other() {
    let app = TestApp::new().await;
    let first = session(&app).await;
    let other = app.login("alice@example.org", PASSWORD).await;
    let alice = app.anonymous().token(first["token"].as_str().expect("a token"));
    alice.post("/api/v1/auth/logout", json!({})).await.status(204);
    alice.get("/api/v1/me").await.status(401);
    refresh(&app, &first["refresh_token"]).await.status(401);
    other.get("/api/v1/me").await.status(200);
}

#[tokio::test]
async fn one_signs_in_with_an_address_or_a_user_name_in_any_case() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    alice.patch("/api/v1/me", json!({ "username": "Alice.M" })).await.ok();
    for name in ["alice.m", "ALICE.M", "Alice@Example.org", " alice@example.org "] {
        login(&app.anonymous(), name, PASSWORD).await.status(200);
    }
}

#[tokio::test]
async fn a_login_takes_two_fields_and_no_others() {
    let app = TestApp::new().await;
    let post = |body| async { app.anonymous().post("/api/v1/auth/login", body).await.wrong_fields() };
    assert_eq!(post(json!({})).await, ["login", "password"]);
    assert_eq!(post(json!({ "login": "a", "password": "b", "role": "admin" })).await, ["role"]);
    assert_eq!(post(json!({ "login": 1, "password": "b" })).await, ["login"]);
}

#[tokio::test]
async fn what_carries_a_secret_is_not_kept_under_a_key() {
    let app = TestApp::new().await;
    app.user("alice").await;
    let client = app.anonymous().header("idempotency-key", "one");
    let first = login(&client, "alice@example.org", PASSWORD).await.ok();
    let second = login(&client, "alice@example.org", PASSWORD).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(app.sql("select count(*) from idempotency_keys").await[0]["count"], 0);
}

#[tokio::test]
async fn a_name_is_changed_by_its_owner_and_a_role_is_not() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    app.user("bob").await.patch("/api/v1/me", json!({ "username": "taken" })).await.ok();
    let me =
        alice.patch("/api/v1/me", json!({ "first_name": " Alix ", "locale": "en", "phone": "+33 1 23" })).await.ok();
    assert_eq!((&me["first_name"], &me["locale"], &me["phone"]), (&json!("Alix"), &json!("en"), &json!("+33 1 23")));
    assert_eq!(alice.patch("/api/v1/me", json!({ "role": "admin" })).await.wrong_fields(), ["role"]);
    assert_eq!(alice.patch("/api/v1/me", json!({ "username": "Taken" })).await.wrong_fields(), ["username"]);
    assert_eq!(app.sql("select count(*) from users where role <> 'user'").await[0]["count"], 0);
}
