//! From a queued mail to a delivered one, or to an end that says why not. The relay is real and does as it is told.

use std::time::Duration;

use harness::TestApp;
use harness::relay::{Mood, Relay};
use serde_json::{Value, json};
use shared::platform::mail::{self, NewMail, Recipient, catalogue};
use shared::platform::templates::Templates;
use shared::platform::tx::Tx;

async fn stage() -> (Relay, TestApp) {
    stage_with(&[]).await
}

async fn signed_in_stage() -> (Relay, TestApp) {
    stage_with(&[("SMTP_USER", "facteur"), ("SMTP_PASS", "a password that was changed there")]).await
}

async fn stage_with(more: &[(&str, &str)]) -> (Relay, TestApp) {
    let relay = Relay::start().await;
    let env = relay.env();
    let changes = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let changes: Vec<(&str, &str)> = changes.chain(more.iter().copied()).collect();
    let app = TestApp::with(&changes).await;
    (relay, app)
}

async fn queue(app: &TestApp, address: &str, key: &str) -> bool {
    queue_of(app, &catalogue::VISITOR_CONTACT, address, key).await
}

async fn queue_of(app: &TestApp, template: &'static catalogue::Template, address: &str, key: &str) -> bool {
    let to =
        Recipient {
            address: address.into(), name: Some("Hélène, \"Martin\"".into()), locale: "fr".into(), user: None
        };
    let vars = Templates::sample(template.name).expect("a sample");
    let new = NewMail {
        template,
        to,
        vars,
        dedupe_key: key.into(),
        subject: None,
        reply_to: Some("answers@example.org"),
        attachments: Vec::new(),
    };
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let queued = mail::queue(&mut tx, new).await.expect("queued").is_some();
    tx.commit().await.expect("a commit");
    queued
}

async fn email(app: &TestApp) -> Value {
    let rows =
        app.sql("select status, smtp_reply, subject, sent_at is not null as sent from emails order by id desc").await;
    rows[0].clone()
}

async fn job(app: &TestApp) -> Value {
    let rows = app.sql("select state, attempt, error_code, last_error from jobs order by id desc").await;
    rows[0].clone()
}

#[tokio::test]
async fn a_mail_arrives_with_its_parts_and_its_message_id() {
    let (relay, app) = stage().await;
    queue(&app, "helene@example.org", "one").await;
    assert_eq!(app.drain().await, 1);
    let arrived = relay.arrived().remove(0);
    assert_eq!(arrived.to, "helene@example.org");
    let ids = app.sql("select id, message_id from emails").await;
    assert_eq!(arrived.message_id, ids[0]["message_id"].as_str().expect("an id"));
    assert_eq!(arrived.message_id, format!("<{}@facteur.example>", ids[0]["id"].as_str().expect("an id")));
    let message = mail_parser::MessageParser::default().parse(arrived.source.as_bytes()).expect("a message");
    assert_eq!(message.reply_to().and_then(|a| a.first()).and_then(|a| a.address()), Some("answers@example.org"));
    assert_eq!(message.to().and_then(|a| a.first()).and_then(|a| a.name()), Some("Hélène, \"Martin\""));
    assert_eq!(message.from().and_then(|a| a.first()).and_then(|a| a.address()), Some("bonjour@facteur.example"));
    assert!(message.body_text(0).is_some_and(|text| text.contains("vélin")));
    assert!(message.body_html(0).is_some_and(|html| html.starts_with("<!DOCTYPE html>") || html.contains("<html")));
    let email = email(&app).await;
    assert_eq!((&email["status"], &email["sent"]), (&json!("sent"), &json!(true)));
    assert_eq!(email["subject"].as_str(), message.subject());
}

#[tokio::test]
async fn one_key_is_one_mail() {
    let (relay, app) = stage().await;
    assert!(queue(&app, "a@example.org", "one").await);
    assert!(!queue(&app, "b@example.org", "one").await);
    app.drain().await;
    assert_eq!(relay.arrived().len(), 1);
}

