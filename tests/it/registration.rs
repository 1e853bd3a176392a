//! From a stranger to an account: register, follow the link of the mail, be welcomed.

use std::time::Duration;

use harness::letters::{subjects, token};
use harness::{Reply, TestApp};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(3600);

fn alice() -> Value {
    json!({ "email": "alice@example.org", "password": PASSWORD, "first_name": "Alice", "last_name": "Martin", "locale": "fr" })
}

async fn register(app: &TestApp, body: Value) -> Reply {
    app.anonymous().post("/api/v1/auth/register", body).await
}

async fn activate(app: &TestApp, token: &str) -> Reply {
    app.anonymous().post("/api/v1/auth/activate", json!({ "token": token })).await
}

async fn resend(app: &TestApp) -> Reply {
    app.anonymous().post("/api/v1/auth/activation-email", json!({ "email": "alice@example.org" })).await
}

#[tokio::test]
async fn a_stranger_becomes_somebody_by_the_link_in_the_mail() {
    let app = TestApp::new().await;
    let user = register(&app, alice()).await.created()["user"].clone();
    assert_eq!((&user["status"], &user["email"]), (&json!("pending_activation"), &json!("alice@example.org")));
    let login = json!({ "login": "alice@example.org", "password": PASSWORD });
    let waiting = app.anonymous().post("/api/v1/auth/login", login).await.status(403);
    assert_eq!(waiting.code(), "activation_required");

    let mail = app.only_mail_to("alice@example.org").await;
    let token = token(&mail);
    assert_eq!(activate(&app, &token).await.ok()["user"]["status"], "active");
    assert_eq!(activate(&app, &token).await.status(410).code(), "token_used");

    let welcome = app.only_mail_to("alice@example.org").await;
    assert_ne!(welcome.subject, mail.subject);
    let me = app.login("alice@example.org", PASSWORD).await.get("/api/v1/me").await.ok();
    assert_eq!(
        (&me["email"], &me["role"], &me["permissions"]),
        (&json!("alice@example.org"), &json!("user"), &json!([]))
    );
}

#[tokio::test]
async fn registering_twice_answers_the_same_and_makes_one_account() {
    let app = TestApp::new().await;
    let first = register(&app, alice()).await.created();
    app.drain().await;
    app.advance(Duration::from_secs(120)).await;
    let mut again = alice();
    again["email"] = json!("ALICE@example.org");
    again["password"] = json!("another password of hers");
    let second = register(&app, again).await.created();
    assert_eq!(first["user"]["status"], second["user"]["status"]);
    assert_eq!(keys(&first["user"]), keys(&second["user"]));
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 1);
    app.drain().await;
    assert_eq!(app.mails().len(), 2, "the owner gets a fresh link");
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}

#[tokio::test]
async fn registering_the_address_of_an_active_account_tells_nothing_and_mails_nobody() {
    let app = TestApp::new().await;
    app.user("alice").await;
    let reply = register(&app, alice()).await.created();
    assert_eq!(reply["user"]["status"], "pending_activation");
    app.drain().await;
    assert!(app.mails().is_empty());
    app.login("alice@example.org", harness::people::PASSWORD).await; // the old password still works
}

#[tokio::test]
async fn a_link_sent_again_voids_the_one_before() {
    let app = TestApp::new().await;
    register(&app, alice()).await.created();
    let old = token(&app.only_mail_to("alice@example.org").await);
    app.advance(Duration::from_secs(61)).await;
    resend(&app).await.status(202);
    let new = token(&app.only_mail_to("alice@example.org").await);
    activate(&app, &old).await.status(410);
    activate(&app, &new).await.ok();
    app.drain().await;
}

#[tokio::test]
async fn a_link_is_sent_again_once_a_minute_and_only_to_who_waits_for_it() {
    let app = TestApp::new().await;
    register(&app, alice()).await.created();
    app.drain().await;
    app.advance(Duration::from_secs(120)).await;
    app.mails();
    resend(&app).await.status(202);
    resend(&app).await.status(202);
    let unknown = app.anonymous().post("/api/v1/auth/activation-email", json!({ "email": "nobody@example.org" })).await;
    unknown.status(202);
    app.drain().await;
    let mails = app.mails();
    assert!(mails.len() <= 2, "two requests within a minute: {:?}", subjects(&mails)); // 2 when the minute ends between them
    assert!(mails.iter().all(|mail| mail.to.0 == "alice@example.org"));
}

