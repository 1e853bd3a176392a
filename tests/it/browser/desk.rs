//! What an administrator does when something is wrong, in a real browser: mails that failed among many jobs, a payload
//! that must be mended; by mouse without a script, by keyboard with one, on a phone.

use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::Stage;
use harness::process::eventually;
use serde_json::json;

use super::hands::{fill_in, press, sees, window};
use super::{Opened, open};

/// So many mails among so many jobs.
const FAILED: i64 = 318;
const ALL: i64 = 100_000;

async fn sql(stage: &Stage, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&stage.platform.db).await.expect("the statement is right");
}

/// The statement that writes so many jobs.
fn jobs(count: i64, kind: &str, state: &str, error: &str) -> String {
    format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, last_error,
                           error_code, run_at, finished_at)
         select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
                 || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
                '{kind}', 'email', '{state}', 0, 1, 15, 60000, jsonb_build_object('email', gen_random_uuid()),
                'reader' || n || '@example.org', {error}, case when {error} is not null then 'smtp' end, now(), now()
         from generate_series(1, {count}) n;"
    )
}

/// Mails whose relay refused them, and the rest of a busy day.
async fn fill(stage: &Stage, dead: i64, rest: i64) {
    let mails = jobs(dead, "email.send", "dead", "'535 authentication failed'");
    sql(stage, &[jobs(rest, "email.send", "succeeded", "null::text"), mails].concat()).await;
}

async fn text(page: &Client) -> String {
    // Live rows replace what was found a moment ago.
    for _ in 0..5 {
        if let Ok(text) = page.find(Locator::Css("main")).await.expect("a page").text().await {
            return text;
        }
    }
    panic!("the page is never at rest");
}

/// These ids, sorted.
async fn ids(stage: &Stage, query: &'static str) -> Vec<uuid::Uuid> {
    let mut ids: Vec<uuid::Uuid> = sqlx::query_scalar(query).fetch_all(&stage.platform.db).await.expect("ids");
    ids.sort_unstable();
    ids
}

