//! Notifications: who sees them, what they make of them, which of them come by mail, and how they reach who is connected.

mod streams;

use std::time::Duration;

use harness::letters::subjects;
use harness::{Client, TestApp};
use serde_json::{Value, json};
use shared::kernel::ids::{NotificationId, UserId};
use shared::platform::Platform;
use shared::platform::notifications::{self, NewNotification};
use shared::platform::tx::Tx;

const URL: &str = "/api/v1/notifications";

/// Told and committed.
async fn tell(platform: &Platform, new: NewNotification<'_>) -> NotificationId {
    let mut tx = Tx::begin(platform).await.expect("a transaction");
    let id = notifications::notify(&mut tx, new).await.expect("a notification").expect("a new one");
    tx.commit().await.expect("a commit");
    id
}

fn to(user: UserId, title: &str) -> NewNotification<'_> {
    NewNotification { user: Some(user), title, message: "…", ..NewNotification::default() }
}

fn to_admins(title: &str) -> NewNotification<'_> {
    NewNotification { title, message: "…", ..NewNotification::default() }
}

async fn id(client: &Client) -> UserId {
    client.get("/api/v1/me").await.ok()["id"].as_str().expect("an id").parse().expect("a UUID")
}

async fn titles(client: &Client, query: &str) -> Vec<String> {
    let rows = client.get(&format!("{URL}?{query}")).await.ok();
    rows.as_array().expect("rows").iter().map(|row| row["title"].as_str().expect("a title").to_owned()).collect()
}

async fn unread(client: &Client) -> i64 {
    client.get(&format!("{URL}/unread-count")).await.ok()["count"].as_i64().expect("a count")
}

#[tokio::test]
async fn somebody_elses_notification_does_not_exist() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mine = tell(&app.platform, to(id(&alice).await, "Bonjour")).await;
    let (read, row) = (format!("{URL}/{mine}/read"), format!("{URL}/{mine}"));
    assert_eq!((titles(&bob, "").await.len(), unread(&bob).await), (0, 0));
    bob.put(&read, json!({})).await.status(404);
    bob.delete(&row).await.status(404);
    assert_eq!(bob.put(&format!("{URL}/read-all"), json!({})).await.ok(), json!({ "updated": 0 }));
    assert_eq!(unread(&alice).await, 1, "nobody else's hand");

    alice.put(&read, json!({})).await.status(204);
    let first = alice.get(URL).await.ok()[0]["read_at"].clone();
    alice.put(&read, json!({})).await.status(204);
    assert_eq!(alice.get(URL).await.ok()[0]["read_at"], first, "read once");
    alice.delete(&row).await.status(204);
    alice.delete(&row).await.status(404);
    alice.put(&read, json!({})).await.status(404);
    assert_eq!((titles(&alice, "").await.len(), unread(&alice).await), (0, 0));
}

#[tokio::test]
async fn what_is_for_the_administrators_each_of_them_reads_for_themselves() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let (one, two) = (app.admin().await, app.person("second", "admin").await);
    let (alice, max) = (app.user("alice").await, app.person("max", "moderator").await);
    let note = tell(&app.platform, to_admins("Une alarme")).await;
    let (read, row) = (format!("{URL}/{note}/read"), format!("{URL}/{note}"));
    for stranger in [&alice, &max] {
        assert_eq!((titles(stranger, "").await.len(), unread(stranger).await), (0, 0));
        stranger.put(&read, json!({})).await.status(404);
        stranger.delete(&row).await.status(404);
    }
    assert_eq!(one.get(URL).await.ok()[0]["audience"], "admin");
    one.put(&read, json!({})).await.status(204);
    assert_eq!((unread(&one).await, unread(&two).await), (0, 1));
    assert_eq!((titles(&one, "unread=true").await.len(), titles(&two, "unread=true").await.len()), (0, 1));
    two.delete(&row).await.status(204);
    two.put(&read, json!({})).await.status(404);
    assert_eq!((titles(&one, "").await.len(), titles(&two, "").await.len()), (1, 0));
    assert!(one.get(URL).await.ok()[0]["read_at"].is_string(), "and as read");
    // Rights as of now: an administrator no more sees none of it.
    app.execute("update users set role = 'user' where email = 'chef@example.org'").await;
    assert_eq!(titles(&one, "").await.len(), 0);
}

