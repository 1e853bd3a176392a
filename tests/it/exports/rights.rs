//! Who may ask, who may fetch, and until when.

use std::time::Duration;

use harness::TestApp;
use harness::people::PASSWORD;
use serde_json::json;

use super::{fetched, id, made, orders, signed, wish};

#[tokio::test]
async fn an_export_is_nobody_elses_and_ends_with_its_term() {
    let app = TestApp::with(&[("FILE_URL_TTL", "7d")]).await; // of other files
    let (chef, other) = (app.admin().await, app.person("autre", "admin").await);
    orders(&app, 10).await;
    let export = made(&app, &chef, wish("orders", "csv")).await;
    let (row, file) = (format!("/api/v1/exports/{}", id(&export)), format!("/api/v1/exports/{}/file", id(&export)));
    for stranger in [&other, &app.user("alice").await] {
        stranger.get(&row).await.status(404);
        stranger.get(&file).await.status(404);
        stranger.get(&format!("{row}/events")).await.status(404);
    }
    app.user("bob").await.delete(&row).await.status(404);
    app.anonymous().get(&file).await.status(404);
    app.anonymous().get(&row).await.status(401);
    let whole = fetched(&chef, &export).await.bytes;
    let address = signed(&export);
    assert_eq!(app.anonymous().get(&address).await.status(200).bytes, whole, "whoever has the address");
    let part = app.anonymous().header("range", "bytes=3-9").get(&address).await.status(206);
    assert_eq!(part.bytes, whole[3..10]);
    for at in 1..address.len() {
        let was = address.as_bytes()[at];
        let other = if was == b'7' { b'8' } else { b'7' };
        // The other case of a letter, too: an id has more than one spelling.
        for byte in [Some(other), was.is_ascii_alphabetic().then_some(was ^ 0x20)].into_iter().flatten() {
            let mut bytes = address.clone().into_bytes();
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).expect("ASCII");
            let status = app.anonymous().get(&changed).await.status.as_u16();
            // 401: by its path it is the address of the row now, which wants a token.
            assert!(matches!(status, 401 | 404 | 405), "{status} for {changed}");
        }
    }
    assert_eq!(chef.get(&row).await.ok()["downloads"], 2, "whole ones are counted");
    app.advance(Duration::from_mins(16)).await;
    app.anonymous().get(&address).await.status(404);
    let chef = app.login("chef@example.org", PASSWORD).await;
    fetched(&chef, &export).await;
    app.advance(Duration::from_hours(7 * 24)).await;
    let chef = app.login("chef@example.org", PASSWORD).await;
    assert_eq!(chef.get(&row).await.ok()["status"], "expired", "before any sweep");
    chef.get(&file).await.status(404);
}

#[tokio::test]
async fn rights_are_asked_again_when_it_is_made() {
    let app = TestApp::new().await;
    app.execute("insert into roles (code, label, permissions) values ('clerk', 'clerk', '{exports.run}')").await;
    let clerk = app.person("clerk", "clerk").await;
    let refused = clerk.post("/api/v1/admin/exports", wish("audit_log", "csv")).await.status(403);
    assert!(refused.text.contains("audit.read"), "{}", refused.text);
    let asked = clerk.post("/api/v1/admin/exports", wish("users", "csv")).await.status(202).data();
    app.execute("update users set role = 'user' where email = 'clerk@example.org'").await;
    app.drain().await;
    let row = clerk.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok();
    assert_eq!(row["status"], "failed");
    assert!(row["error"].as_str().is_some_and(|why| why.contains("not allowed it any more")), "{row}");
    let told = clerk.get("/api/v1/notifications").await.ok();
    assert!(told.to_string().contains("n’a pas pu être préparé"), "{told}");
    assert_eq!(app.sql("select count(*) as n from files").await[0]["n"], 0);
    assert_eq!(app.sql("select state from jobs where kind = 'export.build'").await[0]["state"], "cancelled");
    clerk.post("/api/v1/admin/exports", wish("users", "csv")).await.status(403);
}

#[tokio::test]
async fn a_file_is_not_fetched_by_who_is_not_allowed_it_any_more() {
    let app = TestApp::new().await;
    app.execute("insert into roles (code, label, permissions) values ('clerk', 'clerk', '{exports.run,audit.read}')")
        .await;
    let clerk = app.person("clerk", "clerk").await;
    let export = made(&app, &clerk, wish("audit_log", "csv")).await;
    let (address, row) = (signed(&export), format!("/api/v1/exports/{}", id(&export)));
    fetched(&clerk, &export).await;
    for (permissions, status) in [("{exports.run}", 404), ("{audit.read}", 404), ("{exports.run,audit.read}", 200)] {
        app.execute(&format!("update roles set permissions = '{permissions}' where code = 'clerk'")).await;
        assert_eq!(clerk.get(&row).await.ok()["url"].is_string(), status == 200, "{permissions}");
        clerk.get(&format!("{row}/file")).await.status(status);
        app.anonymous().get(&address).await.status(status);
    }
    app.execute("update users set status = 'suspended' where email = 'clerk@example.org'").await;
    app.anonymous().get(&address).await.status(404);
}

