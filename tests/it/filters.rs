//! The filter grammar: what it finds, by REST and on the page; that what is wrong is told with its place; saved views.

use std::time::Duration;

use harness::{TestApp, process};
use serde_json::json;

use crate::dashboard::{form_token, operator, post};

/// `%` and `"` as a URL has them.
fn encoded(filter: &str) -> String {
    filter
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Twelve jobs in which every field differs somewhere.
const JOBS: &str = r#"
    insert into jobs (id, kind, lane, state, priority, rank, attempt, max_attempts, timeout_ms, payload, key_argument, tenant,
                      last_error, error_code, fingerprint, ran_version, run_at, created_at, started_at, finished_at)
    select (lpad(to_hex((extract(epoch from now() - (11 - n) * interval '1 hour') * 1000)::bigint), 12, '0')
            || '7000800000000000' || lpad(to_hex(n), 4, '0'))::uuid,
           (array['email.send', 'invoice.render', 'debug.probe'])[n % 3 + 1], (array['email', 'documents'])[n % 2 + 1],
           (array['dead', 'retrying', 'succeeded', 'queued'])[n % 4 + 1], n % 2, 0, n, 20, 1000,
           jsonb_build_object('order', jsonb_build_object('id', n), 'name', 'n' || n, 'big', 9007199254740993, 'ok', n = 3),
           'person' || n || '@example.org', case when n = 5 then 'acme' end,
           case when n % 4 < 2 then 'SMTP 550 no such "user" ' || n end, case when n % 4 < 2 then 'smtp_550' end,
           case when n % 4 < 2 then 'f' end, '1.4.' || n % 2, now(), now() - (11 - n) * interval '1 hour',
           now() - interval '1 minute', now() - interval '1 minute' + n * interval '1 second'
    from generate_series(0, 11) n"#;

#[tokio::test]
async fn the_grammar_finds_what_it_says() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    app.execute("delete from jobs").await;
    app.execute(JOBS).await;
    let two = app.sql("select string_agg(id::text, ',') as ids from jobs where payload->>'name' in ('n3', 'n4')").await;
    let two = two[0]["ids"].as_str().expect("two ids");
    for (filter, wanted) in [
        ("", 12),
        ("state:failed", 6),
        ("state:dead,queued", 6),
        ("-state:ended", 6),
        ("kind:email.*", 4),
        ("kind:email.send,debug.probe queue:email", 4),
        ("args.order.id:7", 1),
        ("args.order.id:\"7\"", 0),
        ("args.name:n1*", 3),
        ("args.big:9007199254740993", 12),
        ("args.big:9007199254740992", 0),
        ("args.ok:true", 1),
        ("error:SMTP*", 6),
        ("error:550*", 0),
        ("error:550", 6),
        ("error:smtp_550", 6),
        ("\"such \\\"user\\\" 4\"", 1),
        ("about:person1*", 3),
        ("person3", 1),
        ("tenant:acme", 1),
        ("-tenant:acme", 11),
        ("attempt>8 attempt<=10", 2),
        ("age<150m", 3),
        ("age>=10h", 2),
        ("version:1.4.1", 6),
        ("took>9s", 2),
        ("priority:1", 6),
        ("group:f", 6),
        (&*format!("id:{two}"), 2),
        ("100%", 0),
    ] {
        let found = admin.get(&format!("/api/v1/admin/jobs?filter={}", encoded(filter))).await.ok();
        assert_eq!(found.as_array().expect("rows").len(), wanted, "{filter}");
    }
    let both = admin.get("/api/v1/admin/jobs?filter=state%3Aqueued+kind%3Aemail.*&state=dead").await.ok();
    assert!(both.as_array().is_some_and(|rows| rows.iter().all(|row| row["state"] == "dead") && rows.len() == 1));
    let wrong = admin.get("/api/v1/admin/jobs?filter=state%3Adead+kid%3Ax").await;
    assert_eq!(wrong.wrong_fields(), ["filter[11]"]);
    let terms = admin.get("/api/v1/admin/jobs/suggestions").await.ok().to_string();
    for term in ["state:failed", "kind:email.send", "queue:email", "tenant:acme", "error:smtp_550", "args.order:"] {
        assert!(terms.contains(&format!("\"{term}\"")), "{term} is not in {terms}");
    }
    app.leave_jobs();
}

