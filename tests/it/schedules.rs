//! Schedules: when they tick, what becomes of missed and overlapping ticks, and what operators do with them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use harness::people::PASSWORD;
use harness::{Stage, TestApp};
use serde_json::{Value, json};
use shared::platform::jobs::schedule::{self, Plan};
use shared::platform::tx::Tx;

use crate::commands::{run, said};
use crate::dashboard::{form_token, operator, post};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A schedule of probes, due at `next`.
async fn add(app: &TestApp, name: &str, cron: &str, next: &str, rest: &str) {
    let rest = if rest.is_empty() { "missed = 'once'" } else { rest };
    app.execute(&format!(
        "insert into schedules (name, cron, kind, payload, next_run_at)
         values ('{name}', '{cron}', 'debug.probe', '{{\"mode\": \"ok\"}}', '{next}');
         update schedules set {rest} where name = '{name}'"
    ))
    .await;
}

async fn tick_at(app: &TestApp, now: &str) -> usize {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let made = schedule::tick_at(&mut tx, utc(now)).await.expect("a tick");
    tx.commit().await.expect("a commit");
    made
}

/// The ticks that made a job, as times of UTC, in order.
async fn ticks(app: &TestApp) -> Vec<String> {
    let rows = app.sql("select unique_key from jobs where unique_key like 'schedule:%'").await;
    let keys = rows.as_array().expect("rows").iter().map(|row| row["unique_key"].as_str().expect("a key").to_owned());
    let second = |key: String| key.rsplit(':').next().expect("a time").parse().expect("seconds");
    let mut times: Vec<i64> = keys.map(second).collect();
    times.sort_unstable();
    times.iter().map(|t| DateTime::from_timestamp(*t, 0).expect("a time").format("%dT%H:%M").to_string()).collect()
}

async fn row(app: &TestApp) -> Value {
    app.sql("select next_run_at, last_run_at, skipped_at, last_job_id from schedules").await[0].clone()
}

#[tokio::test]
async fn missed_ticks_become_one_late_run() {
    let mut app = TestApp::new().await;
    add(&app, "s", "0 * * * *", "2026-03-02T10:00:00Z", "").await;
    assert_eq!(tick_at(&app, "2026-03-02T13:30:00Z").await, 1);
    assert_eq!(ticks(&app).await, ["02T13:00"]);
    assert_eq!(row(&app).await["next_run_at"], "2026-03-02T14:00:00+00:00");
    assert_eq!(tick_at(&app, "2026-03-02T13:59:59Z").await, 0);
    app.leave_jobs();
}

#[tokio::test]
async fn a_late_tick_can_be_dropped() {
    let mut app = TestApp::new().await;
    add(&app, "s", "0 * * * *", "2026-03-02T10:00:00Z", "missed = 'skip'").await;
    assert_eq!(tick_at(&app, "2026-03-02T10:01:01Z").await, 0);
    assert_eq!(row(&app).await["next_run_at"], "2026-03-02T11:00:00+00:00");
    assert_eq!(tick_at(&app, "2026-03-02T11:00:59Z").await, 1, "less than a minute is not late");
    assert_eq!(ticks(&app).await, ["02T11:00"]);
    app.leave_jobs();
}

#[tokio::test]
async fn every_missed_tick_can_be_made_up_for_to_a_bound() {
    let mut app = TestApp::new().await;
    add(&app, "s", "*/10 * * * *", "2026-03-02T10:00:00Z", "missed = 'all'").await;
    assert_eq!(tick_at(&app, "2026-03-02T10:30:30Z").await, 4);
    assert_eq!(ticks(&app).await, ["02T10:00", "02T10:10", "02T10:20", "02T10:30"]);
    app.execute("update schedules set overlap = 'allow'").await;
    assert_eq!(tick_at(&app, "2026-03-05T10:00:00Z").await, 100, "of 429");
    assert_eq!(ticks(&app).await.last().map(String::as_str), Some("05T10:00"), "the newest ones");
    app.leave_jobs();
}

