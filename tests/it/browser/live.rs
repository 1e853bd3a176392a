//! A list that renews itself: rows come and change in place, a selection is never pushed away, and what is lost is said.

use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::Stage;
use harness::process::eventually;

use super::open;

/// Longer than a reading, and than the browser needs to try again.
const SOON: Duration = Duration::from_secs(15);

async fn dead(stage: &Stage, note: &str) {
    let job = format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, last_error, finished_at)
         values (gen_random_uuid(), 'debug.probe', 'default', 'dead', 0, 3, 3, 1000, '{{}}', '{note}', 'no', now())"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(job)).execute(&stage.platform.db).await.expect("a dead job");
}

async fn rows(page: &Client) -> usize {
    page.find_all(Locator::Css("main tr[data-href]")).await.map_or(0, |rows| rows.len())
}

async fn text(page: &Client, css: &str) -> String {
    match page.find(Locator::Css(css)).await {
        Ok(found) => found.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_renews_itself_spares_a_selection_and_says_when_it_is_lost() {
    let Some(mut opened) = open(true, (1280, 900)).await else { return };
    let (stage, page) = (&opened.stage, &opened.page);
    dead(stage, "first").await;
    page.goto(&format!("{}/admin/jobs?state=dead", opened.base)).await.expect("the list");
    // The pointer is not on the list.
    page.find(Locator::Css("main h1")).await.expect("a heading").click().await.expect("clicked");
    let first = page.find(Locator::Css("main tr[data-href]")).await.expect("its row");
    dead(stage, "second").await;
    eventually(SOON, "the second row comes by itself", || async { rows(page).await == 2 }).await;
    assert!(first.text().await.expect("still the same row").contains("first"), "what has not changed is not replaced");

    page.find(Locator::Css("main input[name=id]")).await.expect("a box").click().await.expect("chosen");
    dead(stage, "third").await;
    eventually(SOON, "a pill tells of it", || async { text(page, "#new").await == "1 new" }).await;
    assert_eq!(rows(page).await, 2, "nothing moves under a selection");
    page.find(Locator::Css("#new")).await.expect("the pill").click().await.expect("shown");
    eventually(SOON, "the third row", || async { rows(page).await == 3 }).await;

    opened._kept.0.kill().await.expect("the API is gone");
    let lost = || async { text(&opened.page, "#stale").await.starts_with("Live updates lost") };
    eventually(SOON, "it says that it is lost", lost).await;
    assert_eq!(rows(&opened.page).await, 3, "what was known stays");
}
