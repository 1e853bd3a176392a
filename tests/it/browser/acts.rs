//! What can be done, done without a script: every family of actions by its form; a failure resolved that comes back; and a
//! whole action by nothing but keys.

use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::TestApp;
use harness::process::eventually;
use serde_json::json;

use super::hands::{at, sees};
use super::house;

/// A page, the form's address, and what is written into it.
type Act = (String, String, &'static [(&'static str, &'static str)]);

/// Fills in a form and sends it; unfolds what it is folded into first.
async fn submit(page: &Client, base: &str, (place, action, fields): &Act) {
    page.goto(&format!("{base}/admin{place}")).await.expect("the page");
    let form = format!("//main//form[@method='post' and @action='/admin{action}']");
    let folded = page.find(Locator::XPath(&format!("{form}/ancestor::details[not(@open)]/summary"))).await;
    if let Ok(summary) = folded {
        summary.click().await.expect("unfolded");
    }
    for (name, value) in *fields {
        let field = page.find(Locator::XPath(&format!("{form}//*[@name='{name}']"))).await;
        let field = field.unwrap_or_else(|_| panic!("{place}: {action} has no field {name}"));
        if field.tag_name().await.expect("a name") == "select" {
            let option = format!("./option[@value='{value}' or normalize-space(.)='{value}']");
            field.find(Locator::XPath(&option)).await.expect("a choice").click().await.expect("chosen");
        } else {
            field.clear().await.expect("emptied");
            field.send_keys(value).await.expect("typed");
        }
    }
    let button = page.find(Locator::XPath(&format!("{form}//button"))).await;
    button.unwrap_or_else(|_| panic!("{place} has no form {action}")).click().await.expect("pressed");
}

/// The page that answers tells that it was done, or that it was not.
async fn told(page: &Client, (place, action, _): &Act) {
    eventually(Duration::from_secs(20), action, || async { page.find(Locator::Css("main .flash")).await.is_ok() })
        .await;
    let refused = page.find(Locator::Css("main .flash.warn")).await;
    if let Ok(refused) = refused {
        panic!("{place}: {action} was refused: {}", refused.text().await.unwrap_or_default());
    }
}

async fn text(app: &TestApp, query: &'static str) -> String {
    app.sql(query).await[0]["it"].as_str().unwrap_or_else(|| panic!("nothing for {query}")).to_owned()
}

fn act(place: impl Into<String>, action: impl Into<String>, fields: &'static [(&'static str, &'static str)]) -> Act {
    (place.into(), action.into(), fields)
}

async fn of_the_engine(app: &TestApp) -> Vec<Act> {
    let dead = text(app, "select id::text as it from jobs where state = 'dead' and kind = 'email.send' limit 1").await;
    let waits =
        text(app, "select id::text as it from jobs where state = 'scheduled' and kind = 'debug.probe' limit 1").await;
    let gone = text(app, "select id::text as it from jobs where state = 'cancelled' limit 1").await;
    let failure = text(app, "select fingerprint as it from error_groups where kind = 'debug.probe' limit 1").await;
    let plan = text(app, "select name as it from schedules order by name limit 1").await;
    let (job, error, plan) =
        (|id: &str| format!("/jobs/{id}"), format!("/errors/{failure}"), format!("/schedules/{plan}"));
    let under = |place: &str, verb: &str| format!("{place}/{verb}");
    vec![
        act(job(&dead), under(&job(&dead), "retry"), &[]),
        act(job(&waits), under(&job(&waits), "cancel"), &[]),
        act(job(&gone), under(&job(&gone), "discard"), &[]),
        act(&error, under(&error, "mute"), &[("reason", "the probe is loud"), ("hours", "2")]),
        act(&error, under(&error, "unmute"), &[]),
        act(&error, under(&error, "note"), &[("note", "Ask Camille.")]),
        act("/errors", under(&error, "resolve"), &[]),
        act("/queues", "/queues/email/limits", &[("concurrency", "4"), ("count", "10")]),
        act("/queues", "/queues/email/pause", &[("reason", "the relay moves"), ("minutes", "30")]),
        act("/queues", "/queues/email/resume", &[]),
        act("/queues", "/kinds/debug.probe/fuse", &[("reason", "it is loud")]),
        act("/queues", "/kinds/debug.probe/clear", &[]),
        act("/workers", "/workers/atelier-4711-9f3ac1/stop", &[]),
        act("/schedules", under(&plan, "run"), &[]),
        act("/schedules", under(&plan, "pause"), &[]),
        act("/schedules", under(&plan, "resume"), &[]),
        act("/jobs?state=dead", "/views", &[("name", "the dead")]),
    ]
}

async fn of_the_house(app: &TestApp) -> Vec<Act> {
    let mail = text(app, "select id::text as it from emails where status = 'sent' limit 1").await;
    let open = text(app, "select id::text as it from orders where status = 'pending' limit 1").await;
    let paid = text(app, "select id::text as it from orders where status = 'paid' limit 1").await;
    let event = text(app, "select event_id as it from stripe_events where status = 'processed' limit 1").await;
    let bill =
        text(app, "select id::text as it from invoices where status = 'issued' or number is not null limit 1").await;
    let file = text(app, "select id::text as it from exports limit 1").await;
    let claire = text(app, "select id::text as it from users where email = 'claire@example.org'").await;
    let (user, order, bill) =
        (format!("/users/{claire}"), |id: &str| format!("/orders/{id}"), format!("/invoices/{bill}"));
    let (mail, event, drop) =
        (format!("/emails/{mail}"), format!("/stripe-events/{event}"), format!("/exports/{file}/drop"));
    let under = |place: &str, verb: &str| format!("{place}/{verb}");
    vec![
        act(&mail, under(&mail, "again"), &[]),
        act("/suppressions", "/suppressions", &[("address", "loud@example.org"), ("evidence", "asked for it")]),
        act("/suppressions", "/suppressions/release", &[]),
        act("/templates/visitor-contact", "/templates/visitor-contact/test", &[]),
        act(&event, under(&event, "replay"), &[]),
        act(order(&open), under(&order(&open), "cancel"), &[]),
        act(order(&paid), under(&order(&paid), "refund"), &[("amount", "1.00"), ("reason", "a stain")]),
        act(&bill, under(&bill, "send"), &[]),
        act("/exports", drop, &[]),
        act("/exports", "/exports", &[("kind", "users"), ("format", "json")]),
        act("/settings", "/settings/audit.retention_days", &[("value", "400"), ("reason", "the law")]),
        act(&user, under(&user, "role"), &[("role", "viewer"), ("reason", "she helps")]),
        act(&user, under(&user, "grants"), &[("permission", "jobs.read"), ("hours", "2")]),
        act(&user, under(&user, "suspend"), &[("reason", "she asked")]),
        act(&user, under(&user, "open"), &[("reason", "she is back")]),
        act(&user, under(&user, "delete"), &[("reason", "she asked for it")]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_of_actions_works_without_a_script() {
    let shop = house::open().await;
    let Some((_driver, page)) = house::visitor(&shop, false).await else { return };
    let mut done = 0;
    for act in of_the_engine(&shop.app).await.iter().chain(&of_the_house(&shop.app).await) {
        submit(&page, shop.base(), act).await;
        told(&page, act).await;
        done += 1;
    }
    assert!(done > 30, "{done}");
    let all = shop.app.sql("select count(distinct action) as n from audit_log where actor_id is not null").await;
    assert!(all[0]["n"].as_i64() >= Some(28), "{all}: what was done is in the log");
    page.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_was_resolved_comes_back_and_says_so() {
    let shop = house::open().await;
    let Some((_driver, page)) = house::visitor(&shop, false).await else { return };
    let failure =
        text(&shop.app, "select fingerprint as it from error_groups where kind = 'debug.probe' limit 1").await;
    let one = format!("/errors/{failure}");
    let resolve = act(&one, format!("{one}/resolve"), &[]);
    submit(&page, shop.base(), &resolve).await;
    told(&page, &resolve).await;
    page.goto(&format!("{}/admin/errors?state=resolved", shop.base())).await.expect("the resolved");
    let row = format!("//main//tr[@data-href='/admin{one}']");
    page.find(Locator::XPath(&row)).await.expect("it is among the resolved");
    shop.admin().post("/api/v1/admin/jobs/probe", json!({ "mode": "fail", "note": "again" })).await.status(202);
    shop.app.drain().await;
    page.goto(&format!("{}/admin/errors?state=regressed", shop.base())).await.expect("those that are back");
    page.find(Locator::XPath(&row)).await.expect("it is among those that came back");
    page.goto(&format!("{}/admin", shop.base())).await.expect("the overview");
    let alarm = format!("//main//ul[@class='problems']//a[@href='/admin{one}']");
    page.find(Locator::XPath(&alarm))
        .await
        .expect("the overview tells it as a problem")
        .click()
        .await
        .expect("followed");
    at(&page, &format!("/admin{one}")).await;
    page.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_found_previewed_and_retried_by_keys_alone() {
    let shop = house::open().await;
    let Some((_driver, page)) = house::visitor(&shop, true).await else { return };
    let keys = async |keys: &str| {
        page.active_element().await.expect("an element").send_keys(keys).await.expect("typed");
    };
    let before = shop.app.sql("select count(*) as n from bulk_operations").await;
    keys("gd").await;
    at(&page, "/admin/jobs").await;
    sees(&page, "Preview").await;
    keys("/").await;
    keys("does not render\u{e007}").await;
    eventually(Duration::from_secs(20), "one is found", || async {
        page.find_all(Locator::Css("main tr[data-href]")).await.is_ok_and(|rows| rows.len() == 1)
            && page.current_url().await.is_ok_and(|url| url.query().is_some_and(|query| query.contains("q=")))
    })
    .await;
    keys("a").await;
    keys("r").await;
    keys("\u{e007}").await;
    eventually(Duration::from_secs(20), "the preview", || async {
        page.current_url().await.is_ok_and(|url| url.path().starts_with("/admin/bulk/"))
    })
    .await;
    sees(&page, "Reason").await;
    assert_eq!(shop.app.sql("select count(*) as n from bulk_items where outcome = 'done'").await[0]["n"], 0);
    keys("r").await;
    keys("\u{e007}").await;
    eventually(Duration::from_secs(20), "it has begun", || async {
        page.find(Locator::Css("main .flash")).await.is_ok()
    })
    .await;
    shop.app.drain().await;
    let after = shop.app.sql("select count(*) as n from bulk_operations").await;
    assert_eq!(after[0]["n"].as_i64(), before[0]["n"].as_i64().map(|n| n + 1));
    let retried = shop
        .app
        .sql("select count(*) as n from audit_log where action = 'BULK_STARTED' and details->>'action' = 'retry'")
        .await;
    assert_eq!(retried[0]["n"], 2);
    page.close().await.expect("closed");
}
