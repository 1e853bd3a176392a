//! The dashboard without a browser: who gets in, and that only its own forms change something.

use axum::http::Method;
use harness::people::PASSWORD;
use harness::{Client, Reply, TestApp};
use serde_json::json;

use crate::errors;

mod counters;
mod standing;
mod viewers;

/// The choice of whoever reads these tests.
pub const ENGLISH: &str = "__Host-facteur-language=en";

/// What a browser says of a form on our own page.
pub fn browser(app: &TestApp) -> Client {
    let client = app.anonymous().header("sec-fetch-site", "same-origin").header("origin", "http://api.test");
    client.header("accept-language", "en")
}

pub async fn post(client: &Client, path: &str, fields: &[(&str, &str)]) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let client = client.header("content-type", "application/x-www-form-urlencoded");
    client.raw(Method::POST, path, body.into_bytes()).await
}

/// `name=value` of every cookie that an answer sets.
pub fn cookies(reply: &Reply) -> Vec<String> {
    let lines = reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("text"));
    lines.map(|line| line.split(';').next().unwrap_or_default().to_owned()).collect()
}

pub fn form_token(page: &Reply) -> String {
    let rest = page.text.split("name=\"token\" value=\"").nth(1).expect("a form with a token");
    rest.split('"').next().expect("its end").to_owned()
}

/// The answer to the login form, filled by this person.
pub async fn login(app: &TestApp, name: &str, password: &str, next: &str) -> Reply {
    let page = browser(app).get("/admin/login").await.status(200);
    let client = browser(app).header("cookie", &cookies(&page)[0]);
    let token = form_token(&page);
    post(&client, "/admin/login", &[("login", name), ("password", password), ("next", next), ("token", &token)]).await
}

/// Somebody who has signed in by the form.
pub async fn operator(app: &TestApp, name: &str) -> Client {
    browser(app).header("cookie", &cookie(app, name).await)
}

/// The cookie of somebody who has signed in by the form.
pub async fn cookie(app: &TestApp, name: &str) -> String {
    let reply = login(app, &format!("{name}@example.org"), PASSWORD, "/admin").await.status(303);
    format!("{}; {ENGLISH}", cookies(&reply)[0])
}