#[tokio::test]
async fn an_address_that_does_not_exist_is_tried_once_and_never_again() {
    let (relay, app) = stage().await;
    relay.be(Mood::Never);
    queue(&app, "gone@example.org", "one").await;
    app.drain().await;
    let mail = email(&app).await;
    assert_eq!(mail["status"], "bounced");
    assert!(mail["smtp_reply"].as_str().is_some_and(|reply| reply.contains("5.1.1")), "{mail}");
    assert_eq!((&job(&app).await["state"], &job(&app).await["attempt"]), (&json!("succeeded"), &json!(1)));
    assert_eq!(
        app.sql("select address, reason from email_suppressions").await,
        json!([{ "address": "gone@example.org", "reason": "bounce" }])
    );
    assert_eq!(app.sql("select count(*) from notifications").await[0]["count"], 0, "a bounce is no dead job");

    relay.be(Mood::Accept);
    queue(&app, "Gone@Example.org", "two").await;
    app.drain().await;
    assert_eq!(email(&app).await["status"], "suppressed");
    assert!(relay.arrived().is_empty());
}

#[tokio::test]
async fn a_wrong_password_of_ours_bounces_nobody() {
    let (relay, app) = signed_in_stage().await;
    relay.be(Mood::WrongPassword);
    queue(&app, "a@example.org", "one").await;
    app.drain().await;
    assert_eq!((&job(&app).await["state"], &job(&app).await["error_code"]), (&json!("retrying"), &json!("smtp_login")));
    assert_eq!(email(&app).await["status"], "queued");
    relay.be(Mood::Accept);
    app.advance(Duration::from_secs(16)).await;
    app.drain().await;
    assert_eq!(email(&app).await["status"], "sent");
    assert_eq!(relay.arrived().len(), 1);
}

#[tokio::test]
async fn a_relay_that_says_later_is_asked_later() {
    let (relay, app) = stage().await;
    relay.be(Mood::Later);
    queue(&app, "a@example.org", "one").await;
    app.drain().await;
    assert_eq!(
        (&job(&app).await["state"], &job(&app).await["error_code"]),
        (&json!("retrying"), &json!("smtp_temporary"))
    );
    assert_eq!(email(&app).await["status"], "queued");
    relay.be(Mood::Accept);
    app.advance(Duration::from_secs(16)).await;
    app.drain().await;
    assert_eq!((&email(&app).await["status"], &job(&app).await["attempt"]), (&json!("sent"), &json!(2)));
    assert_eq!(relay.arrived().len(), 1);
}

#[tokio::test]
async fn a_relay_that_says_later_for_days_kills_no_mail_before_its_time() {
    let (relay, app) = stage().await;
    relay.be(Mood::Later);
    queue(&app, "a@example.org", "one").await;
    for _ in 0..30 {
        app.drain().await;
        app.advance(Duration::from_secs(3601)).await;
    }
    let waiting = job(&app).await;
    assert_eq!(waiting["state"], "retrying", "{waiting}");
    assert!(waiting["attempt"].as_i64() > Some(15), "{waiting}");
    app.advance(Duration::from_secs(72 * 3600)).await;
    app.drain().await;
    assert_eq!(
        app.sql("select state from jobs where kind = 'email.send' order by id limit 1").await[0]["state"],
        "dead"
    );
    let failed = app.sql("select status from emails order by id limit 1").await;
    assert_eq!(failed[0]["status"], "failed");
}

#[tokio::test]
async fn a_relay_that_is_silent_or_hangs_up_is_asked_again_with_the_same_message_id() {
    let (relay, app) = stage().await;
    queue(&app, "a@example.org", "one").await;
    for mood in [Mood::Silent, Mood::AnswerLost] {
        relay.be(mood);
        app.drain().await;
        assert_eq!(
            (&job(&app).await["state"], &job(&app).await["error_code"]),
            (&json!("retrying"), &json!("smtp_unknown")),
            "{mood:?}"
        );
        app.advance(Duration::from_secs(31)).await;
    }
    relay.be(Mood::Accept);
    app.drain().await;
    assert_eq!(email(&app).await["status"], "sent");
    let arrived = relay.arrived();
    assert_eq!(arrived.len(), 2, "the answer to the first one was lost");
    assert_eq!(arrived[0].message_id, arrived[1].message_id);
}