#[tokio::test]
async fn a_tick_waits_for_nobody_it_is_skipped_or_overlaps() {
    let app = TestApp::new().await;
    add(&app, "s", "0 * * * *", "2026-03-02T10:00:00Z", "").await;
    assert_eq!(tick_at(&app, "2026-03-02T10:00:01Z").await, 1);
    assert_eq!(tick_at(&app, "2026-03-02T11:00:01Z").await, 0, "the first job has not even begun");
    let skipped = row(&app).await;
    assert_eq!(skipped["skipped_at"], "2026-03-02T11:00:00+00:00");
    assert_eq!(skipped["last_run_at"], "2026-03-02T10:00:00+00:00");
    app.drain().await;
    assert_eq!(tick_at(&app, "2026-03-02T12:00:01Z").await, 1, "the job is final");
    app.execute("update schedules set overlap = 'allow'").await;
    assert_eq!(tick_at(&app, "2026-03-02T13:00:01Z").await, 1);
    assert_eq!(ticks(&app).await, ["02T10:00", "02T12:00", "02T13:00"]);
    app.drain().await;
}

#[tokio::test]
async fn a_tick_is_one_job_however_many_sweepers_try() {
    let mut app = TestApp::new().await;
    add(&app, "s", "0 * * * *", "2026-03-02T10:00:00Z", "overlap = 'allow'").await;
    let sweep = || tick_at(&app, "2026-03-02T10:00:05Z");
    let (a, b, c, d, e) = tokio::join!(sweep(), sweep(), sweep(), sweep(), sweep());
    assert_eq!(a + b + c + d + e, 1);
    // A restored backup, say: the row does not know that it ticked.
    app.execute("update schedules set next_run_at = '2026-03-02T10:00:00Z'").await;
    tick_at(&app, "2026-03-02T10:00:06Z").await;
    assert_eq!(ticks(&app).await, ["02T10:00"]);
    app.leave_jobs();
}

/// Sweeps every five minutes from 22:00 UTC the day before to 06:00 UTC. Returns the ticks.
async fn night(day: &str) -> Vec<String> {
    let mut app = TestApp::new().await;
    let evening = utc(&format!("{day}T00:00:00Z")) - chrono::Duration::hours(2);
    let next = Plan::read("30 2 * * *", "Europe/Paris").expect("a plan").next(evening).expect("a tick");
    add(&app, "s", "30 2 * * *", &next.to_rfc3339(), "overlap = 'allow'").await;
    for sweep in 0..96 {
        tick_at(&app, &(evening + chrono::Duration::minutes(5 * sweep)).to_rfc3339()).await;
    }
    app.leave_jobs();
    ticks(&app).await
}

#[tokio::test]
async fn a_tick_comes_once_in_the_nights_when_clocks_change() {
    assert_eq!(night("2026-03-29").await, ["29T01:00"], "02:30 does not exist: at the end of the lost hour, 03:00");
    assert_eq!(night("2026-10-25").await, ["25T00:30"], "02:30 comes twice: the first time");
    assert_eq!(night("2026-06-10").await, ["10T00:30"], "any other night");
}

#[tokio::test]
async fn ticks_missed_over_such_a_night_are_each_made_up_for_once() {
    for (first, now, expected) in [
        ("2026-03-28T01:30:00Z", "2026-03-31T12:00:00Z", ["28T01:30", "29T01:00", "30T00:30", "31T00:30"]),
        ("2026-10-24T00:30:00Z", "2026-10-27T12:00:00Z", ["24T00:30", "25T00:30", "26T01:30", "27T01:30"]),
    ] {
        let mut app = TestApp::new().await;
        add(&app, "s", "30 2 * * *", first, "missed = 'all'").await;
        assert_eq!(tick_at(&app, now).await, 4);
        assert_eq!(ticks(&app).await, expected);
        app.leave_jobs();
    }
}