async fn dead_job(app: &TestApp, admin: &Client) -> String {
    let order = json!({ "mode": "fail", "note": "<script>alert(1)</script>" });
    let reply = admin.post("/api/v1/admin/jobs/probe", order).await.status(202);
    app.execute("update jobs set max_attempts = 1").await;
    app.drain().await;
    reply.data()["jobs"][0].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_administrator_signs_in_by_a_form_and_sees_every_page() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let job = dead_job(&app, &api).await;
    let reply = login(&app, "chef@example.org", PASSWORD, "/admin/jobs").await.status(303);
    assert_eq!(reply.header("location"), Some("/admin/jobs"));
    let cookie = reply.header("set-cookie").expect("a cookie");
    for part in ["__Host-facteur=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part} is not in {cookie}");
    }
    let chef = browser(&app).header("cookie", &format!("{}; {ENGLISH}", cookies(&reply)[0]));
    let mail = app.sql("select id from emails limit 1").await[0]["id"].as_str().expect("a mail").to_owned();
    let one =
        [format!("/admin/jobs/{job}"), format!("/admin/emails/{mail}"), format!("/admin/emails/{mail}/preview.html")];
    let all = [
        "/admin",
        "/admin/jobs?state=dead",
        "/admin/errors",
        "/admin/queues",
        "/admin/batches",
        "/admin/workers",
        "/admin/emails",
        "/admin/audit",
    ];
    for path in one.iter().map(String::as_str).chain(all) {
        let page = chef.get(path).await.status(200);
        assert!(!page.text.contains("<script>alert"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
    }
    chef.get("/admin/nowhere").await.status(404);
}

#[tokio::test]
async fn whoever_has_no_business_here_does_not_get_in() {
    let app = TestApp::new().await;
    app.user("alice").await;
    let alice = login(&app, "alice@example.org", PASSWORD, "/admin").await.status(403);
    assert!(!alice.text.contains("__Host-facteur="));
    login(&app, "alice@example.org", "wrong", "/admin").await.status(401);
    login(&app, "nobody@example.org", "wrong", "/admin").await.status(401);
    let open = "select count(*) from sessions where kind = 'dashboard' and revoked_at is null";
    assert_eq!(app.sql(open).await[0]["count"], 0);
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let app = TestApp::new().await;
    app.admin().await;
    for next in ["//evil.test", "https://evil.test/admin", "/admin\\evil", "/elsewhere"] {
        let reply = login(&app, "chef@example.org", PASSWORD, next).await.status(303);
        assert_eq!(reply.header("location"), Some("/admin"), "{next}");
    }
}

#[tokio::test]
async fn only_our_own_forms_change_something() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let path = format!("/admin/jobs/{}", dead_job(&app, &api).await);
    let retry = format!("{path}/retry");
    let chef = operator(&app, "chef").await;
    let token = form_token(&chef.get(&path).await.status(200));
    let state = || async { app.sql("select state from jobs where kind = 'debug.probe'").await[0]["state"].clone() };

    post(&chef, &retry, &[]).await.status(403);
    post(&chef, &retry, &[("token", "guessed")]).await.status(403);
    let another = operator(&app, "chef").await;
    let others = form_token(&another.get(&path).await.status(200));
    assert_ne!(others, token);
    post(&chef, &retry, &[("token", &others)]).await.status(403);
    assert_eq!(state().await, "dead");

    post(&chef, &retry, &[("token", &token)]).await.status(303);
    assert_eq!(state().await, "queued");
    let audit = app.sql("select actor_id is not null as known from audit_log where action = 'JOB_RETRIED'").await;
    assert_eq!(audit, json!([{ "known": true }]));
    app.drain().await;
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let path = format!("/admin/jobs/{}", dead_job(&app, &api).await);
    let reply = login(&app, "chef@example.org", PASSWORD, "/admin").await.status(303);
    let cookie = cookies(&reply)[0].clone();
    let chef = browser(&app).header("cookie", &cookie);
    let token = form_token(&chef.get(&path).await.status(200));
    let with = |site: &str, origin: &str| {
        app.anonymous().header("cookie", &cookie).header("sec-fetch-site", site).header("origin", origin)
    };
    let silent = app.anonymous().header("cookie", &cookie);
    let foreign =
        [("cross-site", "http://evil.test"), ("same-origin", "http://evil.test"), ("same-site", "http://api.test")];
    for client in foreign.into_iter().map(|(site, origin)| with(site, origin)).chain([silent]) {
        post(&client, &format!("{path}/retry"), &[("token", &token)]).await.status(403);
    }
    assert_eq!(app.sql("select state from jobs where kind = 'debug.probe'").await[0]["state"], "dead");
}

#[tokio::test]
async fn whoever_may_only_read_changes_nothing() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let path = format!("/admin/jobs/{}", dead_job(&app, &api).await);
    app.execute("insert into roles (code, label, permissions) values ('reader', 'Reader', '{jobs.read}')").await;
    app.person("rita", "reader").await;
    let rita = operator(&app, "rita").await;
    let page = rita.get(&path).await.status(200);
    assert!(!page.text.contains("/retry\""), "a reader sees no button");
    // Even with the token of another form of hers.
    let token = if page.text.contains("name=\"token\"") { form_token(&page) } else { String::new() };
    post(&rita, &format!("{path}/retry"), &[("token", &token)]).await.status(403);
    app.execute(&errors::group("f", "new", 0)).await;
    for path in ["/admin/queues", "/admin/errors", "/admin/errors/f"] {
        let page = rita.get(path).await.status(200);
        let forms = page.text.matches("method=\"post\"").count();
        assert_eq!(forms, 2, "{path}: a reader sees no form but those of the frame: how it looks, and signing out");
    }
    for path in [
        "queues/default/pause",
        "queues/default/limits",
        "kinds/debug.probe/fuse",
        "kinds/debug.probe/clear",
        "errors/f/resolve",
        "errors/f/mute",
        "errors/f/unmute",
        "errors/f/note",
    ] {
        post(&rita, &format!("/admin/{path}"), &[("token", &token)]).await.status(403);
    }
    assert_eq!(app.sql("select count(*) from lanes").await[0]["count"], 0);
    assert_eq!(app.sql("select count(*) from job_kinds").await[0]["count"], 0);
    assert_eq!(app.sql("select state from error_groups").await[0]["state"], "new");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let token = form_token(&chef.get("/admin").await.status(200));
    post(&chef, "/admin/logout", &[("token", &token)]).await.status(303);
    chef.get("/admin").await.status(303);
}

