//! Every figure is a link to the list that counts exactly those rows: followed, and counted, while jobs move.

use harness::{Client, TestApp};
use regex::Regex;
use uuid::Uuid;

use super::operator;
use crate::errors;

/// Jobs in every state and several queues, some of which fail alike.
fn crowd() -> String {
    let mut sql = [errors::group("alike", "new", 1), errors::group("other", "known", 2)].concat();
    let states = ["queued", "retrying", "scheduled", "dead", "cancelled", "succeeded", "blocked"];
    for n in 0..42_usize {
        let lane = ["email", "default", "stripe"][n % 3];
        let state = states[n % states.len()];
        let failure = ["'alike'", "'other'", "null"][n % 3];
        sql.push_str(&format!(
            "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, fingerprint, run_at, last_error)
             values ('{}', 'debug.probe', '{lane}', '{state}', 0, 1, 3, 1000, '{{\"mode\": \"ok\"}}', {failure}, now(), 'no');",
            Uuid::now_v7()
        ));
    }
    sql
}

/// Links and the figure that each shows.
fn figures(page: &str) -> Vec<(String, String)> {
    let link = Regex::new(r#"(?s)<a [^>]*href="(/admin/jobs[^"]*)"[^>]*>(.*?)</a>"#).expect("a pattern");
    let inner = Regex::new(r#"class="(?:figure|n|n red|tally)">([\d,]+)<"#).expect("a pattern");
    let bare = Regex::new(r"^\s*(?:All )?([\d,]+)(?: that are retrying or dead)?\s*$").expect("a pattern");
    let found = link.captures_iter(page).filter_map(|found| {
        let figure = inner.captures(&found[2]).or_else(|| bare.captures(&found[2]))?[1].replace(',', "");
        Some((found[1].replace("&#x3D;", "=").replace("&amp;", "&"), figure))
    });
    found.collect()
}

/// The rows of a list, over all its pages.
async fn rows(chef: &Client, list: &str) -> usize {
    let row = Regex::new(r#"<tr data-href="/admin/jobs/"#).expect("a pattern");
    let next = Regex::new(r#"rel="next" href="([^"]+)""#).expect("a pattern");
    let (mut count, mut list) = (0, list.to_owned());
    loop {
        let page = chef.get(&list).await.status(200).text;
        count += row.find_iter(&page).count();
        match next.captures(&page) {
            Some(found) => list = found[1].replace("&#x3D;", "=").replace("&amp;", "&"),
            None => return count,
        }
    }
}

#[tokio::test]
async fn counters_equal_the_lists_behind_them_while_jobs_move() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "chef").await;
    app.execute(&crowd()).await;
    let mut compared = 0;
    for round in 0..3 {
        for page in ["/admin", "/admin/queues", "/admin/errors", "/admin/errors/alike", "/admin/jobs"] {
            // What the frame says of the dead is a reading of up to two seconds ago, shared by all pages.
            chef.get("/admin").await.status(200);
            let shown = chef.get(page).await.status(200).text;
            let figures = figures(&shown);
            assert!(!figures.is_empty(), "{page} shows figures");
            for (list, figure) in figures {
                let rows = rows(&chef, &list).await;
                assert_eq!(figure, rows.to_string(), "round {round}: {page} says {figure} of {list}");
                compared += 1;
            }
        }
        app.execute(
            "update jobs set state = (array['dead', 'queued', 'retrying', 'succeeded', 'scheduled', 'cancelled'])
               [1 + (abs(hashtext(id::text || state)) % 6)] where kind = 'debug.probe'",
        )
        .await;
    }
    assert!(compared > 60, "{compared} figures were compared");
    app.leave_jobs();
}