#[tokio::test]
async fn a_list_is_newest_first_in_pages_and_by_what_was_read() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let chef = app.admin().await;
    let user = id(&chef).await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let title = n.to_string();
        ids.push(tell(&app.platform, if n % 2 == 0 { to(user, &title) } else { to_admins(&title) }).await);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = chef.get(&format!("{URL}?limit=3&after={after}")).await.status(200).json();
        seen.extend(page["data"].as_array().expect("rows").iter().map(|row| row["title"].clone()));
        match page["page"]["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(Value::from(seen), json!(["6", "5", "4", "3", "2", "1", "0"]));
    for n in [1, 2] {
        chef.put(&format!("{URL}/{}/read", ids[n]), json!({})).await.status(204);
    }
    assert_eq!(titles(&chef, "unread=true").await, ["6", "5", "4", "3", "0"]);
    assert_eq!(titles(&chef, "unread=false").await, ["2", "1"]);
    assert_eq!(unread(&chef).await, 5);
    assert_eq!(chef.get(&format!("{URL}?unread=perhaps")).await.wrong_fields(), ["unread"]);
    assert_eq!(chef.get(&format!("{URL}?read=true")).await.wrong_fields(), ["read"]);
    assert_eq!(chef.get(&format!("{URL}?limit=201")).await.wrong_fields(), ["limit"]);
}

#[tokio::test]
async fn a_count_that_is_known_is_not_sent_again() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let alice = app.user("alice").await;
    let url = format!("{URL}/unread-count");
    let first = alice.get(&url).await.status(200);
    let tag = first.header("etag").expect("an ETag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let again = alice.header("if-none-match", &known).get(&url).await.status(304);
        assert_eq!((again.text.as_str(), again.header("etag")), ("", Some(tag.as_str())), "{known}");
    }
    tell(&app.platform, to(id(&alice).await, "Bonjour")).await;
    let changed = alice.header("if-none-match", &tag).get(&url).await.status(200);
    assert_eq!(changed.data(), json!({ "count": 1 }));
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_all_at_once_counts_each_notification_once() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let chef = app.admin().await;
    let user = id(&chef).await;
    for n in 0..30 {
        tell(&app.platform, to(user, "à moi")).await;
        if n % 2 == 0 {
            tell(&app.platform, to_admins("à nous")).await;
        }
    }
    // Written and not committed when everything is read: nobody has seen it.
    let mut late = Tx::begin(&app.platform).await.expect("a transaction");
    notifications::notify(&mut late, to(user, "en retard")).await.expect("a notification");
    let all = || async { chef.put(&format!("{URL}/read-all"), json!({})).await.ok()["updated"].as_i64() };
    let (a, b, c, d) = tokio::join!(all(), all(), all(), all());
    assert_eq!([a, b, c, d].into_iter().flatten().sum::<i64>(), 45);
    late.commit().await.expect("a commit");
    assert_eq!(titles(&chef, "unread=true").await, ["en retard"]);
    assert_eq!(all().await, Some(1));
}

#[tokio::test]
async fn preferences_are_kept_and_what_is_wrong_with_them_is_named() {
    const PREFERENCES: &str = "/api/v1/me/notification-preferences";
    let app = TestApp::new().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let kinds = ["info", "success", "warning", "error", "message", "order", "payment", "consultation", "system"];
    let all: Value = kinds.into_iter().map(|kind| (kind.to_owned(), Value::from(true))).collect();
    assert_eq!(alice.get(PREFERENCES).await.ok(), json!({ "email": all }));

    let mut wanted = json!({ "email": all });
    wanted["email"]["order"] = json!(false);
    assert_eq!(alice.put(PREFERENCES, json!({ "email": { "order": false } })).await.ok(), wanted);
    assert_eq!(alice.get(PREFERENCES).await.ok(), wanted);
    assert_eq!(bob.get(PREFERENCES).await.ok(), json!({ "email": all }), "everybody's own");
    assert_eq!(alice.put(PREFERENCES, json!({ "email": {} })).await.ok(), json!({ "email": all }), "PUT says it all");

    let cases = [
        (json!({}), vec!["email"]),
        (json!({ "email": true }), vec!["email"]),
        (json!({ "email": { "order": "no" } }), vec!["email.order"]),
        (json!({ "email": { "security": false } }), vec!["email.security"]),
        (json!({ "email": {}, "sms": {} }), vec!["sms"]),
    ];
    for (body, wrong) in cases {
        assert_eq!(alice.put(PREFERENCES, body.clone()).await.wrong_fields(), wrong, "{body}");
    }
}

