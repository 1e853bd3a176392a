//! What keeps work from running is said where one looks: on the overview, on the job's own page, at its worker; and what
//! was done in bulk stands beside what was done by hand.

use harness::TestApp;
use serde_json::json;

use super::{form_token, operator, post};

/// A waiting probe.
async fn probe(app: &TestApp, api: &harness::Client) -> String {
    let reply = api.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok" })).await.status(202);
    let id = reply.data()["jobs"][0].as_str().expect("an id").to_owned();
    app.execute(&format!("update jobs set key_argument = 'mine' where id = '{id}'")).await;
    id
}

#[tokio::test]
async fn a_waiting_job_says_what_it_waits_for_and_the_overview_too() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    let id = probe(&app, &api).await;
    let path = format!("/admin/jobs/{id}");
    assert!(chef.get(&path).await.status(200).text.contains("No worker alive serves its queue"));
    app.execute(
        "insert into workers (id, host, pid, version, lanes, slots, running, state, seen_at)
         values ('other', 'h', 1, '0.0.1', '{default}', 4, 1, 'running', now() + interval '1 hour')",
    )
    .await;
    let token = form_token(&chef.get("/admin/queues").await);
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let fields = [&[("token", &*token)], fields].concat();
        post(&chef, &format!("/admin/{path}"), &fields).await.status(303);
    };
    send("queues/default/resume", &[]).await; // what is known of the workers is read anew
    let page = chef.get(&path).await.status(200).text;
    assert!(page.contains("It starts as soon as a worker is free"), "{page}");
    let front = chef.get("/admin").await.status(200).text;
    assert!(front.contains("workers run 0.0.1: one of them was not deployed"), "{front}");
    let workers = chef.get("/admin/workers").await.status(200).text.replace("&#x3D;", "=");
    assert!(workers.contains("/admin/jobs?filter=worker%3Aother\">1 of 4</a>"), "{workers}");

    send("queues/default/pause", &[("reason", "the relay moves")]).await;
    let page = chef.get(&path).await.status(200).text;
    assert!(page.contains("Its queue is paused, “the relay moves”"), "{page}");
    let front = chef.get("/admin").await.status(200).text;
    assert!(front.contains("Queue default is paused, “the relay moves”; waiting in it: 1."), "{front}");
    send("queues/default/resume", &[]).await;
    send("kinds/debug.probe/fuse", &[("fuse", "hold"), ("reason", "wait")]).await;
    assert!(chef.get(&path).await.status(200).text.contains("Its kind is held"));
    assert!(chef.get("/admin").await.status(200).text.contains("Kind debug.probe is held: none of its jobs starts."));
    app.leave_jobs();
}

#[tokio::test]
async fn jobs_that_nobody_brings_into_their_queue_are_an_alarm() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    let id = probe(&app, &api).await;
    app.execute(&format!(
        "update jobs set state = 'retrying', run_at = now() - interval '3 minutes' where id = '{id}';
         insert into workers (id, host, pid, version, lanes, slots, state, seen_at)
         values ('alive', 'h', 1, '1', '{{default}}', 4, 'running', now() + interval '1 hour')"
    ))
    .await;
    let page = chef.get("/admin").await.status(200).text;
    assert!(page.contains("are not brought into their queues: the first has waited 3 min."), "{page}");
    app.leave_jobs();
}

#[tokio::test]
async fn what_was_done_in_bulk_stands_on_the_page_of_each_job() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    let id = probe(&app, &api).await;
    app.execute(&format!("update jobs set state = 'scheduled', run_at = now() + interval '2 days' where id = '{id}'"))
        .await;
    let path = format!("/admin/jobs/{id}");
    let page = chef.get(&path).await.status(200);
    assert!(!page.text.contains("in bulk</a>"), "{}", page.text);
    let token = form_token(&page);
    let fields = [("token", &*token), ("action", "priority"), ("priority", "-3"), ("id", &*id), ("scope", "selected")];
    let draft = post(&chef, "/admin/bulk/preview", &fields).await.status(303);
    let draft = draft.header("location").expect("a draft").to_owned();
    post(&chef, &format!("{draft}/start"), &[("token", &token), ("reason", "first things first")]).await.status(303);
    app.drain().await;
    let page = chef.get(&path).await.status(200).text;
    assert!(
        page.contains(&format!("<a href=\"{draft}\">in bulk</a>")) && page.contains("first things first"),
        "{page}"
    );
    app.leave_jobs();
}

#[tokio::test]
async fn a_job_leads_to_what_it_is_about_for_whoever_may_see_that() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    app.person("olga", "operator").await;
    let olga = operator(&app, "olga").await;
    let id = probe(&app, &api).await;
    let subject = "0190a000-0000-7000-8000-000000000009";
    for (kind, page) in [("email", Some("emails")), ("invoice", Some("invoices")), ("payment", None), ("thing", None)] {
        app.execute(&format!("update jobs set subject_type = '{kind}', subject_id = '{subject}' where id = '{id}'"))
            .await;
        let text = chef.get(&format!("/admin/jobs/{id}")).await.status(200).text.replace("&#x3D;", "=");
        assert!(text.contains(&format!("/admin/jobs?subject={subject}")), "{kind}: {text}");
        let link = page.map(|page| format!("href=\"/admin/{page}/{subject}\""));
        assert!(link.as_ref().is_none_or(|link| text.contains(link)), "{kind}: {text}");
        let hers = olga.get(&format!("/admin/jobs/{id}")).await.status(200).text;
        assert_eq!(link.is_some_and(|link| hers.contains(&link)), kind == "email", "{kind}: {hers}");
    }
    app.leave_jobs();
}

#[tokio::test]
async fn a_list_is_exported_as_it_is_narrowed() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let page = chef.get("/admin/users?role=admin&q=chef").await.status(200);
    let filters = "value=\"q=chef&amp;role=admin\"";
    assert!(page.text.replace("&#x3D;", "=").contains(filters), "{}", page.text);
    let fields =
        [("token", &*form_token(&page)), ("kind", "users"), ("format", "csv"), ("filters", "q=chef&role=admin")];
    post(&chef, "/admin/exports", &fields).await.status(303);
    let wish = app.sql("select kind, filters from exports").await;
    assert_eq!(wish[0], json!({ "kind": "users", "filters": { "q": "chef", "role": "admin" } }));
    app.person("vera", "viewer").await;
    let hers = operator(&app, "vera").await.get("/admin/audit").await.text;
    assert!(!hers.contains("name=\"filters\""), "who may not export is not offered it");
    app.leave_jobs();
}