#[tokio::test]
async fn a_broken_row_is_shown_and_stops_nobody_else() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let breaks = [
        ("a", "cron = '61 * * * *'", "cron"),
        ("b", "zone = 'Europe/Atlantis'", "zone"),
        ("c", "kind = 'of.tomorrow'", "kind"),
        ("d", "payload = '{\"mode\": \"sing\"}'", "payload"),
    ];
    for (name, rest, _) in breaks {
        add(&app, name, "0 * * * *", "2026-03-02T10:00:00Z", rest).await;
    }
    add(&app, "z", "0 * * * *", "2026-03-02T10:00:00Z", "").await;
    for _ in 0..2 {
        tick_at(&app, "2026-03-02T10:00:05Z").await;
    }
    assert_eq!(ticks(&app).await, ["02T10:00"]);
    let list = admin.get("/api/v1/admin/schedules").await.ok();
    for (at, (name, _, field)) in breaks.into_iter().enumerate() {
        assert_eq!(list[at]["name"], name);
        assert!(list[at]["problem"].as_str().is_some_and(|text| text.starts_with(field)), "{}", list[at]);
        assert_eq!(list[at]["next"], json!([]));
    }
    assert_eq!((&list[4]["name"], &list[4]["problem"]), (&json!("z"), &Value::Null));
    let refused = admin.post("/api/v1/admin/schedules/d/run", json!({})).await.status(409);
    assert_eq!(refused.code(), "schedule_invalid");
    let page = operator(&app, "chef").await.get("/admin/schedules").await.status(200);
    assert!(page.text.contains("4 schedules cannot tick") && page.text.contains("Europe/Atlantis"));
    // What is broken can still be switched off, and mended.
    admin.patch("/api/v1/admin/schedules/a", json!({ "enabled": false })).await.ok();
    assert_eq!(admin.patch("/api/v1/admin/schedules/a", json!({ "enabled": true })).await.wrong_fields(), ["cron"]);
    let mended = admin.patch("/api/v1/admin/schedules/b", json!({ "zone": "Europe/Paris" })).await.ok();
    assert_eq!((&mended["problem"], mended["next"].as_array().map(Vec::len)), (&Value::Null, Some(5)));
    app.drain().await;
}

#[tokio::test]
async fn an_administrator_reads_when_it_runs_and_what_became_of_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    add(&app, "s", "30 3 * * 1-5", "2026-03-02T02:30:00Z", "").await;
    tick_at(&app, "2026-03-02T02:30:01Z").await;
    app.drain().await;
    let schedule = admin.get("/api/v1/admin/schedules").await.ok()[0].clone();
    assert_eq!(schedule["words"]["en"], "At 03:30, on Monday, Tuesday, Wednesday, Thursday, and Friday.");
    assert_eq!(schedule["words"]["fr"], "À 03:30, les lundi, mardi, mercredi, jeudi et vendredi.");
    assert_eq!(schedule["last_job"]["state"], "succeeded");
    assert_eq!(schedule["last_run_at"], "2026-03-02T02:30:00Z");
    let next: Vec<DateTime<Utc>> = serde_json::from_value(schedule["next"].clone()).expect("times");
    assert_eq!(next.len(), 5);
    assert!(next.is_sorted() && next[0] > app.platform.clock.now());
    assert!(next.iter().all(|tick| {
        tick.with_timezone(&chrono::FixedOffset::east_opt(0).expect("UTC")).format("%M").to_string() == "30"
    }));
}

#[tokio::test]
async fn past_ticks_show_what_became_of_each() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    let chef = operator(&app, "chef").await;
    app.drain().await;
    let ticks = "select to_char(date_trunc('hour', now()) - n * interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as at from generate_series(0, 3) n";
    let ticks = app.sql(ticks).await;
    let at = |n: usize| ticks[n]["at"].as_str().expect("a time").to_owned();
    add(&app, "s", "0 * * * *", &at(3), "zone = 'UTC', missed = 'all'").await;
    tick_at(&app, &at(0)).await;
    app.drain().await;
    // The one before the last has no job any more; nor has any before the first.
    app.execute("delete from jobs where unique_key = (select unique_key from jobs where unique_key like 'schedule:s:%' order by unique_key desc offset 1 limit 1)").await;
    app.execute("update jobs set state = 'dead', finished_at = now() where id = (select id from jobs where unique_key like 'schedule:s:%' order by unique_key limit 1)").await;
    let past = admin.get("/api/v1/admin/schedules").await.ok()[0]["past"].clone();
    let told: Vec<_> =
        past.as_array().expect("ticks").iter().map(|tick| (tick["at"].clone(), tick["state"].clone())).collect();
    let wanted =
        [(at(3), json!("dead")), (at(2), json!("succeeded")), (at(1), json!(null)), (at(0), json!("succeeded"))];
    assert_eq!(told, wanted.map(|(at, state)| (json!(at), state)));
    let page = chef.get("/admin/schedules").await.status(200).text;
    let job = past[0]["job"].as_str().expect("a job");
    assert!(page.contains(&format!("class=\"state dead\" href=\"/admin/jobs/{job}\" title=\"Dead, ")), "{page}");
    assert!(page.contains("No run kept, "), "{page}");
    app.leave_jobs();
}

