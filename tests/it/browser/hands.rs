//! What somebody does at a page, and what the driver tells beside it.

use std::str::FromStr;
use std::time::Duration;

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use harness::process::eventually;
use reqwest::Url;
use serde_json::{Value, json};

/// A form is answered by another page, which comes when it comes.
pub async fn sees(page: &Client, words: &str) {
    eventually(Duration::from_secs(20), words, || async {
        let main = page.find(Locator::Css("main")).await;
        let text = match main {
            Ok(main) => main.text().await,
            Err(error) => Err(error),
        };
        text.is_ok_and(|text| text.contains(words))
    })
    .await;
}

/// Presses the first button in the page that says so.
pub async fn press(page: &Client, button: &str) {
    click(page, &format!("//main//button[contains(normalize-space(.), '{button}')]")).await;
}

/// Follows the first link in the page that says so.
pub async fn follow(page: &Client, link: &str) {
    click(page, &format!("//main//a[contains(normalize-space(.), '{link}')]")).await;
}

/// Opens what is folded up.
pub async fn unfold(page: &Client, summary: &str) {
    click(page, &format!("//main//summary[contains(normalize-space(.), '{summary}')]")).await;
}

async fn click(page: &Client, path: &str) {
    eventually(Duration::from_secs(20), path, || async {
        match page.find(Locator::XPath(path)).await {
            Ok(found) => found.click().await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
}

/// Writes into a field, in place of what stood there.
pub async fn fill_in(page: &Client, field: &str, value: &str) {
    let found = page.find(Locator::Css(field)).await.expect("the field is there");
    found.clear().await.expect("emptied");
    found.send_keys(value).await.expect("typed");
}

/// Waits for the page with this path.
pub async fn at(page: &Client, path: &str) {
    eventually(Duration::from_secs(20), path, || async {
        page.current_url().await.is_ok_and(|url| url.path() == path)
    })
    .await;
}

/// What a script gives back.
pub async fn evaluate(page: &Client, script: &str) -> Value {
    page.execute(script, Vec::new()).await.expect("the script runs")
}

/// Orders something of the browser itself (Chrome DevTools Protocol).
pub async fn order(page: &Client, command: &'static str, params: Value) {
    page.issue_cmd(Order(command, params)).await.expect(command);
}

#[derive(Debug)]
struct Order(&'static str, Value);

impl WebDriverCompatibleCommand for Order {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

/// A window so wide and high, whatever the smallest is that the machine allows.
pub async fn window(page: &Client, width: u32, height: u32) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    order(page, "Emulation.setDeviceMetricsOverride", size).await;
}

/// What the system prefers: `prefers-color-scheme`, `prefers-reduced-motion`.
pub async fn prefer(page: &Client, feature: &str, value: &str) {
    let features = json!({ "features": [{ "name": feature, "value": value }] });
    order(page, "Emulation.setEmulatedMedia", features).await;
}