#[tokio::test]
async fn a_mail_that_was_sent_is_not_sent_again_by_a_retry() {
    let (relay, app) = stage().await;
    queue(&app, "a@example.org", "one").await;
    app.drain().await;
    app.execute("update jobs set state = 'dead'").await;
    let admin = app.admin().await;
    let id = app.sql("select id from jobs").await[0]["id"].as_str().expect("an id").to_owned();
    admin.post(&format!("/api/v1/admin/jobs/{id}/retry"), json!({})).await.status(202);
    assert_eq!(app.drain().await, 1);
    assert_eq!(relay.arrived().len(), 1);
    assert_eq!(job(&app).await["state"], "succeeded");
}

#[tokio::test]
async fn a_mail_without_its_variables_is_a_persons_to_mend() {
    let (relay, app) = stage().await;
    queue(&app, "a@example.org", "one").await;
    app.execute("update emails set vars = '{}'").await;
    app.drain().await;
    let row =
        app.sql("select state, error_code, attempt from jobs where kind = 'email.send' order by id limit 1").await;
    assert_eq!(row[0], json!({ "state": "dead", "error_code": "template", "attempt": 1 }));
    assert_eq!(relay.arrived().len(), 1, "the alarm, and nothing else");
    assert_eq!(relay.arrived()[0].to, "admin@facteur.example");
}

#[tokio::test]
async fn while_sending_is_off_mails_are_held_and_later_released() {
    let app = TestApp::with(&[("SMTP_ENABLED", "false")]).await;
    queue(&app, "a@example.org", "one").await;
    assert_eq!(app.drain().await, 0);
    assert_eq!(email(&app).await["status"], "held");
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    assert_eq!(mail::release_held(&mut tx).await.expect("released"), 1);
    tx.commit().await.expect("a commit");
    app.drain().await;
    assert_eq!((app.mails().len(), email(&app).await["status"].clone()), (1, json!("sent")));
}

#[tokio::test]
async fn a_farewell_that_nobody_will_send_forgets_whom_it_was_for() {
    let app = TestApp::with(&[("SMTP_ENABLED", "false")]).await;
    queue_of(&app, &catalogue::ACCOUNT_DELETED, "held@example.org", "held").await;
    queue_of(&app, &catalogue::ACCOUNT_DELETED, "cancelled@example.org", "cancelled").await;
    queue(&app, "other@example.org", "other").await;
    app.execute("update emails set status = 'queued' where to_address <> 'held@example.org'").await; // its job is gone
    let abandon = async || {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        mail::abandon(&mut tx).await.expect("abandoned");
        tx.commit().await.expect("a commit");
        app.sql("select to_address::text as who, status, vars = '{}' as empty from emails order by id").await
    };
    app.execute("update emails set created_at = now() - interval '29 days'").await;
    let nobody = json!({ "who": mail::NOBODY, "status": "failed", "empty": true });
    let kept = json!({ "who": "other@example.org", "status": "failed", "empty": false });
    let waits = json!({ "who": "held@example.org", "status": "held", "empty": false });
    assert_eq!(abandon().await, json!([waits, nobody, kept]));
    app.execute("update emails set created_at = now() - interval '31 days'").await;
    assert_eq!(abandon().await, json!([nobody, nobody, kept]));
}

#[tokio::test]
async fn mails_are_found_and_shown() {
    let app = TestApp::new().await;
    for n in 0..3 {
        queue(&app, &format!("p{n}@example.org"), &n.to_string()).await;
    }
    app.drain().await;
    let admin = app.admin().await;
    let list = |query: &'static str| {
        let admin = admin.clone();
        async move { admin.get(&format!("/api/v1/admin/emails?{query}")).await.ok().as_array().expect("rows").len() }
    };
    assert_eq!(list("status=sent").await, 3);
    assert_eq!(list("address=p1%40").await, 1);
    assert_eq!(list("template=visitor-contact&status=queued").await, 0);
    let id = admin.get("/api/v1/admin/emails?address=p1").await.ok()[0]["id"].as_str().expect("an id").to_owned();
    let shown = admin.get(&format!("/api/v1/admin/emails/{id}")).await.ok();
    assert_eq!(shown["to_address"], "p1@example.org");
    assert!(shown["preview"]["html"].as_str().is_some_and(|html| html.contains("vélin")));
}