#[tokio::test]
async fn somebody_elses_data_wants_more_than_the_right_to_export() {
    let mut app = TestApp::new().await;
    app.leave_jobs();
    app.admin().await;
    app.user("alice").await;
    app.execute(
        "insert into roles (code, label, permissions) values
             ('clerk', 'clerk', '{exports.run}'), ('keeper', 'keeper', '{exports.run,users.manage,audit.read}')",
    )
    .await;
    let (clerk, keeper) = (app.person("clerk", "clerk").await, app.person("keeper", "keeper").await);
    let people = app.sql("select first_name, id from users").await;
    let of = |name: &str| {
        let row = people.as_array().expect("rows").iter().find(|row| row["first_name"] == name).expect("somebody");
        json!({ "kind": "personal_data", "format": "json", "subject_user_id": row["id"] })
    };
    let refused = clerk.post("/api/v1/admin/exports", of("alice")).await.status(403);
    assert!(refused.text.contains("users.manage"), "{}", refused.text);
    let more = keeper.post("/api/v1/admin/exports", of("chef")).await.status(403);
    assert_eq!(more.code(), "permission_not_held", "nobody reads who may do more than they");
    clerk.post("/api/v1/admin/exports", of("clerk")).await.status(202);

    app.execute("update sessions set created_at = created_at - interval '16 minutes'").await;
    let mut wanted = of("alice");
    let again = keeper.post("/api/v1/admin/exports", wanted.clone()).await.status(403);
    assert_eq!(again.code(), "reauthentication_required");
    wanted["password"] = json!("not theirs, not at all");
    assert_eq!(keeper.post("/api/v1/admin/exports", wanted.clone()).await.wrong_fields(), ["password"]);
    wanted["password"] = json!(PASSWORD);
    let asked = keeper.post("/api/v1/admin/exports", wanted).await.status(202).data();
    assert!(!asked.to_string().contains(PASSWORD), "{asked}");
    // Whoever was raised meanwhile is read by nobody below.
    app.execute("update users set role = 'admin' where first_name = 'alice'").await;
    app.drain().await;
    let row = keeper.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok();
    assert_eq!(row["status"], "failed", "{row}");
}

#[tokio::test]
async fn one_at_a_time_until_it_is_cancelled_and_a_file_can_be_taken_back() {
    let app = TestApp::new().await;
    let chef = app.admin().await;
    orders(&app, 10).await;
    let ask = async || chef.post("/api/v1/admin/exports", wish("orders", "csv")).await;
    let first = ask().await.status(202).data();
    assert_eq!(ask().await.status(409).code(), "export_open");
    chef.post("/api/v1/admin/exports", wish("users", "csv")).await.status(202);
    let events = chef.get(&format!("/api/v1/exports/{}/events", id(&first))).await.status(200);
    assert!(events.text.starts_with("event: export\n") && events.text.contains("\"requested\""), "{}", events.text);
    chef.delete(&format!("/api/v1/exports/{}", id(&first))).await.status(204);
    chef.delete(&format!("/api/v1/exports/{}", id(&first))).await.status(409);
    assert_eq!(chef.get(&format!("/api/v1/exports/{}", id(&first))).await.ok()["status"], "cancelled");
    let second = ask().await.status(202).data();
    app.execute(
        "update jobs set state = 'cancelled', finished_at = now() where kind = 'export.build' and state = 'queued'",
    )
    .await;
    let third = ask().await.status(202).data();
    assert_eq!(chef.get(&format!("/api/v1/exports/{}", id(&second))).await.ok()["status"], "cancelled", "its job was");
    app.drain().await;
    let ready = chef.get(&format!("/api/v1/exports/{}", id(&third))).await.ok();
    let (address, events) = (signed(&ready), chef.get(&format!("/api/v1/exports/{}/events", id(&third))).await);
    assert!(events.text.contains("\"ready\""), "{}", events.text);
    chef.delete(&format!("/api/v1/exports/{}", id(&third))).await.status(204);
    app.anonymous().get(&address).await.status(404);
    assert_eq!(chef.get(&format!("/api/v1/exports/{}", id(&third))).await.ok()["status"], "expired");
    let actions = app
        .sql("select array_agg(distinct action order by action) as a from audit_log where target_type = 'export'")
        .await;
    assert_eq!(actions[0]["a"], json!(["EXPORT_CANCELLED", "EXPORT_READY", "EXPORT_REQUESTED", "EXPORT_REVOKED"]));
}

#[tokio::test]
async fn who_waits_is_told_by_a_link_and_never_by_the_data() {
    let app = TestApp::new().await;
    let chef = app.admin().await;
    orders(&app, 10).await;
    app.mails();
    let export = made(&app, &chef, wish("orders", "csv")).await;
    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    let text = &mails[0].text;
    assert!(text.contains(export["sha256"].as_str().expect("a hash")) && !text.contains("C-10"), "{text}");
    let told = chef.get("/api/v1/notifications").await.ok();
    assert_eq!(told[0]["title"], "Votre export est prêt : Commandes", "{told}");
    let wanted = json!({ "kind": "audit_log", "format": "csv" });
    made(&app, &chef, wanted).await;
    let entry =
        app.sql("select severity, actor_id is not null as who from audit_log where action = 'AUDIT_EXPORTED'").await;
    assert_eq!(entry[0], json!({ "severity": "high", "who": true }));
}
