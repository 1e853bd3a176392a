//! The dashboard in a real browser, mostly with JavaScript off: what works here works everywhere.
//!
//! `./dev test` names the driver in CHROMEDRIVER; where Chromium cannot be had, the test says so and passes.

mod acts;
mod desk;
mod guards;
mod hands;
mod house;
mod live;
mod pages;
mod shots;
mod story;

use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use harness::process::{eventually, free_port};
use harness::{Stage, people::PASSWORD};
use serde_json::json;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, enqueue_new};
use shared::platform::tx::Tx;

async fn browser(driver: &str, script: bool, (width, height): (u32, u32)) -> (tokio::process::Child, Client) {
    let port = free_port();
    let child = tokio::process::Command::new(driver)
        .arg(format!("--port={port}"))
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts");
    let url = format!("http://127.0.0.1:{port}");
    eventually(Duration::from_secs(20), "chromedriver answers", || async {
        reqwest::get(format!("{url}/status")).await.is_ok()
    })
    .await;
    let options = json!({
        "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", format!("--window-size={width},{height}")],
        "prefs": { "profile.managed_default_content_settings.javascript": if script { 1 } else { 2 } },
    });
    let capabilities = json!({ "goog:chromeOptions": options }).as_object().cloned().expect("an object");
    let client =
        ClientBuilder::new(hyper_util_connector()).capabilities(capabilities).connect(&url).await.expect("a browser");
    (child, client)
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

/// A browser in which an administrator is signed in, and what stands behind it.
struct Opened {
    stage: Stage,
    base: String,
    page: Client,
    /// The API and the driver: dropped, they end.
    _kept: (tokio::process::Child, tokio::process::Child),
}

/// None without a driver, which is said.
async fn open(script: bool, size: (u32, u32)) -> Option<Opened> {
    let Ok(driver) = std::env::var("CHROMEDRIVER") else {
        eprintln!("SKIPPED: no chromedriver on this machine, the dashboard was not seen in a browser");
        return None;
    };
    let stage = Stage::new(&[("APP_ENV", "development"), ("MAIL_FOLDER", "")]).await;
    chef(&stage).await;
    let (api, base) = stage.api().await;
    let (child, page) = browser(&driver, script, size).await;
    page.goto(&format!("{base}/admin/login")).await.expect("the sign-in page");
    sign_in(&page).await;
    Some(Opened { stage, base, page, _kept: (api, child) })
}

/// The administrator of these tests.
async fn chef(stage: &Stage) {
    let hash = shared::domain::identity::passwords::hash(&stage.platform.config, PASSWORD).await.expect("a hash");
    sqlx::query("insert into users (id, email, password_hash, role, status, locale) values (gen_random_uuid(), 'chef@example.org', $1, 'admin', 'active', 'en')")
        .bind(hash.as_str())
        .execute(&stage.platform.db)
        .await
        .expect("an administrator");
}

async fn sign_in(page: &Client) {
    let form = page.form(Locator::Css("form")).await.expect("without a session: the sign-in form");
    let form = form.set_by_name("login", "chef@example.org").await.expect("an address");
    form.set_by_name("password", PASSWORD).await.expect("a password");
    let button = Locator::Css("form button[type=submit], form button:not([type])");
    page.find(button).await.expect("a button").click().await.expect("signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_signs_in_finds_a_dead_job_and_revives_it() {
    let Ok(driver) = std::env::var("CHROMEDRIVER") else {
        eprintln!("SKIPPED: no chromedriver on this machine, the dashboard was not seen in a browser");
        return;
    };
    let stage = Stage::new(&[("APP_ENV", "development"), ("MAIL_FOLDER", "")]).await;
    chef(&stage).await;
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let probe = Probe { mode: ProbeMode::FailN, n: Some(1), note: None };
    let job = enqueue_new(&mut tx, NewJob::of(&probe).expect("a job").max_attempts(1)).await.expect("enqueued");
    tx.commit().await.expect("a commit");
    let _worker = stage.worker();
    stage.until(Duration::from_secs(20), "select count(*) from jobs where state = 'dead'", 1).await;
    sqlx::query("update jobs set payload = '{\"mode\":\"ok\"}'")
        .execute(&stage.platform.db)
        .await
        .expect("the cause is mended");
    let (_api, base) = stage.api().await;

    let (_driver, page) = browser(&driver, false, (1280, 900)).await;
    page.goto(&format!("{base}/admin/jobs?state=dead")).await.expect("the list");
    sign_in(&page).await;

    page.goto(&format!("{base}/admin/jobs?state=dead")).await.expect("the list");
    let link = format!("a[href*='/admin/jobs/{job}']");
    page.find(Locator::Css(&link)).await.expect("the dead job is listed").click().await.expect("its page");
    let text = page.find(Locator::Css("main")).await.expect("a page").text().await.expect("text");
    assert!(text.contains("the probe was told to fail"), "the page tells the error: {text}");
    let retry = format!("form[action='/admin/jobs/{job}/retry'] button");
    page.find(Locator::Css(&retry)).await.expect("a retry button").click().await.expect("retried");
    stage
        .until(
            Duration::from_secs(10),
            "select count(*) from jobs where state = 'succeeded' and kind = 'debug.probe'",
            1,
        )
        .await;
    page.refresh().await.expect("the page again");
    let text = page.find(Locator::Css("main")).await.expect("a page").text().await.expect("text").to_lowercase();
    assert!(text.contains("succeeded"), "the page tells the new state: {text}");
    let audited = "select count(*) from audit_log where action = 'JOB_RETRIED' and actor_id is not null";
    assert_eq!(stage.count(audited).await, 1);
    page.close().await.expect("closed");
}
