//! `fake-stripe`: the fake as a process of its own, for `./dev up`. It never leaves loopback.
//!
//! | variable                     | what                                                          |
//! |------------------------------|---------------------------------------------------------------|
//! | `FAKE_STRIPE_PORT`           | where it listens; a free port without it                      |
//! | `FAKE_STRIPE_KEY`            | the secret key that calls carry (`sk_test_fake`)              |
//! | `FAKE_STRIPE_WEBHOOK_URL`    | where events go                                               |
//! | `FAKE_STRIPE_WEBHOOK_SECRET` | what signs them: `whsec_…`, or several, separated by commas   |
//! | `FAKE_STRIPE_KEPT`           | a file that keeps what it knows from one start to the next    |
//! | `FAKE_STRIPE_SEPA_SECONDS`   | a direct debit is settled after so long (three days)          |

use anyhow::Context;
use harness::stripe::{API_VERSION, FakeStripe, Settings, Webhook, everything};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let read = |name: &str| std::env::var(format!("FAKE_STRIPE_{name}")).ok().filter(|value| !value.is_empty());
    let mut settings = Settings { talk: true, ..Settings::default() };
    if let Some(key) = read("KEY") {
        settings.key = key;
    }
    if let Some(seconds) = read("SEPA_SECONDS") {
        settings.sepa_seconds = seconds.parse()?;
    }
    settings.kept = read("KEPT").map(Into::into);
    if let Some(url) = read("WEBHOOK_URL") {
        let secrets = read("WEBHOOK_SECRET").ok_or_else(|| anyhow::anyhow!("FAKE_STRIPE_WEBHOOK_SECRET is not set"))?;
        let secrets = secrets.split(',').map(|secret| secret.trim().to_owned()).collect();
        settings.webhook = Some(Webhook { url, secrets, events: everything(), signed_at: None });
    }
    let port = read("PORT").map_or(Ok(0), |port| port.parse())?;
    let mut stop = signal(SignalKind::terminate())?;
    let file = settings.kept.clone().unwrap_or_default();
    let fake = FakeStripe::at(port, settings).await;
    let fake = fake.with_context(|| format!("port {port} of loopback, and what was kept in {file:?}"))?;
    println!("A fake Stripe ({API_VERSION}) listens on {0}; {0}/_fake says what it can", fake.url);
    Ok(fake.serve_until(stop.recv()).await?)
}