/// A failed mail more, twenty times a second, until it is aborted.
fn keep_arriving(stage: &Stage) -> tokio::task::JoinHandle<()> {
    let (db, one) = (stage.platform.db.clone(), jobs(1, "email.send", "dead", "'535 authentication failed'"));
    tokio::spawn(async move {
        loop {
            sqlx::raw_sql(sqlx::AssertSqlSafe(one.clone())).execute(&db).await.expect("a mail fails");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_mails_are_found_previewed_retried_at_a_pace_paused_and_undone() {
    let Some(Opened { stage, base, page, _kept }) = open(false, (1280, 900)).await else { return };
    fill(&stage, FAILED, ALL - FAILED).await;
    sql(&stage, "analyze jobs; insert into lanes (name, paused_at) values ('email', now())").await;
    page.goto(&format!("{base}/admin/jobs")).await.expect("the list");
    fill_in(&page, "#filter", "state:failed kind:email.send error:535*").await;
    page.find(Locator::Css("form.filters button")).await.expect("a button").click().await.expect("filtered");
    press(&page, "Preview all 318 that match").await;
    sees(&page, "Retry 318 jobs?").await;
    // They keep arriving: none of them is meant.
    let meant = ids(&stage, "select job_id from bulk_items").await;
    let arriving = keep_arriving(&stage);
    fill_in(&page, "[name=per_second]", "8").await;
    fill_in(&page, "[name=reason]", "the password is right again").await;
    let _worker = stage.worker();
    press(&page, "Retry 318 jobs: state:failed kind:email.send error:535*").await;
    let done = "select count(*) from bulk_items where outcome = 'done'";
    eventually(Duration::from_secs(60), "the first are retried", || async { stage.count(done).await > 0 }).await;
    press(&page, "Pause").await;
    sees(&page, "Paused").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let paused = stage.count(done).await;
    assert!(paused < FAILED, "eight a second leave something to pause");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.count(done).await, paused, "a pause is a pause");
    // The rest need not take as long as the button had to.
    sql(&stage, "update bulk_operations set per_second = 40").await;
    press(&page, "Resume").await;
    stage.until(Duration::from_secs(60), done, FAILED).await;
    arriving.abort();
    let _ = arriving.await;
    let late = stage.count("select count(*) from jobs where state = 'dead'").await;
    assert!(late > 5, "they did not keep arriving");
    let retried = ids(&stage, "select id from jobs where state = 'queued' and kind = 'email.send'").await;
    assert_eq!(retried, meant, "what is retried is what was previewed");
    page.refresh().await.expect("the page again");
    page.find(Locator::XPath("//main//summary[contains(., 'Undo')]"))
        .await
        .expect("undo")
        .click()
        .await
        .expect("opened");
    press(&page, "Undo it").await;
    sees(&page, "Undone").await;
    assert_eq!(stage.count("select count(*) from jobs where state = 'dead'").await, FAILED + late);
    page.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_is_mended_checked_compared_and_retried() {
    let Some(Opened { stage, base, page, _kept }) = open(false, (1280, 900)).await else { return };
    sql(
        &stage,
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, last_error, run_at, finished_at)
         values ('0190a000-0000-7000-8000-000000000001', 'debug.probe', 'default', 'dead', 0, 3, 3, 1000, '{\"mode\": \"fail\"}',
                 'told to', now(), now())",
    )
    .await;
    page.goto(&format!("{base}/admin/jobs/0190a000-0000-7000-8000-000000000001/edit")).await.expect("the editor");
    fill_in(&page, "textarea[name=payload]", "{\"mode\": \"dance\"}").await;
    press(&page, "Check").await;
    sees(&page, "dance").await; // the kind says what is wrong
    fill_in(&page, "textarea[name=payload]", "{\"mode\": \"ok\"}").await;
    press(&page, "Check").await;
    sees(&page, "Save and retry").await;
    let compared = text(&page).await;
    assert!(compared.contains("\"fail\"") && compared.contains("\"ok\""), "{compared}");
    let _worker = stage.worker();
    press(&page, "Save and retry").await;
    let done = "select count(*) from jobs where state = 'succeeded' and kind = 'debug.probe'";
    stage.until(Duration::from_secs(30), done, 1).await;
    page.refresh().await.expect("the page again");
    let told = page.source().await.expect("the page");
    assert!(told.contains("Changed") && told.contains("fail"), "what was there stays");
    page.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_keyboard_alone_and_on_a_phone() {
    let Some(Opened { stage, base, page, _kept }) = open(true, (1280, 900)).await else { return };
    fill(&stage, 12, 30).await;
    page.goto(&format!("{base}/admin")).await.expect("the overview");
    let keys = async |keys: &str| {
        page.find(Locator::Css("body")).await.expect("a body").send_keys(keys).await.expect("typed");
    };
    let at = async |path: &str| {
        eventually(Duration::from_secs(10), path, || async {
            page.current_url().await.is_ok_and(|url| url.path() == path)
        })
        .await;
    };
    keys("gj").await;
    at("/admin/jobs").await;
    keys("j").await;
    page.active_element().await.expect("a row").send_keys("x").await.expect("chosen");
    page.active_element().await.expect("a row").send_keys("jj").await.expect("down");
    page.active_element().await.expect("a row").send_keys("X").await.expect("a range");
    let chosen = page.execute("return document.querySelectorAll('main input[name=id]:checked').length", vec![]).await;
    assert_eq!(chosen.expect("a number"), json!(3));
    keys("?").await;
    page.find(Locator::Css("dialog[open] dl")).await.expect("help");
    page.active_element().await.expect("the dialog").send_keys("\u{e00c}").await.expect("escape");
    page.execute(
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true }))",
        vec![],
    )
    .await
    .expect("the palette");
    page.active_element().await.expect("its field").send_keys("schedu\u{e007}").await.expect("chosen");
    at("/admin/schedules").await;

    window(&page, 390, 844).await;
    let wide = "return document.documentElement.scrollWidth - window.innerWidth";
    for path in ["", "/jobs", "/jobs?state=dead", "/errors", "/queues", "/bulk", "/workers", "/schedules", "/audit"] {
        page.goto(&format!("{base}/admin{path}")).await.expect("a page");
        let over = page.execute(wide, vec![]).await.expect("a width").as_i64().expect("a number");
        assert!(over <= 0, "/admin{path} is {over} px too wide for a phone");
    }
    page.close().await.expect("closed");
}
