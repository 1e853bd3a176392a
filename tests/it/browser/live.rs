//! A list that renews itself: rows come and change in place, a selection is never pushed away, and what is lost is said.

use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::Stage;
use harness::process::eventually;

use super::hands::{at, evaluate, press};
use super::open;

/// Longer than a reading, and than the browser needs to try again.
const SOON: Duration = Duration::from_secs(15);

async fn dead(stage: &Stage, note: &str) {
    dead_as(stage, "gen_random_uuid()", note).await;
}

async fn dead_as(stage: &Stage, id: &str, note: &str) {
    let job = format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, last_error, finished_at)
         values ({id}, 'debug.probe', 'default', 'dead', 0, 3, 3, 1000, '{{}}', '{note}', 'no', now())"
    );
    sql(stage, &job).await;
}

async fn sql(stage: &Stage, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&stage.platform.db).await.expect("the statement is right");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_renew_itself_says_so_and_what_does_keeps_its_place() {
    let Some(opened) = open(true, (1280, 900)).await else { return };
    let (stage, page, base) = (&opened.stage, &opened.page, &opened.base);
    for note in ["first", "second", "third"] {
        dead(stage, note).await;
    }
    let go = async |path: &str| page.goto(&format!("{base}{path}")).await.expect("a page");
    let live = async || page.find_all(Locator::Css("[data-live]")).await.expect("buttons").len();
    // Nobody looks through all jobs at every news, and the answer to a form has no address of its own.
    go("/admin/jobs?state=dead&whole=1").await;
    assert_eq!(live().await, 0);
    let job = evaluate(page, "return document.querySelector('main tr[data-href]').dataset.href").await;
    let job = job.as_str().expect("a job's address").to_owned();
    go(&format!("{job}/edit")).await;
    assert_eq!(live().await, 1);
    press(page, "Check").await;
    at(page, &format!("{job}/edit/check")).await;
    assert_eq!(live().await, 0);

    // The keys stay on their row, wherever it goes.
    go("/admin/jobs?state=dead").await;
    let keys = async |keys: &str| page.active_element().await.expect("it").send_keys(keys).await.expect("typed");
    keys("j").await;
    keys("j").await;
    let here = async || evaluate(page, "return document.querySelector('tr.here').dataset.href").await.to_string();
    let before = here().await;
    page.find(Locator::Css("main h1")).await.expect("a heading").click().await.expect("clicked");
    dead_as(stage, "'ffffffff-0000-7000-8000-000000000001'", "fourth").await; // above them all
    eventually(SOON, "a row more", || async { rows(page).await == 4 }).await;
    assert_eq!(here().await, before);
    let order = "return [...document.querySelectorAll('main tr[data-href]')].findIndex((row) => row.matches('.here'))";
    let place = evaluate(page, order).await.as_i64().expect("a place");
    keys("k").await;
    assert_eq!(evaluate(page, order).await.as_i64(), Some(place - 1), "up is the row above it");

    // A pause counts, even while a page is under way.
    evaluate(page, SLOW).await;
    page.find(Locator::Css("main h1")).await.expect("a heading").click().await.expect("clicked");
    dead(stage, "fifth").await;
    eventually(SOON, "it is fetched", || async { evaluate(page, "return window.asked > 0").await == true }).await;
    page.find(Locator::Css("[data-live]")).await.expect("the button").click().await.expect("paused");
    eventually(SOON, "it has come", || async { evaluate(page, "return window.came > 0").await == true }).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((rows(page).await, text(page, "[data-live]").await.as_str()), (4, "Paused"));

    // What is lost stays lost until it is found: news alone are no page.
    go("/admin/jobs?state=dead").await;
    page.find(Locator::Css("[data-live]")).await.expect("the button").click().await.expect("it goes on");
    evaluate(page, BROKEN).await;
    page.find(Locator::Css("main h1")).await.expect("a heading").click().await.expect("clicked");
    dead(stage, "sixth").await;
    let lost = || async { text(page, "#stale").await.starts_with("Live updates lost") };
    eventually(SOON, "it says that it is lost", lost).await;
    for note in ["seventh", "eighth"] {
        dead(stage, note).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(evaluate(page, "return window.found").await, 0, "the notice came and went");
    evaluate(page, "window.fetch = window.fetched").await;
    eventually(SOON, "it is found again", || async { rows(page).await == 8 && !lost().await }).await;

    // A page of something that is no more.
    go(&job).await;
    page.find(Locator::Css("main h1")).await.expect("a heading").click().await.expect("clicked");
    sql(stage, "delete from jobs where kind = 'debug.probe'").await;
    eventually(SOON, "it is gone", || async { text(page, "[data-live]").await == "Gone" }).await;
    assert_eq!(text(page, "#stale").await, "", "nothing is lost");
}

/// Pages come two seconds late.
const SLOW: &str = "const fetched = window.fetch; window.asked = window.came = 0;
    window.fetch = async (...asked) => {
        window.asked += 1;
        const answer = await fetched(...asked);
        await new Promise((late) => setTimeout(late, 2000));
        window.came += 1;
        return answer;
    };";

/// Pages do not come; counts how often the notice goes.
const BROKEN: &str = "window.fetched = window.fetch; window.found = 0;
    window.fetch = async () => { throw new Error('no'); };
    new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.removedNodes) if (node.id === 'stale') window.found += 1;
    }).observe(document.body, { childList: true, subtree: true });";