#[tokio::test]
async fn a_dashboard_session_lasts_half_a_day() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.advance(std::time::Duration::from_secs(11 * 3600)).await;
    chef.get("/admin").await.status(200);
    app.advance(std::time::Duration::from_secs(2 * 3600)).await;
    chef.get("/admin").await.status(303);
}

#[tokio::test]
async fn the_queues_page_limits_pauses_and_holds() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let token = form_token(&chef.get("/admin/queues").await.status(200));
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let fields = [&[("token", &*token)], fields].concat();
        post(&chef, &format!("/admin/{path}"), &fields).await
    };
    send("queues/email/limits", &[("concurrency", "4"), ("count", "10"), ("seconds", "60")]).await.status(303);
    send("queues/media/limits", &[("concurrency", ""), ("count", "7"), ("seconds", "1")]).await.status(303);
    send("queues/exports/pause", &[("reason", "disk is full"), ("minutes", "30")]).await.status(303);
    send("kinds/debug.probe/fuse", &[("fuse", "dead"), ("reason", "by mistake")]).await.status(303);
    let page = chef.get("/admin/queues").await.status(200).text;
    for said in [
        "at most 4 at once, 10 starts per 60 s",
        "7 starts per second",
        "“disk is full”",
        "“by mistake”",
        "To dead letters",
    ] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    send("queues/email/limits", &[("concurrency", ""), ("count", ""), ("seconds", "1")]).await.status(303);
    send("kinds/debug.probe/clear", &[]).await.status(303);
    let page = chef.get("/admin/queues").await.status(200).text;
    assert!(!page.contains("at most 4") && !page.contains("by mistake"));
    for (path, fields) in [
        ("queues/email/limits", vec![("concurrency", "0")]),
        ("queues/email/pause", vec![("minutes", "0")]),
        ("kinds/debug.probe/fuse", vec![("fuse", "hold")]),
        ("kinds/debug.probe/fuse", vec![("fuse", "open"), ("reason", "x")]),
    ] {
        send(path, &fields).await.status(422);
    }
    let actions = app.sql("select action from audit_log where target_type in ('lane', 'kind') order by id").await;
    let actions: Vec<_> = actions.as_array().expect("rows").iter().filter_map(|row| row["action"].as_str()).collect();
    let limited = "QUEUE_LIMITED";
    assert_eq!(actions, [limited, limited, "QUEUE_PAUSED", "FUSE_SET", limited, "FUSE_CLEARED"]);
}

#[tokio::test]
async fn the_errors_page_resolves_mutes_notes_and_leads_to_a_retry_of_all() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    let jobs: String = ["dead", "dead", "retrying"].map(|state| errors::job("f", state)).concat();
    app.execute(&[errors::group("f", "regressed", 3), jobs].concat()).await;
    let list = chef.get("/admin/errors").await.status(200);
    assert!(list.text.contains("relay said # no") && list.text.contains("Regressed"), "{}", list.text);
    assert!(
        list.text.contains("/admin/jobs?error=f\">3</a>") || list.text.contains("/admin/jobs?error&#x3D;f\">3</a>")
    );
    let token = form_token(&list);
    let send = async |verb: &str, fields: &[(&str, &str)]| {
        let fields = [&[("token", &*token)], fields].concat();
        let reply = post(&chef, &format!("/admin/errors/f/{verb}"), &fields).await.status(303);
        assert_eq!(reply.header("location"), Some("/admin/errors/f"));
        chef.get("/admin/errors/f").await.status(200).text
    };
    assert!(send("mute", &[("hours", "2")]).await.contains("Muted until"));
    assert!(send("unmute", &[]).await.contains("Known"));
    assert!(send("note", &[("note", "ask <the> relay")]).await.contains("ask &lt;the&gt; relay"));
    assert!(send("resolve", &[("reason", "mended in 1.2")]).await.contains("“mended in 1.2”"));
    chef.get("/admin/errors/nothing").await.status(404);

    let fields = [("token", &*token), ("action", "retry"), ("error", "f"), ("scope", "all")];
    let to =
        post(&chef, "/admin/bulk/preview", &fields).await.status(303).header("location").expect("a draft").to_owned();
    assert!(chef.get(&to).await.status(200).text.contains("Retry 3 jobs?"));
    post(&chef, &format!("{to}/start"), &[("token", &token)]).await.status(303);
    assert_eq!(app.drain().await, 4);
}

