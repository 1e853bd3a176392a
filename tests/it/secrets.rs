//! No secret stays: after a life of an account, every table is read as text and searched for what was secret.

use std::time::Duration;

use harness::TestApp;
use harness::letters::token;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";
const SECOND: &str = "staple horse correct";

/// Every row of every table, as text.
async fn dump(app: &TestApp) -> Vec<(String, String)> {
    let tables = "select table_name as t from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'";
    let mut dump = Vec::new();
    for row in app.sql(tables).await.as_array().expect("tables") {
        let table = row["t"].as_str().expect("a name").to_owned();
        let query = format!("select coalesce(string_agg(x::text, e'\\n'), '') from {table} x");
        let text: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&app.platform.db).await.expect("a readable table");
        dump.push((table, text));
    }
    assert!(dump.len() > 15, "{} tables", dump.len());
    dump
}

fn where_is<'a>(dump: &'a [(String, String)], secret: &str) -> Vec<&'a str> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let holds = |text: &str| text.contains(secret) || text.contains(&hex);
    dump.iter().filter(|(_, text)| holds(text)).map(|(table, _)| table.as_str()).collect()
}

#[tokio::test]
async fn no_secret_is_in_any_table() {
    let app = TestApp::new().await;
    let mut secrets: Vec<(&str, String)> = vec![("password", PASSWORD.into()), ("second password", SECOND.into())];
    let post = |path: &'static str, body: Value| {
        let client = app.anonymous().header("idempotency-key", path);
        async move { client.post(path, body).await }
    };
    let body = json!({ "email": "alice@example.org", "password": PASSWORD, "first_name": "Alice", "last_name": "M" });
    post("/api/v1/auth/register", body).await.created();
    secrets.push(("activation token", token(&app.only_mail_to("alice@example.org").await)));
    post("/api/v1/auth/activate", json!({ "token": secrets[2].1 })).await.ok();
    app.drain().await;
    app.mails();

    let failed = json!({ "login": "alice@example.org", "password": format!("{PASSWORD}!") });
    app.anonymous().post("/api/v1/auth/login", failed).await.status(401);
    let session = post("/api/v1/auth/login", json!({ "login": "alice@example.org", "password": PASSWORD })).await.ok();
    let session = post("/api/v1/auth/refresh", json!({ "refresh_token": session["refresh_token"] })).await.ok();
    for name in ["token", "refresh_token"] {
        secrets.push((name, session[name].as_str().expect("a token").to_owned()));
    }
    post("/api/v1/auth/password-reset", json!({ "email": "alice@example.org" })).await.status(202);
    secrets.push(("reset token", token(&app.only_mail_to("alice@example.org").await)));
    post("/api/v1/auth/password-reset/confirm", json!({ "token": secrets[5].1, "password": SECOND })).await.status(204);
    app.drain().await;

    let dump = dump(&app).await;
    for (what, secret) in &secrets {
        assert!(secret.len() >= 10, "{what} is {secret}");
        assert_eq!(where_is(&dump, secret), [""; 0], "the {what} is kept");
    }
    // The search itself finds what is there.
    assert!(where_is(&dump, "alice@example.org").contains(&"users"));
}

#[tokio::test]
async fn the_preview_of_a_mail_masks_its_link() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.anonymous().post("/api/v1/auth/password-reset", json!({ "email": "chef@example.org" })).await.status(202);
    let secret = token(&app.only_mail_to("chef@example.org").await);
    let row = admin.get("/api/v1/admin/emails").await.ok()[0].clone();
    let mail = admin.get(&format!("/api/v1/admin/emails/{}", row["id"].as_str().expect("an id"))).await.status(200);
    assert!(!mail.text.contains(&secret));
    let preview = mail.data()["preview"].clone();
    assert!(preview["text"].as_str().is_some_and(|text| text.contains("••••")), "{preview}");
}

#[tokio::test]
async fn what_has_passed_its_term_is_deleted() {
    let app = TestApp::new().await;
    app.user("alice").await;
    app.anonymous().post("/api/v1/auth/password-reset", json!({ "email": "alice@example.org" })).await.status(202);
    app.drain().await;
    let form = json!({ "kind": "contact", "name": "V", "email": "v@example.org", "title": "T", "body": "B" });
    app.anonymous().header("idempotency-key", "k").post("/api/v1/requests", form).await.created();
    app.drain().await;
    let left = "select (select count(*) from account_tokens) tokens, (select count(*) from sessions) sessions,
                       (select count(*) from idempotency_keys) keys, (select count(*) from emails) emails,
                       (select count(*) from users) users";
    purge(&app).await;
    assert_eq!(app.sql(left).await[0], json!({ "tokens": 1, "sessions": 1, "keys": 1, "emails": 3, "users": 1 }));
    app.advance(Duration::from_secs(100 * 86_400)).await;
    purge(&app).await;
    assert_eq!(app.sql(left).await[0], json!({ "tokens": 0, "sessions": 0, "keys": 0, "emails": 0, "users": 1 }));
}

async fn purge(app: &TestApp) {
    use shared::platform::jobs::{enqueue, kinds::PurgeExpired};
    let mut tx = shared::platform::tx::Tx::begin(&app.platform).await.expect("a transaction");
    enqueue(&mut tx, &PurgeExpired {}).await.expect("enqueued");
    tx.commit().await.expect("a commit");
    app.drain().await;
}
