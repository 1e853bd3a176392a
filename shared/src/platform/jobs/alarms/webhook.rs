//! Alarms to `ALARM_WEBHOOK_URL`, in the form that Slack and its like take: `{"text": …}`. One of
//! the two files that know reqwest.
//!
//! Sent by the process that raised the alarm, once, without waiting: it needs neither a worker nor the mail relay. What
//! cannot be delivered within five seconds is a log line.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Alarm;
use crate::kernel::task;
use crate::platform::Platform;

/// Our bound on one post, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Posts alarms, in the background.
pub fn post(platform: &Platform, alarms: &[Alarm]) {
    let Some(address) = platform.config.alarms.webhook.clone().filter(|_| !alarms.is_empty()) else { return };
    let (house, url) = (&platform.config.mail.from_name, &platform.config.http.public_url);
    let line = |alarm: &Alarm| format!("{house}: {} {url}{}", alarm.message, alarm.page());
    let text = alarms.iter().map(line).collect::<Vec<_>>().join("\n");
    task::spawn("alarm webhook", async move {
        if let Err(error) = send(&address, &text).await {
            tracing::warn!(%error, "ALARM_WEBHOOK_URL did not take the alarm");
        }
    });
}

/// A line for the webhook now: whether it took it; none: there is no webhook.
pub async fn try_webhook(platform: &Platform, text: &str) -> Option<bool> {
    let address = platform.config.alarms.webhook.as_ref()?;
    let sent = send(address, &format!("{}: {text}", platform.config.mail.from_name)).await;
    if let Err(error) = &sent {
        tracing::warn!(%error, "ALARM_WEBHOOK_URL did not take the test");
    }
    Some(sent.is_ok())
}

async fn send(address: &SecretString, text: &str) -> Result<(), reqwest::Error> {
    let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
    let request = http.post(address.expose_secret()).header("content-type", "application/json");
    // Never the address in an error: it is the key to somebody's chat.
    let sent = request.body(json!({ "text": text }).to_string()).send().await.map_err(reqwest::Error::without_url)?;
    sent.error_for_status().map_err(reqwest::Error::without_url)?;
    Ok(())
}
