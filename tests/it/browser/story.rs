//! `./dev demo --broken`, played by somebody who has nothing but the dashboard: three things go wrong in real processes,
//! and each is found from the overview's sentence, explained by what the pages say, and mended by their buttons.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::Stage;
use harness::process::{eventually, free_port};
use harness::stripe::FakeStripe;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::browser;
use super::hands::{at, fill_in, follow, press, sees, unfold};

const PASSWORD: &str = "mule-sofa-tabu-nido";
const STRIPE_KEY: &str = "sk_test_fake";
const STRIPE_SECRET: &str = "whsec_of_a_test";

/// The seeded house, its Stripe, an API and a worker that can send mail.
struct Stand {
    stage: Stage,
    base: String,
    _fake: FakeStripe,
    _processes: (Child, Child),
}

async fn stand() -> Stand {
    let fake = FakeStripe::start().await;
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let mut stage = Stage::new(&[
        ("APP_ENV", "development"),
        ("MAIL_FOLDER", ""),
        ("PUBLIC_URL", &base),
        ("SEED_PASSWORD", PASSWORD),
        ("STRIPE_SECRET_KEY", STRIPE_KEY),
        ("STRIPE_WEBHOOK_SECRET", STRIPE_SECRET),
        ("STRIPE_API_BASE", &fake.url),
        // Nothing is mended by waiting.
        ("MAIL_RETRY_BASE_SECONDS", "600"),
    ])
    .await;
    stage.env.push(("LANES".into(), "email:2,*".into())); // the other worker takes most mails
    let seeded = stage.start("facteur", &["seed"], &[]).wait().await.expect("it runs");
    assert!(seeded.success(), "{}", stage.logged());
    let speak = "update users set locale = 'en' where role = 'admin'";
    sqlx::query(speak).execute(&stage.platform.db).await.expect("a language");
    let (api, _) = stage.api_at(port, &[]).await;
    let hook = json!({ "url": format!("{base}/webhooks/stripe"), "secrets": [STRIPE_SECRET] });
    fake.tell("webhook", hook).await;
    let worker = stage.worker();
    Stand { stage, base, _fake: fake, _processes: (api, worker) }
}

/// Breaks the house; the program's further lines, which say what is mended.
async fn break_it(stand: &Stand) -> (Child, tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) {
    let mut child = Command::new(harness::env::binary("demo"))
        .arg("--broken")
        .env_clear()
        .envs(stand.stage.env.iter().cloned())
        .env("LANES", "")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the demo starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("words") {
        said.push_str(&line);
        said.push('\n');
        if line.contains("Now it is yours") {
            return (child, lines);
        }
    }
    panic!("the demo could not break everything:\n{said}{}", stand.stage.logged());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_planted_failures_are_found_explained_and_mended_from_the_dashboard_alone() {
    let Ok(driver) = std::env::var("CHROMEDRIVER") else {
        eprintln!("SKIPPED: no chromedriver on this machine, nobody played the broken demo");
        return;
    };
    let stand = stand().await;
    let (mut demo, mut lines) = break_it(&stand).await;
    let (_driver, page) = browser(&driver, true, (1280, 900)).await;
    page.goto(&format!("{}/admin", stand.base)).await.expect("the dashboard");
    fill_in(&page, "[name=login]", "admin@facteur.example").await;
    fill_in(&page, "[name=password]", PASSWORD).await;
    press(&page, "Sign in").await;
    begin(&page, &stand, "3 problems").await;
    the_password(&page, &stand).await;
    begin(&page, &stand, "dead").await;
    the_template(&page).await;
    begin(&page, &stand, "Stripe event").await;
    the_early_events(&page).await;
    let mut mended = 0;
    let all = async {
        while let Some(line) = lines.next_line().await.expect("words") {
            mended += usize::from(line.contains('✓'));
        }
        demo.wait().await.expect("it ends").success()
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), all).await;
    assert_eq!((ended, mended), (Ok(true), 3), "{}", stand.stage.logged());
    page.close().await.expect("closed");
}

/// The overview, as soon as it tells this.
async fn begin(page: &Client, stand: &Stand, words: &str) {
    eventually(Duration::from_secs(40), words, || async {
        page.goto(&format!("{}/admin", stand.base)).await.expect("the overview");
        let text = page.find(Locator::Css("main")).await.expect("a page").text().await;
        let told = text.is_ok_and(|text| text.split("Waiting").next().is_some_and(|problems| problems.contains(words)));
        if !told {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        told
    })
    .await;
}

/// Follows the problem that says so.
async fn see(page: &Client, problem: &str) {
    let link = format!("//main/ul[@class='problems']/li[contains(., '{problem}')]//a");
    page.find(Locator::XPath(&link)).await.expect("a problem has a link").click().await.expect("followed");
}

/// Mails are refused, by one worker alone: it is stopped, and what it failed to do is done by the other.
async fn the_password(page: &Client, stand: &Stand) {
    see(page, "email.send").await;
    sees(page, "535").await;
    if page.current_url().await.expect("an address").path() == "/admin/errors" {
        follow(page, "535").await; // the alarm names the kind, the list its failures
    }
    sees(page, "refused the user name or the password").await;
    sees(page, "one worker alone").await;
    unfold(page, "Stop this worker").await;
    press(page, "Drain and stop it").await;
    at(page, "/admin/workers").await;
    eventually(Duration::from_secs(40), "the worker has stopped", || async {
        page.refresh().await.expect("the page again");
        let text = page.find(Locator::Css("main")).await.expect("a page").text().await;
        text.is_ok_and(|text| text.contains("Stopped"))
    })
    .await;
    page.back().await.expect("back to the failure");
    press(page, "Retry all").await;
    sees(page, "Reason").await;
    press(page, "Retry").await;
    sees(page, "Done").await;
    let left = "select count(*) from jobs where error_code = 'smtp_login' and state <> 'succeeded'";
    stand.stage.until(Duration::from_secs(60), left, 0).await;
}

/// A mail lacks what its template prints: the page names it, the mail that it repeats has it.
async fn the_template(page: &Client) {
    see(page, "dead").await;
    follow(page, "email.send").await;
    sees(page, "could not be filled in").await;
    follow(page, "Open the mail that it sends").await;
    sees(page, "Add request_number to its data").await;
    let lacking = page.current_url().await.expect("an address");
    let first = "//main//dt[contains(., 'Repeats')]/following-sibling::dd[1]/a";
    page.find(Locator::XPath(first)).await.expect("the mail before").click().await.expect("followed");
    sees(page, "Sent").await;
    let data = page.find(Locator::Css("pre[aria-label=Data]")).await.expect("its data").text().await.expect("text");
    let data: Value = serde_json::from_str(&data).expect("JSON");
    assert!(data["request_number"].is_string(), "{data}");
    page.goto(lacking.as_str()).await.expect("the mail that lacks it");
    fill_in(page, "textarea[name=vars]", &data.to_string()).await;
    press(page, "Check, keep and try again").await;
    sees(page, "on its way").await;
}

/// Events came before what they are about: by now it is known, and they are handled again.
async fn the_early_events(page: &Client) {
    see(page, "Stripe event").await;
    sees(page, "Unmatched").await;
    let row = Locator::Css("main tr[data-href] a.kind");
    page.find(row).await.expect("an event").click().await.expect("opened");
    sees(page, "asks Stripe how things stand").await;
    page.back().await.expect("back to the list");
    press(page, "Handle all that match again").await;
    sees(page, "at most 5,000 go at once").await;
    press(page, "Handle").await;
    sees(page, "Jobs ask Stripe").await;
}
