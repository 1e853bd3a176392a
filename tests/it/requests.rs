//! Somebody writes to the house: one request, a receipt, and the administrators know.

use harness::letters::subjects;
use harness::{Reply, TestApp};
use serde_json::{Value, json};

pub fn form() -> Value {
    json!({
        "kind": "contact", "name": "Hélène Martin", "email": "helene@example.org", "title": "Papier à lettres",
        "body": "Bonjour,\n\nAvez-vous <b>du vélin</b> ?<script>alert(1)</script>",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut form = form();
    form[field] = value;
    form
}

async fn submit(app: &TestApp, form: Value) -> Reply {
    app.anonymous().post("/api/v1/requests", form).await
}

async fn count(app: &TestApp) -> Value {
    app.sql("select (select count(*) from requests) r, (select count(*) from emails) e, (select count(*) from jobs) j")
        .await[0]
        .clone()
}

#[tokio::test]
async fn a_form_becomes_a_request_a_receipt_and_one_mail_to_each_administrator() {
    let app = TestApp::new().await;
    let request = submit(&app, form()).await.created();
    assert_eq!((&request["kind"], &request["status"]), (&json!("contact"), &json!("open")));
    let number = request["number"].as_str().expect("a number").to_owned();
    app.drain().await;
    let mut mails = app.mails();
    mails.sort_by(|a, b| b.to.0.cmp(&a.to.0));
    assert_eq!(
        mails.iter().map(|mail| mail.to.0.as_str()).collect::<Vec<_>>(),
        ["helene@example.org", "admin@facteur.example"]
    );
    let (receipt, notice) = (&mails[0], &mails[1]);
    assert!(receipt.text.contains(&number) && receipt.text.contains("vélin"), "{}", receipt.text);
    assert_eq!(receipt.reply_to, None);
    assert!(notice.text.contains("Hélène Martin") && notice.text.contains("vélin"), "{}", notice.text);
    assert_eq!(notice.reply_to.as_deref(), Some("helene@example.org"));
    assert_ne!(receipt.message_id, notice.message_id);
}

#[tokio::test]
async fn what_a_visitor_writes_is_text_in_every_mail() {
    let app = TestApp::new().await;
    submit(&app, with("name", json!("<script>alert(2)</script>"))).await.created();
    app.drain().await;
    for mail in app.mails() {
        assert!(!mail.html.contains("<script") && !mail.html.contains("<b>du"), "{}", mail.html);
        assert!(mail.html.contains("&lt;script&gt;alert(1)"), "{}", mail.html);
    }
}

#[tokio::test]
async fn an_administrator_who_is_also_configured_gets_one_mail() {
    let app = TestApp::with(&[("ADMIN_EMAIL", "Chef@example.org, second@example.org")]).await;
    app.admin().await;
    submit(&app, form()).await.created();
    app.drain().await;
    let mut to: Vec<String> = app.mails().into_iter().map(|mail| mail.to.0).collect();
    to.sort();
    assert_eq!(to, ["chef@example.org", "helene@example.org", "second@example.org"]);
}

#[tokio::test]
async fn a_bad_form_names_every_wrong_field_and_leaves_nothing() {
    let app = TestApp::new().await;
    let bad = json!({
        "kind": "contact", "name": " ", "email": "nobody", "title": "a\nb", "body": "", "phone": "abc",
        "category": "", "details": { "x": "y".repeat(4001) },
    });
    let mut wrong = submit(&app, bad).await.wrong_fields();
    wrong.dedup();
    assert_eq!(wrong, ["body", "category", "details", "email", "name", "phone", "title"]);
    assert_eq!(submit(&app, json!({})).await.wrong_fields(), ["body", "email", "kind", "name", "title"]);
    assert_eq!(submit(&app, with("kind", json!("order"))).await.wrong_fields(), ["kind"]);
    assert_eq!(submit(&app, with("kinds", json!("x"))).await.wrong_fields(), ["kinds"]);
    assert_eq!(submit(&app, json!([])).await.wrong_fields(), [""]);
    assert_eq!(count(&app).await, json!({ "r": 0, "e": 0, "j": 0 }));
}

#[tokio::test]
async fn an_address_is_one_address_and_ends_no_header() {
    let app = TestApp::new().await;
    let bad = [
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nX: y",
        "a@example.org, b@example.org",
        "a@example.org;b@example.org",
        "A <a@example.org>",
        "a b@example.org",
        "a@example.org\u{0}",
        "",
    ];
    for address in bad {
        let mut wrong = submit(&app, with("email", json!(address))).await.wrong_fields();
        wrong.dedup();
        assert_eq!(wrong, ["email"], "{address:?}");
    }
    for field in ["name", "title"] {
        assert_eq!(submit(&app, with(field, json!("a\r\nBcc: b@example.org"))).await.wrong_fields(), [field]);
    }
    assert_eq!(count(&app).await, json!({ "r": 0, "e": 0, "j": 0 }));
}

#[tokio::test]
async fn a_nul_is_refused_wherever_it_stands() {
    let app = TestApp::new().await;
    for (field, value) in
        [("body", json!("a\u{0}b")), ("name", json!("a\u{0}b")), ("details", json!({ "a\u{0}": "b" }))]
    {
        assert_eq!(submit(&app, with(field, value)).await.wrong_fields(), [field]);
    }
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_answer_and_does_nothing() {
    let app = TestApp::new().await;
    let client = app.anonymous().header("idempotency-key", "3f0c");
    let first = client.post("/api/v1/requests", form()).await.status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    app.drain().await;
    let second = client.post("/api/v1/requests", form()).await.status(201);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json(), second.json());
    assert_eq!(count(&app).await["r"], 1);
    app.drain().await;
    assert_eq!(app.mails().len(), 2, "{:?}", subjects(&app.mails()));
}

#[tokio::test]
async fn a_key_belongs_to_its_body_its_account_and_a_day() {
    let app = TestApp::new().await;
    let client = app.anonymous().header("idempotency-key", "3f0c");
    client.post("/api/v1/requests", form()).await.created();
    let other = client.post("/api/v1/requests", with("title", json!("Autre"))).await;
    assert_eq!(other.wrong_fields(), ["Idempotency-Key"]);
    app.user("alice").await.header("idempotency-key", "3f0c").post("/api/v1/requests", form()).await.created();
    assert_eq!(count(&app).await["r"], 2);
    app.advance(std::time::Duration::from_secs(25 * 3600)).await;
    client.post("/api/v1/requests", form()).await.created();
    assert_eq!(count(&app).await["r"], 3);
    app.drain().await;
}

#[tokio::test]
async fn a_refused_form_does_not_use_up_its_key() {
    let app = TestApp::new().await;
    let client = app.anonymous().header("idempotency-key", "3f0c");
    client.post("/api/v1/requests", with("email", json!("nobody"))).await.status(422);
    client.post("/api/v1/requests", form()).await.created();
    app.drain().await;
}

#[tokio::test]
async fn the_same_key_at_the_same_time_makes_one_request() {
    let app = TestApp::new().await;
    let client = app.anonymous().header("idempotency-key", "3f0c");
    let send = || client.post("/api/v1/requests", form());
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    let first = a.json();
    for reply in [a, b, c, d] {
        assert_eq!(reply.status(201).json(), first, "whoever comes second waits, and gets the same answer");
    }
    assert_eq!(count(&app).await["r"], 1);
    app.drain().await;
    assert_eq!(app.mails().len(), 2);
}

#[tokio::test]
async fn forms_are_limited_per_address() {
    let app = TestApp::with(&[("RATE_LIMIT_FORMS", "2/1h")]).await;
    for _ in 0..2 {
        submit(&app, form()).await.created();
    }
    let refused = submit(&app, form()).await.status(429);
    assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| s > 0)));
    let mut elsewhere = app.anonymous();
    elsewhere.address = ([198, 51, 100, 7], 4000).into();
    elsewhere.post("/api/v1/requests", form()).await.created();
    // Nobody gets out of it by inventing where they come from.
    app.anonymous().header("x-forwarded-for", "203.0.113.9").post("/api/v1/requests", form()).await.status(429);
    app.drain().await;
}