#[tokio::test]
async fn the_page_keeps_everything_in_its_address() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute("delete from jobs").await;
    app.execute(JOBS).await;
    let page = chef.get("/admin/jobs?filter=state%3Afailed+kind%3Aemail.*&columns=age&columns=code").await.status(200);
    let text = page.text.replace("&#x3D;", "=");
    assert!(
        text.contains("value=\"state:failed kind:email.*\"")
            && text.contains("Error code")
            && !text.contains("Attempts</th>")
    );
    assert!(text.contains("/admin/jobs?filter=state%3Afailed\""), "a chip lets go of the kind");
    assert!(
        text.contains("<option value=\"state:failed kind:email.* tenant:acme\">"),
        "terms may be added without a script"
    );
    let wrong = chef.get("/admin/jobs?filter=kind%3Aa+ag%3C2h").await.status(200).text;
    assert!(wrong.contains("At character 8") && wrong.contains("value=\"kind:a ag&lt;2h\""), "{wrong}");

    // A view of one's own is seen by nobody else; a shared one by everybody.
    let token = form_token(&page);
    let query = "filter=state%3Afailed&columns=age%2Ccode";
    for (name, shared) in [("mine", ""), ("ours", "1")] {
        let fields = [("token", &*token), ("name", name), ("query", query), ("shared", shared)];
        post(&chef, "/admin/views", &fields).await.status(303);
    }
    app.person("olga", "operator").await;
    app.person("vera", "viewer").await;
    let vera = operator(&app, "vera").await;
    let seen = vera.get("/admin/jobs").await.status(200).text.replace("&#x3D;", "=");
    assert!(
        seen.contains("href=\"/admin/jobs?filter=state%3Afailed&amp;columns=age%2Ccode\">ours")
            && !seen.contains(">mine")
    );
    let hers = form_token(&vera.get("/admin/jobs").await);
    let fields = [("token", &*hers), ("name", "all"), ("query", "state=dead"), ("shared", "1")];
    post(&vera, "/admin/views", &fields).await.status(403);
    let ours =
        app.sql("select id from saved_views where owner_id is null").await[0]["id"].as_str().expect("an id").to_owned();
    post(&vera, &format!("/admin/views/{ours}/forget"), &[("token", &hers)]).await.status(404);
    post(&chef, &format!("/admin/views/{ours}/forget"), &[("token", &token)]).await.status(303);
    assert_eq!(app.sql("select count(*) from saved_views").await[0]["count"], json!(1));
    app.leave_jobs();
}

/// The ids of every page of a list, one after the other.
async fn all(admin: &harness::Client, query: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/v1/admin/jobs?{query}&limit=5{after}")).await.status(200).json();
        ids.extend(
            page["data"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str()).map(str::to_owned),
        );
        let Some(next) = page["page"]["next"].as_str() else { return ids };
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn a_list_has_an_order_and_its_pages_fit_together() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute("delete from jobs").await;
    app.execute(JOBS).await;
    app.execute(
        "update jobs set finished_at = null where attempt = 4; update jobs set attempt = 3 where attempt in (5, 6)",
    )
    .await;
    let numbers = async |sort: &str, filter: &str| -> Vec<i64> {
        let ids = all(&admin, &format!("sort={sort}&filter={filter}")).await;
        ids.iter().map(|id| i64::from_str_radix(&id[24..], 16).expect("a number")).collect()
    };
    let newest: Vec<i64> = (0..12).rev().collect();
    assert_eq!(numbers("age", "").await, newest);
    assert_eq!(numbers("-age", "").await, (0..12).collect::<Vec<_>>());
    assert_eq!(numbers("-age", "state%3Afailed").await, [0, 1, 4, 5, 8, 9]);
    // The last run of each takes as many seconds as its number says; number 4 has not ended.
    assert_eq!(numbers("-duration", "").await, [11, 10, 9, 8, 7, 6, 5, 3, 2, 1, 0, 4]);
    assert_eq!(numbers("duration", "").await, [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 4]);
    assert_eq!(numbers("-attempts", "").await, [11, 10, 9, 8, 7, 4, 6, 5, 3, 2, 1, 0]);
    assert_eq!(numbers("attempts", "state%3Afailed").await, [0, 1, 5, 4, 8, 9]);
    assert_eq!(admin.get("/api/v1/admin/jobs?sort=colour").await.wrong_fields(), ["sort"]);
    // A cursor is of one order.
    let sorts = ["age", "-age", "duration", "-duration", "attempts", "-attempts"];
    for made in sorts {
        let list = format!("/api/v1/admin/jobs?limit=1&sort={made}");
        let cursor = admin.get(&list).await.status(200).json()["page"]["next"].clone();
        for sort in sorts {
            let other = format!("/api/v1/admin/jobs?sort={sort}&after={}", cursor.as_str().expect("a cursor"));
            admin.get(&other).await.status(if sort == made { 200 } else { 422 });
        }
        let other = if made == "age" { "-age" } else { "age" };
        let other = format!("/api/v1/admin/jobs?sort={other}&after={}", cursor.as_str().expect("a cursor"));
        assert_eq!(admin.get(&other).await.wrong_fields(), ["after"]);
    }

    let page = chef.get("/admin/jobs?sort=-attempts&limit=5").await.status(200).text.replace("&#x3D;", "=");
    assert!(page.contains("aria-sort=\"descending\"") && page.contains("most attempts first"), "{page}");
    assert!(page.contains("/admin/jobs?sort=attempts\""), "a second click turns it round");
    assert!(page.contains("/admin/jobs?filter=state%3Adead&amp;sort=-attempts"), "tabs keep the order");
    let next = page.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("more");
    let next = chef.get(&next.replace("&amp;", "&")).await.status(200).text;
    assert!(next.contains("person6@example.org") && !next.contains("person11@example.org"));
    app.leave_jobs();
}