#[tokio::test]
async fn a_link_works_for_a_day() {
    let app = TestApp::new().await;
    register(&app, alice()).await.created();
    let token = token(&app.only_mail_to("alice@example.org").await);
    app.advance(25 * HOUR).await;
    activate(&app, &token).await.status(410);
}

#[tokio::test]
async fn a_mail_that_comes_too_late_is_not_sent() {
    let app = TestApp::new().await;
    register(&app, alice()).await.created();
    app.advance(25 * HOUR).await;
    app.drain().await;
    assert!(app.mails().is_empty());
    assert_eq!(app.sql("select status from emails").await[0]["status"], "expired");
    assert_eq!(app.sql("select state from jobs").await[0]["state"], "succeeded", "an end, not a failure");
    assert_eq!(app.sql("select count(*) from account_tokens").await[0]["count"], 0, "no secret was made");
}

#[tokio::test]
async fn a_token_that_never_was_is_gone_like_a_used_one() {
    let app = TestApp::new().await;
    let body = activate(&app, "a-token-nobody-made").await.status(410).json();
    assert_eq!(body["code"], "token_used");
}

#[tokio::test]
async fn a_role_is_not_the_strangers_to_choose() {
    let app = TestApp::new().await;
    for field in ["role", "status", "id", "permissions", "whatever"] {
        let mut body = alice();
        body[field] = json!("admin");
        assert_eq!(register(&app, body).await.wrong_fields(), [field]);
    }
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 0);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let app = TestApp::new().await;
    assert_eq!(register(&app, json!({})).await.wrong_fields(), ["email", "first_name", "last_name", "password"]);
    let bad = json!({ "email": "a@b@c", "password": "", "first_name": "<b>", "last_name": "" });
    let mut wrong = register(&app, bad).await.wrong_fields();
    wrong.dedup();
    assert_eq!(wrong, ["email", "first_name", "last_name", "password"]);
    let mut short = alice();
    short["password"] = json!("elevenchars");
    assert_eq!(register(&app, short).await.wrong_fields(), ["password"]);
    let mut own = alice();
    own["password"] = json!("Alice@example.org");
    assert_eq!(register(&app, own).await.wrong_fields(), ["password"]);
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 0);
}

#[tokio::test]
async fn an_address_is_one_address() {
    let app = TestApp::new().await;
    for address in
        ["a@example.org\r\nBcc: b@example.org", "a@example.org,b@example.org", "a b@example.org", "<a@example.org>"]
    {
        let mut body = alice();
        body["email"] = json!(address);
        let mut wrong = register(&app, body).await.wrong_fields();
        wrong.dedup();
        assert_eq!(wrong, ["email"], "{address}");
    }
}

#[tokio::test]
async fn a_repeated_key_registers_once() {
    let app = TestApp::new().await;
    let client = app.anonymous().header("idempotency-key", "one");
    let first = client.post("/api/v1/auth/register", alice()).await.status(201);
    let second = client.post("/api/v1/auth/register", alice()).await.status(201);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json(), second.json());
    app.only_mail_to("alice@example.org").await;
}

#[tokio::test]
async fn while_registration_is_closed_nobody_registers() {
    let app = TestApp::new().await;
    app.execute("insert into settings (key, value) values ('auth.registration', 'false')").await;
    assert_eq!(register(&app, alice()).await.status(403).code(), "registration_closed");
    assert_eq!(app.sql("select count(*) from users").await[0]["count"], 0);
}

#[tokio::test]
async fn without_activation_the_account_is_active_at_once_and_a_taken_address_is_told() {
    let app = TestApp::with(&[("ACCOUNT_ACTIVATION", "off")]).await;
    assert_eq!(register(&app, alice()).await.created()["user"]["status"], "active");
    assert_eq!(register(&app, alice()).await.status(409).code(), "email_taken");
    app.login("alice@example.org", PASSWORD).await;
    app.only_mail_to("alice@example.org").await;
}

#[tokio::test]
async fn the_mails_speak_the_language_of_the_account() {
    let app = TestApp::new().await;
    let mut english = alice();
    english.as_object_mut().expect("an object").remove("locale");
    let client = app.anonymous().header("accept-language", "en-GB,en;q=0.9,fr;q=0.5");
    assert_eq!(client.post("/api/v1/auth/register", english).await.created()["user"]["locale"], "en");
    let mail = app.only_mail_to("alice@example.org").await;
    assert!(mail.html.contains("lang=\"en\""), "{}", mail.html);
}
