//! Who may only look: no button on any page, and no request of theirs changes anything, whichever it is.

use harness::TestApp;
use regex::Regex;
use serde_json::json;

use super::{dead_job, form_token, operator, post};

/// What everybody who sees jobs may do: keep filters under names of their own, choose language and colours.
const OWN: [&str; 3] = ["/admin/views", "/admin/views/{id}/forget", "/admin/look"];

/// The routes that answer a method, as the table of the dashboard says.
fn routes(method: &str) -> Vec<String> {
    let table = include_str!("../../../api/src/dashboard/mod.rs");
    let line = Regex::new(&format!(r#"\("(/admin[^"]*)",\s*(?:get\([\w:]+\)\.)?{method}\("#)).expect("a pattern");
    line.captures_iter(table).map(|found| found[1].to_owned()).collect()
}

/// Everything that is not about a row, as text: what was done shows in it.
async fn state(app: &TestApp) -> serde_json::Value {
    app.sql(
        "select (select count(*) from jobs where kind = 'debug.probe') jobs, (select count(*) from emails) mails, (select count(*) from lanes) lanes,
                (select count(*) from job_kinds) kinds, (select count(*) from bulk_operations) bulk,
                (select count(*) from email_suppressions) suppressed, (select count(*) from exports) exports,
                (select string_agg(state, ',' order by id) from jobs where kind = 'debug.probe') states, (select count(*) from permission_grants) lent,
                (select count(*) from audit_log where outcome = 'success' and action not like 'LOGIN%') acts",
    )
    .await
}

#[tokio::test]
async fn no_form_of_the_dashboard_does_anything_for_whoever_may_only_look() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let job = dead_job(&app, &admin).await;
    app.person("rita", "viewer").await;
    let rita = operator(&app, "rita").await;
    let token = form_token(&rita.get("/admin").await.status(200));
    let before = state(&app).await;
    let hole = Regex::new(r"\{\w+\}").expect("a pattern");
    let mut refused = 0;
    for route in routes("post").into_iter().filter(|route| !OWN.contains(&&**route)) {
        if matches!(&*route, "/admin/login" | "/admin/logout") {
            continue;
        }
        let path = hole.replace_all(&route, job.as_str());
        let fields =
            [("token", &*token), ("reason", "because"), ("scope", "all"), ("action", "retry"), ("kind", "orders")];
        post(&rita, &path, &fields).await.status(403);
        refused += 1;
    }
    assert!(refused > 45, "{refused} routes were tried");
    assert_eq!(state(&app).await, before);
    app.drain().await; // so many refusals are told to the administrators
    let told = app.sql("select count(*) as n from audit_log where outcome = 'refused'").await;
    assert!(told[0]["n"].as_i64() >= Some(1), "refusals are in the log");
}

#[tokio::test]
async fn whoever_may_only_look_sees_no_button_that_would_be_refused() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let job = dead_job(&app, &admin).await;
    let wish = json!({ "action": "retry", "params": {}, "filter": { "filter": "state:dead" } });
    let bulk = admin.post("/api/v1/admin/bulk", wish).await.created();
    let bulk = bulk["id"].as_str().expect("an id");
    let mail = app.sql("select id from emails limit 1").await[0]["id"].as_str().expect("a mail").to_owned();
    let failure = app.sql("select fingerprint as id from error_groups limit 1").await;
    let failure = failure[0]["id"].as_str().expect("a failure");
    app.person("rita", "viewer").await;
    let rita = operator(&app, "rita").await;
    let form = Regex::new(r#"method="post" action="([^"]+)""#).expect("a pattern");
    let one = [
        format!("/admin/jobs/{job}"),
        format!("/admin/bulk/{bulk}"),
        format!("/admin/emails/{mail}"),
        format!("/admin/errors/{failure}"),
        "/admin/templates/visitor-contact".to_owned(),
    ];
    let lists = [
        "",
        "/jobs",
        "/errors",
        "/queues",
        "/batches",
        "/bulk",
        "/workers",
        "/schedules",
        "/emails",
        "/suppressions",
        "/stripe-events",
    ];
    for path in one.into_iter().chain(lists.map(|list| format!("/admin{list}"))) {
        let page = rita.get(&path).await.status(200).text;
        for found in form.captures_iter(&page) {
            let own = ["/admin/logout", "/admin/views", "/admin/look"].iter().any(|own| found[1].starts_with(own));
            assert!(own, "{path} offers {} to whoever may only look", &found[1]);
        }
    }
    app.leave_jobs();
}
