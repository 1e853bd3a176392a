//! Every page: how much of it is sent, whether everybody can use it (WCAG 2.2 AA, judged by axe-core), in both themes,
//! narrow, and without motion. Which pages there are is read from the table of routes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fantoccini::Client;
use harness::people::PASSWORD;
use regex::Regex;
use serde_json::{Value, json};

use super::hands::{evaluate, follow, prefer, press, sees, window};
use super::{browser, house, sign_in};

/// Page, style and script together, as sent.
const HEAVIEST: usize = 60 * 1024;
/// Pages that are looked at behind one route.
const OF_ONE_ROUTE: usize = 2;
/// Routes that no link leads to: files, frames, streams, and the way in.
const NO_PAGES: &str =
    r"\*rest|^/admin/$|/login$|\.png|/pdf$|/xml$|/former/|/file$|\.html$|/attachments/|/assets/|/events$|/suggest";

/// The routes that answer a GET, as patterns.
fn routes() -> Vec<(String, Regex)> {
    let table = include_str!("../../../api/src/dashboard/mod.rs");
    let line = Regex::new(r#"\("(/admin[^"]*)",\s*get\("#).expect("a pattern");
    let hole = Regex::new(r"\\\{\w+\\\}").expect("a pattern");
    let no_page = Regex::new(NO_PAGES).expect("a pattern");
    let paths = line.captures_iter(table).map(|found| found[1].to_owned()).filter(|path| !no_page.is_match(path));
    let pattern = |path: &str| format!("^{}$", hole.replace_all(&regex::escape(path), "[^/?]+"));
    paths.map(|path| (path.clone(), Regex::new(&pattern(&path)).expect("a pattern"))).collect()
}

/// Signed in without a browser; what it gets is as it was sent.
async fn signed_in(base: &str) -> reqwest::Client {
    let client = reqwest::Client::builder().cookie_store(true).no_proxy().build().expect("a client");
    let form = client.get(format!("{base}/admin/login")).send().await.expect("an answer").text().await.expect("a page");
    let token = form.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let fields = [("login", "chef@example.org"), ("password", PASSWORD), ("token", token)];
    let sent = client.post(format!("{base}/admin/login")).header("sec-fetch-site", "same-origin").form(&fields);
    assert!(sent.send().await.expect("an answer").url().path().starts_with("/admin"));
    client
}

/// Pages by their routes, found as a reader finds them: by links, from the first page on.
async fn crawl(base: &str, client: &reqwest::Client) -> BTreeMap<String, Vec<String>> {
    let link = Regex::new(r#"href="(/admin[^"]*)""#).expect("a pattern");
    let routes = routes();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from(["/admin".to_owned(), "/admin/jobs?state=dead".to_owned()]);
    while let Some(address) = open.pop_front() {
        let path = address.split('?').next().unwrap_or_default();
        let Some((route, _)) = routes.iter().find(|(_, pattern)| pattern.is_match(path)) else { continue };
        let of_route = found.entry(route.clone()).or_default();
        if of_route.len() >= OF_ONE_ROUTE || !seen.insert(address.clone()) {
            continue;
        }
        let answer = client.get(format!("{base}{address}")).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{address}: {}", answer.status());
        let text = answer.text().await.expect("a page");
        let links = link.captures_iter(&text).map(|found| found[1].replace("&#x3D;", "=").replace("&amp;", "&"));
        open.extend(links.map(|link| link.split('#').next().unwrap_or_default().to_owned()));
        of_route.push(address);
    }
    let all: BTreeSet<_> = routes.iter().map(|(route, _)| route.clone()).collect();
    let missed: Vec<_> = all.iter().filter(|route| !found.contains_key(*route)).collect();
    assert!(missed.is_empty(), "no link leads to {missed:?}");
    found
}

/// Bytes of an answer as it goes over the wire.
async fn weight(client: &reqwest::Client, address: &str) -> (usize, String) {
    let answer = client.get(address).header("accept-encoding", "gzip").send().await.expect("an answer");
    assert_eq!(answer.headers().get("content-encoding").map(|it| it.as_bytes()), Some(&b"gzip"[..]), "{address}");
    let media = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (answer.bytes().await.expect("a body").len(), media)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_light() {
    let shop = house::open().await;
    // Lists as long as they get.
    shop.app
        .execute(
            "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, last_error,
                               error_code, run_at, finished_at)
             select gen_random_uuid(), 'email.send', 'email', 'dead', 0, 15, 15, 60000, jsonb_build_object('email', gen_random_uuid()),
                    'reader' || n || '@example.org', '550 5.1.1 no such user ' || md5(n::text), 'smtp', now(), now()
             from generate_series(1, 300) n",
        )
        .await;
    let base = shop.base();
    let client = signed_in(base).await;
    let first = client.get(format!("{base}/admin")).send().await.expect("an answer").text().await.expect("a page");
    let asset = Regex::new(r#"(?:href|src)="(/admin/assets/admin\.[^"]+)""#).expect("a pattern");
    let mut shared = 0;
    for found in asset.captures_iter(&first) {
        shared += weight(&client, &format!("{base}{}", &found[1])).await.0;
    }
    assert!(shared > 1000, "style and script are in the page");
    for address in crawl(base, &client).await.into_values().flatten() {
        let (bytes, media) = weight(&client, &format!("{base}{address}")).await;
        assert!(media.starts_with("text/html"), "{address} is {media}");
        let sum = bytes + shared;
        assert!(sum <= HEAVIEST, "{address} weighs {sum} bytes with style and script, {bytes} alone");
    }
}

/// What axe-core finds serious or critical in the page as it is.
async fn findings(page: &Client, axe: &str, folded: bool) -> Vec<String> {
    page.execute(axe, Vec::new()).await.expect("axe-core loads");
    let script = "const done = arguments[arguments.length - 1];
        const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
        const options = { runOnly: { type: 'tag', values: tags }, rules: { 'target-size': { enabled: arguments[0] } },
                          resultTypes: ['violations'], iframes: false };
        axe.run(document, options).then(
          (result) => done(result.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).flatMap((one) =>
            one.nodes.slice(0, 3).map((node) => one.id + ' ' + node.target.join(' ') + ': ' + node.failureSummary.replace(/\\s+/g, ' ')))),
          (error) => done(['axe-core failed: ' + error]));";
    let found = page.execute_async(script, vec![json!(folded)]).await.expect("axe-core answers");
    let lines = found.as_array().expect("a list").iter();
    lines.map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}

async fn paint(page: &Client, theme: &str) {
    prefer(page, "prefers-color-scheme", theme).await;
    evaluate(page, &format!("document.documentElement.dataset.theme = '{theme}'")).await;
}

/// What keeps somebody from using this page, in both themes, with what is folded up opened, and in a window as narrow as
/// one at 400 %.
async fn obstacles(page: &Client, axe: &str) -> Vec<String> {
    paint(page, "light").await;
    let mut found = findings(page, axe, true).await;
    paint(page, "dark").await;
    evaluate(page, "document.querySelectorAll('main details').forEach((one) => { one.open = true; })").await;
    let dark = findings(page, axe, false).await;
    found.extend(dark.into_iter().map(|line| format!("dark, unfolded: {line}")));
    evaluate(page, "document.querySelectorAll('main details').forEach((one) => { one.open = false; })").await;
    window(page, 320, 800).await;
    let wide = "return [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > 321 &&
                  !one.closest('.side, .sheet, pre, .visually-hidden, svg, .sprite')).slice(0, 3).map((one) => one.outerHTML.slice(0, 90))";
    let over = evaluate(page, "return document.documentElement.scrollWidth").await;
    if over.as_i64().is_none_or(|width| width > 320) {
        found.push(format!("at 400 % it is {over} px wide: {}", evaluate(page, wide).await));
    }
    window(page, 1280, 900).await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_every_page() {
    let (Ok(driver), Ok(axe)) = (std::env::var("CHROMEDRIVER"), std::env::var("FACTEUR_AXE")) else {
        eprintln!("SKIPPED: no chromedriver or no axe-core on this machine, nobody judged accessibility");
        return;
    };
    let axe = std::fs::read_to_string(axe).expect("axe-core");
    let shop = house::open().await;
    let base = shop.base();
    let (_driver, page) = browser(&driver, true, (1280, 900)).await;
    let mut found = Vec::new();
    page.goto(&format!("{base}/admin/login")).await.expect("the sign-in page");
    note(&mut found, "/admin/login", obstacles(&page, &axe).await);
    sign_in(&page).await;
    sees(&page, "Throughput").await;
    let pages = crawl(base, &signed_in(base).await).await;
    for address in pages.into_values().flatten().chain(["/admin/nowhere".to_owned()]) {
        page.goto(&format!("{base}{address}")).await.expect("a page");
        note(&mut found, &address, obstacles(&page, &axe).await);
    }
    answers(&page, base, &axe, &mut found).await;
    assert!(found.is_empty(), "{} obstacles:\n{}", found.len(), found.join("\n"));
    page.close().await.expect("closed");
}

fn note(found: &mut Vec<String>, address: &str, obstacles: Vec<String>) {
    found.extend(obstacles.into_iter().map(|one| format!("{address}: {one}")));
}

/// The pages that only a form leads to.
async fn answers(page: &Client, base: &str, axe: &str, found: &mut Vec<String>) {
    page.goto(&format!("{base}/admin/jobs?state=dead")).await.expect("the dead");
    press(page, "Preview all").await;
    sees(page, "jobs?").await;
    note(found, "the preview of a bulk operation", obstacles(page, axe).await);
    page.goto(&format!("{base}/admin/stripe-events?status=processed")).await.expect("events");
    press(page, "Handle all that match again").await;
    sees(page, "Handle").await;
    note(found, "the preview of events handled again", obstacles(page, axe).await);
    page.goto(&format!("{base}/admin/jobs?state=dead&kind=email.send")).await.expect("the dead");
    page.goto(&format!("{base}{}", first_row(page).await)).await.expect("a job");
    follow(page, "Edit").await;
    press(page, "Check").await;
    note(found, "a payload compared", obstacles(page, axe).await);
}

/// Where the first row of a list leads.
async fn first_row(page: &Client) -> String {
    let href = evaluate(page, "return document.querySelector('main tr[data-href]').dataset.href").await;
    href.as_str().expect("a row").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn focus_is_seen_and_nothing_moves_for_whoever_wants_that() {
    let Ok(driver) = std::env::var("CHROMEDRIVER") else {
        eprintln!("SKIPPED: no chromedriver on this machine, the dashboard was not seen in a browser");
        return;
    };
    let shop = house::open().await;
    let base = shop.base();
    let (_driver, page) = browser(&driver, true, (1280, 900)).await;
    page.goto(&format!("{base}/admin/login")).await.expect("the sign-in page");
    sign_in(&page).await;
    sees(&page, "Throughput").await;
    prefer(&page, "prefers-reduced-motion", "reduce").await;
    for path in ["", "/jobs", "/errors", "/queues"] {
        page.goto(&format!("{base}/admin{path}")).await.expect("a page");
        let moving = "return [...document.querySelectorAll('*')].filter((one) => { const style = getComputedStyle(one);
                        return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none' }).length";
        assert_eq!(evaluate(&page, moving).await, json!(0), "/admin{path} moves");
        for _ in 0..25 {
            let active = page.active_element().await.expect("an element");
            active.send_keys("\u{e004}").await.expect("a tab");
            let unseen = "const one = document.activeElement; const style = getComputedStyle(one);
                const box = one.getBoundingClientRect();
                const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return one === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
                    && (one.contains(top) || top?.contains(one) || top?.tagName === 'LABEL')) ? null : one.outerHTML.slice(0, 200)";
            assert_eq!(evaluate(&page, unseen).await, Value::Null, "/admin{path}: focus is not seen");
        }
    }
    page.close().await.expect("closed");
}