#[tokio::test]
async fn a_run_now_is_beside_the_ticks() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    add(&app, "s", "0 * * * *", "2999-01-01T00:00:00Z", "").await;
    let client = admin.header("idempotency-key", "once");
    let reply = client.post("/api/v1/admin/schedules/s/run", json!({})).await.status(202);
    let job = reply.data()["job"].as_str().expect("an id").to_owned();
    assert_eq!(reply.header("location"), Some(&*format!("/api/v1/admin/jobs/{job}")));
    let again = client.post("/api/v1/admin/schedules/s/run", json!({})).await.status(202);
    assert_eq!(again.data()["job"], job.as_str(), "the same key, the same job");
    admin.post("/api/v1/admin/schedules/s/run", json!({})).await.status(202);
    admin.post("/api/v1/admin/schedules/none/run", json!({})).await.status(404);
    assert_eq!(row(&app).await["next_run_at"], "2999-01-01T00:00:00+00:00");
    assert_eq!(app.drain().await, 2);
    let audit = app.sql("select target_id, details->>'job' as job from audit_log where action = 'SCHEDULE_RUN'").await;
    assert_eq!((audit.as_array().map(Vec::len), &audit[0]), (Some(2), &json!({ "target_id": "s", "job": job })));
}

#[tokio::test]
async fn a_change_is_checked_written_and_recorded() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    add(&app, "s", "0 * * * *", "2999-01-01T00:00:00Z", "").await;
    let patch = |body| admin.patch("/api/v1/admin/schedules/s", body);
    assert_eq!(patch(json!({ "cron": "every day", "zone": "Mars" })).await.wrong_fields(), ["cron", "zone"]);
    for (body, field) in [
        (json!({ "cron": "* * * *" }), "cron"),
        (json!({ "cron": "*/5 * * * * *" }), "cron"), // seconds
        (json!({ "cron": "0 0 30 2 *" }), "cron"),    // never
        (json!({ "cron": "" }), "cron"),
        (json!({ "cron": "x".repeat(101) }), "cron"),
        (json!({ "missed": "perhaps" }), "missed"),
        (json!({ "overlap": 1 }), "overlap"),
        (json!({ "name": "t" }), "name"),
    ] {
        assert_eq!(patch(body.clone()).await.wrong_fields(), [field], "{body}");
    }
    patch(json!({})).await.ok();
    assert_eq!(app.sql("select count(*) from audit_log where action like 'SCHEDULE%'").await[0]["count"], 0);

    let changed = patch(json!({ "cron": "@daily", "missed": "all", "zone": "Europe/Paris" })).await.ok();
    assert_eq!((&changed["cron"], &changed["missed"]), (&json!("@daily"), &json!("all")));
    let audit =
        app.sql("select details, actor_id is not null as known from audit_log where action = 'SCHEDULE_CHANGED'").await;
    let details =
        json!({ "before": { "cron": "0 * * * *", "missed": "once" }, "after": { "cron": "@daily", "missed": "all" } });
    assert_eq!(audit, json!([{ "details": details, "known": true }]));
    let soon = app.sql("select next_run_at < now() + interval '25 hours' as soon from schedules").await;
    assert_eq!(soon[0]["soon"], true, "the next tick is the new expression's");
    admin.patch("/api/v1/admin/schedules/none", json!({ "enabled": true })).await.status(404);
}

#[tokio::test]
async fn a_pause_is_not_made_up_for() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    add(&app, "s", "* * * * *", "2026-03-02T10:00:00Z", "missed = 'all'").await;
    let patch = |body| admin.patch("/api/v1/admin/schedules/s", body);
    assert_eq!(patch(json!({ "enabled": false })).await.ok()["next"], json!([]));
    app.advance(Duration::from_secs(600)).await;
    assert_eq!(tick_at(&app, "2999-01-01T00:00:00Z").await, 0);
    let admin = app.login("chef@example.org", PASSWORD).await;
    admin.patch("/api/v1/admin/schedules/s", json!({ "enabled": true })).await.ok();
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    assert_eq!(schedule::tick(&mut tx).await.expect("a tick"), 0, "the ten minutes are gone");
}