#[tokio::test]
async fn a_kind_that_is_switched_off_stays_in_the_application() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await;
    let user = id(&alice).await;
    let success = || NewNotification { kind: "success", ..to(user, "Facture prête") };
    let mails = || async {
        app.drain().await;
        subjects(&app.mails())
    };
    tell(&app.platform, success()).await;
    assert_eq!(mails().await, ["alice@example.org: Facture prête"]);
    alice.put("/api/v1/me/notification-preferences", json!({ "email": { "success": false } })).await.status(200);
    tell(&app.platform, success()).await;
    assert_eq!((mails().await.len(), unread(&alice).await), (0, 2));

    // About the account's safety: whatever anybody has switched off.
    app.execute("insert into settings (key, value) values ('notifications.email', 'false')").await;
    let vars = shared::platform::templates::Templates::sample("account-password-changed").expect("a sample");
    let safety = || NewNotification { template: Some("account-password-changed"), vars: vars.clone(), ..success() };
    tell(&app.platform, safety()).await;
    assert_eq!(mails().await.len(), 1);

    // The house may switch all of it off, the administrators' too.
    alice.put("/api/v1/me/notification-preferences", json!({ "email": {} })).await.status(200);
    tell(&app.platform, success()).await;
    tell(&app.platform, to_admins("Une nouvelle")).await;
    assert_eq!(mails().await.len(), 0);
    app.execute("update settings set value = 'true'").await;
    tell(&app.platform, success()).await;
    tell(&app.platform, NewNotification { by_email: false, ..success() }).await;
    assert_eq!(mails().await.len(), 1, "and one that is told by a mail of its own makes no other");

    // Who wants only what is important, gets what is.
    app.execute("update user_preferences set email_notifications = 'important'").await;
    tell(&app.platform, success()).await;
    assert_eq!(mails().await.len(), 0);
    tell(&app.platform, NewNotification { priority: "high", ..success() }).await;
    assert_eq!(mails().await.len(), 1);

    app.execute("update users set status = 'suspended'").await;
    tell(&app.platform, NewNotification { priority: "high", ..success() }).await;
    assert_eq!(mails().await.len(), 0, "nobody writes to a suspended account");
}

#[tokio::test]
async fn each_administrator_chooses_and_the_houses_letter_box_gets_everything() {
    let app = TestApp::with(&[("ADMIN_EMAIL", "maison@example.org")]).await;
    let (one, _two) = (app.admin().await, app.person("second", "admin").await);
    one.put("/api/v1/me/notification-preferences", json!({ "email": { "error": false } })).await.status(200);
    let told = |kind: &'static str| {
        let app = &app;
        async move {
            tell(&app.platform, NewNotification { kind, ..to_admins("Titre") }).await;
            app.drain().await;
            let mut mails = subjects(&app.mails());
            mails.sort();
            mails
        }
    };
    let (second, house) = ("second@example.org", "maison@example.org");
    assert_eq!(
        told("error").await,
        [format!("{house}: Erreur\u{a0}: Titre"), format!("{second}: Erreur\u{a0}: Titre")]
    );
    assert_eq!(told("info").await.len(), 3);
    assert_eq!(told("success").await.len(), 3);
}