#[tokio::test]
async fn behind_a_proxy_we_trust_the_visitor_is_limited_and_not_the_proxy() {
    let app = TestApp::with(&[("RATE_LIMIT_FORMS", "1/1h"), ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let from = |hops: &str| app.anonymous().header("x-forwarded-for", hops);
    from("203.0.113.9").post("/api/v1/requests", form()).await.created();
    from("203.0.113.10").post("/api/v1/requests", form()).await.created();
    from("198.51.100.1, 203.0.113.9").post("/api/v1/requests", form()).await.status(429);
    app.drain().await;
}

#[tokio::test]
async fn a_complaint_needs_a_name_we_know() {
    let app = TestApp::new().await;
    submit(&app, with("kind", json!("complaint"))).await.status(401);
    let alice = app.user("alice").await;
    alice.post("/api/v1/requests", with("kind", json!("complaint"))).await.created();
    let row = app.sql("select priority, submitter_id is not null as known from requests").await;
    assert_eq!(row, json!([{ "priority": "high", "known": true }]));
    app.drain().await;
}

#[tokio::test]
async fn requests_are_read_by_whoever_manages_them() {
    let app = TestApp::new().await;
    for n in 0..3 {
        submit(&app, with("title", json!(format!("N° {n}")))).await.created();
    }
    app.drain().await;
    app.user("alice").await.get("/api/v1/admin/requests").await.status(403);
    let max = app.person("max", "moderator").await;
    let page = max.get("/api/v1/admin/requests?kind=contact&status=open&limit=2").await.status(200).json();
    assert_eq!(page["data"][0]["title"], "N° 2");
    let next = format!("/api/v1/admin/requests?limit=2&after={}", page["page"]["next"].as_str().expect("a next page"));
    let last = max.get(&next).await.status(200).json();
    assert_eq!((&last["data"][0]["title"], &last["page"]["next"]), (&json!("N° 0"), &Value::Null));
    let one = format!("/api/v1/admin/requests/{}", page["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(max.get(&one).await.ok()["submitter_email"], "helene@example.org");
    assert_eq!(max.get("/api/v1/admin/requests?status=lost").await.wrong_fields(), ["status"]);
    assert_eq!(max.get("/api/v1/admin/requests?colour=red").await.wrong_fields(), ["colour"]);
}
