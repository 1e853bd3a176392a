//! Mails in people's hands: sent once more, addresses that get none, templates looked at and tried out.

use harness::TestApp;
use serde_json::{Value, json};

use crate::dashboard::{form_token, operator, post};

const MAILS: &str = "/api/v1/admin/emails";
const SUPPRESSED: &str = "/api/v1/admin/suppressions";
const TEMPLATES: &str = "/api/v1/admin/email-templates";

/// The first mail to Camille: the receipt for what she wrote.
async fn receipt(app: &TestApp) -> String {
    let form = json!({ "kind": "contact", "name": "Camille", "email": "camille@example.org", "title": "Une question",
                       "body": "Bonjour" });
    app.anonymous().post("/api/v1/requests", form).await.status(201);
    app.drain().await;
    let id = app.sql("select id from emails where to_address = 'camille@example.org'").await;
    id[0]["id"].as_str().expect("a mail").to_owned()
}

fn to_camille(app: &TestApp) -> usize {
    app.mails().iter().filter(|mail| mail.to.0.eq_ignore_ascii_case("camille@example.org")).count()
}

#[tokio::test]
async fn a_mail_goes_out_again_as_a_mail_of_its_own_and_two_clicks_are_one() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = receipt(&app).await;
    let again = admin.post(&format!("{MAILS}/{first}/resend"), json!({})).await.status(202).data();
    assert_ne!(again["id"], first.as_str());
    app.drain().await;
    assert_eq!(to_camille(&app), 2);
    let ids = app
        .sql(
            "select count(distinct message_id) as ids, count(again_of) as repeats from emails
                       where to_address = 'camille@example.org'",
        )
        .await;
    assert_eq!(ids, json!([{ "ids": 2, "repeats": 1 }]));

    let chef = operator(&app, "chef").await;
    let page = chef.get(&format!("/admin/emails/{first}")).await.status(200);
    assert!(page.text.contains("Sent again"), "the page says that it was repeated");
    let token = form_token(&page);
    for _ in 0..2 {
        let fields = [("token", &*token), ("repeats", "1")];
        let reply = post(&chef, &format!("/admin/emails/{first}/again"), &fields).await.status(303);
        assert!(chef.get(reply.header("location").expect("a page")).await.text.contains("camille@example.org"));
    }
    app.drain().await;
    assert_eq!(to_camille(&app), 1, "both clicks saw the same page");
    let audit = app.sql("select count(*) as n from audit_log where action = 'EMAIL_RESENT'").await;
    assert_eq!(audit[0]["n"], 3);
}

#[tokio::test]
async fn an_address_is_suppressed_and_let_go_with_what_it_missed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = json!({ "address": " Camille@example.org ", "evidence": "she asked us to" });
    admin.post(SUPPRESSED, new.clone()).await.status(204);
    assert_eq!(admin.post(SUPPRESSED, new).await.status(409).code(), "suppressed");
    assert_eq!(
        admin.post(SUPPRESSED, json!({ "address": "x", "evidence": "" })).await.wrong_fields(),
        ["address", "evidence"]
    );
    let first = receipt(&app).await;
    assert_eq!(to_camille(&app), 0);
    assert_eq!(admin.post(&format!("{MAILS}/{first}/resend"), json!({})).await.status(409).code(), "suppressed");
    let listed = admin.get(&format!("{SUPPRESSED}?address=amill")).await.ok();
    assert_eq!((&listed[0]["address"], &listed[0]["suppressed"]), (&json!("Camille@example.org"), &json!(1)));

    let page = operator(&app, "chef").await.get("/admin/suppressions").await.status(200);
    assert!(page.text.contains("she asked us to"));
    let sent = admin.post(&format!("{SUPPRESSED}/camille@example.org/release"), json!({})).await.status(202).data();
    assert_eq!(sent["mails"], 1);
    app.drain().await;
    assert_eq!(to_camille(&app), 1);
    admin.delete(&format!("{SUPPRESSED}/camille@example.org")).await.status(404);
    let log =
        app.sql("select target_id || details::text as said from audit_log where action like 'SUPPRESSION%'").await;
    assert_eq!(log.as_array().map(Vec::len), Some(2));
    assert!(!log.to_string().to_lowercase().contains("camille"), "the log outlives the person: {log}");
}