#[tokio::test]
async fn the_mail_is_the_kinds_and_what_is_urgent_goes_first() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    let user = id(&app.user("alice").await).await;
    for kind in ["info", "success", "error"] {
        tell(&app.platform, NewNotification { kind, ..to_admins(kind) }).await;
        tell(&app.platform, NewNotification { kind, priority: "urgent", ..to_admins(kind) }).await;
    }
    for kind in ["success", "info", "system"] {
        tell(&app.platform, NewNotification { kind, ..to(user, kind) }).await;
    }
    app.drain().await;
    let queued = app
        .sql("select e.template, j.lane, count(*) n from emails e join jobs j on j.subject_id = e.id group by 1, 2 order by 1, 2")
        .await;
    let expected = json!([
        { "template": "admin-error", "lane": "email_high", "n": 2 },
        { "template": "admin-info", "lane": "email", "n": 1 },
        { "template": "admin-info", "lane": "email_high", "n": 1 },
        { "template": "admin-success", "lane": "email", "n": 1 },
        { "template": "admin-success", "lane": "email_high", "n": 1 },
        { "template": "user-info", "lane": "email", "n": 1 },
        { "template": "user-success", "lane": "email", "n": 1 },
    ]);
    assert_eq!(queued, expected, "a kind without a mail of its own stays in the application");
}

#[tokio::test]
async fn a_title_is_text_in_every_mail() {
    let app = TestApp::new().await;
    let user = id(&app.user("alice").await).await;
    let evil = "<img src=x onerror=alert(1)> & \"Cie\"";
    let link = Some("javascript:alert(1)".to_owned());
    for kind in ["info", "success", "error"] {
        let new =
            NewNotification { kind, message: "<script>alert(2)</script>", action_url: link.clone(), ..to_admins(evil) };
        tell(&app.platform, new.clone()).await;
        tell(&app.platform, NewNotification { user: Some(user), ..new }).await;
    }
    app.drain().await;
    let mails = app.mails();
    assert_eq!(mails.len(), 6, "{:?}", subjects(&mails));
    for mail in mails {
        assert!(!mail.html.contains("<img") && !mail.html.contains("<script"), "{}", mail.html);
        assert!(mail.html.contains("&lt;img src") && mail.html.contains("&lt;script&gt;alert(2)"), "{}", mail.html);
        assert!(!mail.html.contains("javascript:") && !mail.text.contains("javascript:"), "{}", mail.html);
        assert!(mail.subject.contains(evil), "a subject is plain text: {}", mail.subject);
    }
}

#[tokio::test]
async fn what_was_read_is_forgotten_after_ninety_days_and_the_rest_after_a_year() {
    let app = TestApp::new().await;
    let (chef, _second) = (app.admin().await, app.person("second", "admin").await);
    let user = id(&chef).await;
    let read = async |note| chef.put(&format!("{URL}/{note}/read"), json!({})).await;
    let days = |n: u64| Duration::from_secs(n * 24 * 3600);
    for (title, note) in [("lue", to(user, "lue")), ("à tous, lue", to_admins("à tous, lue"))] {
        let note = tell(&app.platform, note).await;
        read(note).await.status(204);
        assert_eq!(titles(&chef, "unread=false").await[0], title);
    }
    let gone = tell(&app.platform, to(user, "effacée")).await;
    chef.delete(&format!("{URL}/{gone}")).await.status(204);
    tell(&app.platform, to(user, "pas lue")).await;
    tell(&app.platform, to_admins("à tous, pas lue")).await;
    app.drain().await;
    let left = || async {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        notifications::purge(&mut tx).await.expect("a purge");
        tx.commit().await.expect("a commit");
        let left = app.sql("select count(*) n, (select count(*) from notification_marks) m from notifications").await;
        (left[0]["n"].as_i64(), left[0]["m"].as_i64())
    };
    app.advance(days(89)).await;
    assert_eq!(left().await, (Some(5), Some(1)));
    app.advance(days(2)).await;
    assert_eq!(left().await, (Some(2), Some(0)));
    let second = app.login("second@example.org", harness::people::PASSWORD).await.get(URL).await.ok();
    assert_eq!(second[0]["title"], "à tous, pas lue");
    app.advance(days(275)).await;
    assert_eq!(left().await, (Some(0), Some(0)));
}
