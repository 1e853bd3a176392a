//! Rows go by the retention alone, and what betrays a person can be erased; the proof stays in both cases.

use harness::TestApp;
use serde_json::json;
use shared::kernel::ids::UserId;
use shared::platform::audit::{self, Part};
use shared::platform::tx::Tx;

use super::{force, seal, verify, write};

/// Entries of long ago, as they would have been written then.
async fn old(app: &TestApp) {
    app.execute(
        "insert into audit_log (occurred_at, action, severity, target_type, target_id, details)
         select now() - make_interval(days => d), 'LOGOUT', s, 'auth', d || s, '{}'
         from (values (100, 'low'), (400, 'low'), (500, 'medium'), (400, 'high'), (2000, 'high'), (2000, 'critical')) v (d, s)",
    )
    .await;
    seal(app).await;
}

#[tokio::test]
async fn what_is_old_enough_goes_by_a_job_and_stays_provable() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    old(&app).await;
    let soon = json!({ "before": chrono::Utc::now() - chrono::Duration::days(10) });
    assert_eq!(admin.post("/api/v1/admin/audit/purge", soon).await.wrong_fields(), ["before"]);
    let ordered = admin.post("/api/v1/admin/audit/purge", json!({ "reason": "tidy" })).await.status(202);
    assert!(ordered.header("location").is_some_and(|to| to.starts_with("/api/v1/admin/jobs/")));
    app.drain().await;
    let left =
        app.sql("select target_id from audit_log where target_type = 'auth' and action = 'LOGOUT' order by id").await;
    assert_eq!(left, json!([{ "target_id": "100low" }, { "target_id": "400high" }]));
    seal(&app).await;
    let verdict = verify(&app, None).await;
    assert!(verdict.intact && verdict.purged == 4, "{verdict:?}");
    let said = admin.get("/api/v1/admin/audit?action=AUDIT_PURGED").await.ok();
    assert_eq!((&said[0]["details"]["rows"], &said[0]["severity"]), (&json!(4), &json!("high")));
    // Hiding a row behind a true purge is told from it.
    let purge = said[0]["id"].as_i64().expect("an id");
    force(
        &app,
        &format!("update audit_chain set purged_by = {purge} where entry_id = (select id from audit_log where target_id = '100low');
                  delete from audit_log where target_id = '100low'"),
    )
    .await;
    let caught = verify(&app, None).await;
    assert_eq!(caught.findings.iter().map(|f| (f.entry, f.part)).collect::<Vec<_>>(), [(Some(purge), Part::Purge)]);
}

#[tokio::test]
async fn the_nightly_verification_sounds_the_alarm() {
    use shared::platform::jobs::{enqueue, kinds::VerifyAudit};
    let app = TestApp::new().await;
    app.admin().await;
    let run = async || {
        seal(&app).await;
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        enqueue(&mut tx, &VerifyAudit {}).await.expect("a job");
        tx.commit().await.expect("a commit");
        app.drain().await;
        app.sql("select severity, details->'findings' as found from audit_log where action = 'SECURITY_BREACH'").await
    };
    assert_eq!(run().await, json!([]));
    force(&app, "update audit_log set severity = 'high'").await;
    let told = run().await;
    assert_eq!(told[0]["severity"], "critical");
    assert!(told[0]["found"][0].as_str().is_some_and(|said| said.contains("«what» was changed")), "{told}");
    assert!(app.mails().iter().any(|mail| mail.subject.contains("Security breach")));
}

#[tokio::test]
async fn somebody_is_forgotten_and_the_chain_holds() {
    let app = TestApp::new().await;
    let alice = app.user("alice").await.header("user-agent", "canary browser");
    alice.patch("/api/v1/me", json!({ "first_name": "Alix" })).await.ok();
    let wrong = json!({ "login": "alice@example.org", "password": "not it at all" });
    app.anonymous().header("user-agent", "canary browser").post("/api/v1/auth/login", wrong).await.status(401);
    let bob = app.user("bob").await;
    bob.patch("/api/v1/me", json!({ "first_name": "Bo" })).await.ok();
    write(&app, "CATALOGUE_SYNCED", "not alice's").await;
    seal(&app).await;
    let user = app.sql("select id from users where email = 'alice@example.org'").await[0]["id"].clone();
    let user = UserId(user.as_str().expect("an id").parse().expect("a uuid"));
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let erased = audit::forget(&mut tx, Some(user), &[user.to_string()]).await.expect("forgotten");
    tx.commit().await.expect("a commit");
    assert_eq!(erased, 3, "a sign-in, a failed one, a change");
    let left = app.sql("select string_agg(l::text, '') as all from audit_log l").await[0]["all"].to_string();
    assert!(!left.contains("alice@example.org") && !left.contains("canary"), "{left}");
    assert!(left.contains("bob@example.org") && left.contains("demandé"), "others are remembered");
    let verdict = verify(&app, None).await;
    assert!(verdict.intact && verdict.erased == 3, "{verdict:?}");
}