#[tokio::test]
async fn an_empty_list_tells_what_hides_the_rest() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute("delete from jobs").await;
    app.execute(JOBS).await;
    let path = format!("/admin/jobs?filter={}", encoded("state:queued queue:documents tenant:acme"));
    let page = chef.get(&path).await.status(200).text.replace("&#x3D;", "=");
    assert!(!page.contains("hidden by <code>queue:documents"), "without it there is still none: {page}");
    assert!(
        page.contains("3 hidden by <code>tenant:acme") && page.contains("1 hidden by <code>state:queued"),
        "{page}"
    );
    let path = format!("/admin/jobs?filter={}", encoded("kind:email.send tenant:acme"));
    let page = chef.get(&path).await.status(200).text.replace("&#x3D;", "=");
    assert!(page.contains("4 hidden by <code>tenant:acme</code>"), "{page}");
    assert!(page.contains("1 hidden by <code>kind:email.send</code>"), "{page}");
    assert!(page.contains("/admin/jobs?filter=kind%3Aemail.send\">clear it"), "{page}");
    app.leave_jobs();
}

#[tokio::test]
async fn a_page_says_when_it_did_not_look_through_everything() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    app.execute("delete from jobs").await;
    // The first one of 5,001 is of another kind.
    app.execute(
        "insert into jobs (id, kind, lane, state, priority, rank, attempt, max_attempts, timeout_ms, payload)
         select ('0190000000007000800000000000' || lpad(to_hex(n), 4, '0'))::uuid,
                case n when 0 then 'export.build' else 'debug.probe' end, 'default', 'queued', 0, 0, 0, 3, 1000, '{}'
         from generate_series(0, 5000) n",
    )
    .await;
    let list = "/admin/jobs?filter=kind%3Aexport.*";
    // While the ledger is held the list cannot look through it within its moment: what it gets then is the first jobs.
    let mut holder = app.platform.db.begin().await.expect("a transaction");
    sqlx::raw_sql("lock table jobs").execute(&mut *holder).await.expect("the table");
    let release = async {
        let waits =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
                     and clock_timestamp() - query_start > interval '1 s' and query like '%from jobs limit%'";
        process::eventually(Duration::from_secs(20), "the list has given up", async || {
            app.sql(waits).await[0]["count"] == json!(1)
        })
        .await;
        holder.rollback().await.expect("the table is free");
    };
    let (page, ()) = tokio::join!(chef.get(list), release);
    let text = page.status(200).text.replace("&#x3D;", "=");
    assert!(text.contains("Only the first 5,000 jobs") && text.contains("None of these matches."), "{text}");
    let all = format!("{list}&amp;whole=1");
    assert!(text.contains(&all) && !text.contains("<tr data-href"), "{text}");
    let text = chef.get(&all.replace("&amp;", "&")).await.status(200).text;
    assert!(text.contains("<tr data-href") && !text.contains("Only the first"), "{text}");
    app.leave_jobs();
}