#[tokio::test]
async fn a_suppression_ends_by_itself() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let soon = (chrono::Utc::now() + chrono::Duration::days(2)).to_rfc3339();
    let new = json!({ "address": "camille@example.org", "evidence": "on leave", "expires_at": soon });
    admin.post(SUPPRESSED, new.clone()).await.status(204);
    app.execute("update email_suppressions set expires_at = now() - interval '1 second'").await;
    receipt(&app).await;
    assert_eq!(to_camille(&app), 1);
    assert_eq!(admin.get(SUPPRESSED).await.ok(), json!([]));
    admin.post(SUPPRESSED, new).await.status(204);
    let past = json!({ "address": "a@example.org", "evidence": "x", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(admin.post(SUPPRESSED, past).await.wrong_fields(), ["until"]);
}

#[tokio::test]
async fn every_template_is_seen_with_real_data_checked_and_sent_to_whoever_asks() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = receipt(&app).await;
    let all = admin.get(TEMPLATES).await.ok();
    for template in all.as_array().expect("templates") {
        let name = template["name"].as_str().expect("a name");
        for locale in ["fr", "en"] {
            let page = admin.get(&format!("{TEMPLATES}/{name}?locale={locale}")).await.ok();
            let odd: Vec<_> =
                page["checks"].as_array().expect("checks").iter().filter(|c| c["fine"] == json!(false)).collect();
            assert!(odd.is_empty(), "{name} in {locale}: {odd:?}");
        }
    }
    let real = admin.get(&format!("{TEMPLATES}/visitor-contact?email={first}")).await.ok();
    assert!(real["html"].as_str().expect("a body").contains("Une question"), "{real}");
    admin.get(&format!("{TEMPLATES}/activation-link?email={first}")).await.status(404);
    app.mails();
    let with = json!({ "locale": "en", "email": first });
    admin.post(&format!("{TEMPLATES}/visitor-contact/test"), with).await.status(202);
    app.drain().await;
    let sent = app.mails();
    assert_eq!(sent.iter().map(|mail| &*mail.to.0).collect::<Vec<_>>(), ["chef@example.org"]);

    let chef = operator(&app, "chef").await;
    let page = chef.get(&format!("/admin/templates/visitor-contact?email={first}&locale=fr")).await.status(200);
    assert!(page.text.contains("Send it to me") && page.text.contains("Dark mode"));
    let body = chef.get(&format!("/admin/templates/visitor-contact/preview.html?email={first}")).await.status(200);
    assert!(body.text.contains("Une question"));
    assert!(chef.get("/admin/templates").await.status(200).text.contains("billing-invoice"));
}

#[tokio::test]
async fn what_is_held_waits_until_sending_is_switched_on() {
    let app = TestApp::with(&[("SMTP_ENABLED", "false")]).await;
    let admin = app.admin().await;
    receipt(&app).await;
    assert_eq!(admin.post(&format!("{MAILS}/release"), json!({})).await.status(409).code(), "sending_off");
    let page = operator(&app, "chef").await.get("/admin/emails?status=held").await.status(200);
    assert!(page.text.contains("SMTP_ENABLED=false"), "the page says why they wait");
    let held: Value = app.sql("select count(*) as n from emails where status = 'held'").await;
    assert!(held[0]["n"].as_i64().is_some_and(|n| n > 0));
}

#[tokio::test]
async fn a_mail_whose_data_lacks_something_is_mended_and_sent() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = receipt(&app).await;
    let whole = admin.get(&format!("{MAILS}/{first}")).await.ok()["vars"].clone();
    let mut lacking = whole.clone();
    let (name, _) = lacking.as_object_mut().expect("an object").remove_entry("request_number").expect("its number");
    let again = admin.post(&format!("{MAILS}/{first}/resend"), json!({})).await.status(202).data();
    let id = again["id"].as_str().expect("an id");
    app.execute(&format!("update emails set vars = vars - 'request_number' where id = '{id}'")).await;
    app.drain().await;
    let mail = admin.get(&format!("{MAILS}/{id}")).await.ok();
    let job = mail["job_id"].as_str().expect("its job");
    assert_eq!(admin.get(&format!("/api/v1/admin/jobs/{job}")).await.ok()["state"], "dead", "{mail}");
    let chef = operator(&app, "chef").await;
    let page = chef.get(&format!("/admin/emails/{id}")).await.status(200);
    assert!(
        page.text.contains("request_number") && page.text.contains("Mend the data"),
        "the page says what is missing"
    );

    let vars = format!("{MAILS}/{id}/vars");
    assert_eq!(admin.put(&vars, json!({ "vars": lacking })).await.wrong_fields(), ["vars"]);
    let token = form_token(&page);
    let form = [("token", &*token), ("vars", &whole.to_string())];
    post(&chef, &format!("/admin/emails/{id}/vars"), &form).await.status(303);
    app.drain().await;
    assert_eq!(to_camille(&app), 2, "the first and the mended one");
    assert_eq!(admin.put(&vars, json!({ "vars": whole })).await.status(409).code(), "sent");
    let log = app.sql("select details from audit_log where action = 'EMAIL_DATA_CHANGED'").await;
    assert_eq!(log, json!([{ "details": { "fields": [name] } }]), "the names, never the values");
}