#[tokio::test]
async fn the_dashboard_shows_schedules_and_its_forms_act() {
    let app = TestApp::new().await;
    app.admin().await;
    add(&app, "s", "0 * * * *", "2999-01-01T00:00:00Z", "").await;
    let chef = operator(&app, "chef").await;
    let page = chef.get("/admin/schedules").await.status(200);
    for part in ["0 * * * *", "Europe/Paris", "At minute 0 past every hour.", "Ticking"] {
        assert!(page.text.contains(part), "{part} is not on the page");
    }
    let token = form_token(&page);
    let form = [("token", token.as_str())];
    let ran = post(&chef, "/admin/schedules/s/run", &form).await.status(303);
    assert!(ran.header("location").is_some_and(|to| to.starts_with("/admin/jobs/")));
    assert_eq!(app.drain().await, 1);
    post(&chef, "/admin/schedules/s/pause", &form).await.status(303);
    assert!(chef.get("/admin/schedules").await.text.contains("/admin/schedules/s/resume"));
    post(&chef, "/admin/schedules/s/resume", &form).await.status(303);
    post(&chef, "/admin/schedules/s/pause", &[]).await.status(403);
    post(&chef, "/admin/schedules/none/run", &form).await.status(404);
    assert_eq!(app.sql("select enabled from schedules").await[0]["enabled"], true);
    assert_eq!(app.sql("select count(*) from audit_log where action like 'SCHEDULE%'").await[0]["count"], 3);

    app.execute("insert into roles (code, label, permissions) values ('reader', 'Reader', '{jobs.read}')").await;
    app.person("rita", "reader").await;
    let page = operator(&app, "rita").await.get("/admin/schedules").await.status(200);
    assert!(!page.text.contains("/admin/schedules/s/"), "a reader sees no button");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_runs_pauses_and_resumes() {
    let stage = Stage::new(&[]).await;
    run(&stage, "facteur", &["migrate"]).await;
    let facteur = |args: &'static [&'static str]| run(&stage, "facteur", args);
    let listed = said(&facteur(&["schedules", "ls"]).await);
    assert!(listed.contains("purge") && listed.contains("At minute 17 past every hour."), "{listed}");
    let ran = facteur(&["schedules", "run", "purge"]).await;
    let id = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    assert_eq!(stage.count(&format!("select count(*) from jobs where id = '{id}' and state = 'queued'")).await, 1);
    let off = "select count(*) from schedules where not enabled";
    assert!(facteur(&["schedules", "pause", "purge"]).await.status.success());
    assert_eq!(stage.count(off).await, 1);
    assert!(said(&facteur(&["schedules", "pause", "purge"]).await).contains("already"));
    assert!(facteur(&["schedules", "resume", "purge"]).await.status.success());
    assert_eq!(stage.count(off).await, 0);
    assert_eq!(facteur(&["schedules", "run", "nothing"]).await.status.code(), Some(65));
    assert_eq!(stage.count("select count(*) from audit_log where action like 'SCHEDULE%'").await, 3);
}

#[test]
fn expressions_read_in_plain_words() {
    for (cron, en, fr) in [
        ("17 * * * *", "At minute 17 past every hour.", "À la minute 17 de chaque heure."),
        ("*/5 * * * *", "Every 5 minutes.", "Toutes les 5 minutes."),
        ("* * * * *", "Every minute.", "Toutes les minutes."),
        ("30 2 * * *", "At 02:30.", "À 02:30."),
        ("0 9 1 * *", "At 09:00, on day 1.", "À 09:00, le jour 1."),
        ("0 9 * * MON", "At 09:00, on Monday.", "À 09:00, le lundi."),
        ("0 9 L * *", "At 09:00, on the last day of the month.", "À 09:00, le dernier jour du mois."),
        ("0 0 1 1 *", "At 00:00, on day 1, in January.", "À 00:00, le jour 1, en janvier."),
        ("0,30 8-18 * * *", "At minute 0 and 30, of hour 8-18.", "Aux minutes 0 et 30, heures 8-18."),
    ] {
        let words = Plan::read(cron, "Europe/Paris").expect("a plan").words();
        assert_eq!((&*words.en, &*words.fr), (en, fr), "{cron}");
    }
}