#[tokio::test]
async fn the_job_page_tells_what_holds_it_what_it_did_and_says() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    let reply = api.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok" })).await.status(202);
    let id = reply.data()["jobs"][0].as_str().expect("an id").to_owned();
    app.execute(&format!(
        "insert into batches (id, name) values ('0190a000-0000-7000-8000-000000000001', 'letters');
         update jobs set state = 'blocked', tenant = 'a&b', concurrency_key = 'example.org', concurrency_limit = 3,
                batch_id = '0190a000-0000-7000-8000-000000000001', deadline_at = now() + interval '1 h'
         where id = '{id}'"
    ))
    .await;
    let path = format!("/admin/jobs/{id}");
    let page = chef.get(&path).await.status(200).text.replace("&#x3D;", "=");
    for said in [
        "Blocked",
        "Waiting for room under example.org",
        "example.org, at most 3 at once",
        "/admin/jobs?tenant=a%26b",
        "/admin/batches/0190a000-0000-7000-8000-000000000001",
        "Must begin by",
    ] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let batch = chef.get("/admin/batches/0190a000-0000-7000-8000-000000000001").await.status(200).text;
    assert!(batch.contains("letters") && batch.contains("Blocked <b class=\"num\">1</b>"), "{batch}");
    app.execute(&format!(
        "update jobs set state = 'running', fence = 1, worker_id = 'w', started_at = now(), lease_until = now() + interval '1 h',
                log = 'page 3 <of> 4', progress = '{{\"done\": 3, \"total\": 4}}';
         insert into job_effects (job_id, name, fence, worker_id, done_at, reply) values
            ('{id}', 'smtp', 1, 'w', now(), '250 accepted'), ('{id}', 'stripe.refund', 1, 'w', null, null)"
    ))
    .await;
    let page = chef.get(&path).await.status(200).text;
    for said in ["page 3 &lt;of&gt; 4", "3 of 4, 75 %", "250 accepted", "stripe.refund", "Nobody knows"] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    app.leave_jobs();
}

#[tokio::test]
async fn a_job_that_is_gone_says_where_it_went() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let chef = operator(&app, "chef").await;
    let discarded = dead_job(&app, &api).await;
    api.post(&format!("/api/v1/admin/jobs/{discarded}/discard"), json!({})).await.status(204);
    let many = dead_job(&app, &api).await;
    let draft = api.post("/api/v1/admin/bulk", json!({ "action": "discard", "ids": [many] })).await.created();
    let start = format!("/api/v1/admin/bulk/{}/start", draft["id"].as_str().expect("an id"));
    api.post(&start, json!({ "word": "discard" })).await.status(202);
    app.drain().await;
    // 2026-01-01 by its first 48 bits; the test's clock is later than any retention.
    let old = "019b76da-a800-7000-8000-000000000001";
    for (id, code, said) in [
        (&*discarded, "job_discarded", "was discarded on"),
        (&*many, "job_discarded", "was discarded on"),
        (old, "job_pruned", "was enqueued on 1 January 2026. Jobs are deleted 14 days after they succeeded"),
        ("01ffffff-ffff-7fff-8000-000000000001", "job_unknown", "No job ever had this id."),
        ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "job_unknown", "No job ever had this id."),
    ] {
        let problem = api.get(&format!("/api/v1/admin/jobs/{id}")).await.status(404);
        assert_eq!(problem.clone().code(), code);
        let detail = problem.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(said), "{detail}");
        assert!(chef.get(&format!("/admin/jobs/{id}")).await.status(404).text.contains(said), "{id}");
    }
    app.drain().await;
}
