//! `facteur stripe`: what Stripe told us, read, repeated and made up on the command line.

use std::time::Duration;

use harness::Stage;
use harness::stripe::FakeStripe;
use serde_json::Value;
use shared::flows::stripe_event;

use crate::commands::{run, said};

/// A stage beside a fake Stripe that knows nothing.
async fn stage() -> (Stage, FakeStripe) {
    let fake = FakeStripe::start().await;
    let stripe =
        [("STRIPE_SECRET_KEY", "sk_test_fake"), ("STRIPE_WEBHOOK_SECRET", "whsec_x"), ("STRIPE_API_BASE", &fake.url)];
    (Stage::new(&stripe).await, fake)
}

/// Runs `facteur stripe …`, which must succeed; what it said.
async fn stripe(stage: &Stage, args: &[&str]) -> String {
    let output = run(stage, "facteur", &[&["stripe"], args].concat()).await;
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_made_up_handled_and_listed() {
    let (stage, _fake) = stage().await;
    let made = stripe(&stage, &["simulate", "charge.refunded", "ch_nobody_knows"]).await;
    let id = made.split(' ').next().expect("a name").to_owned();
    assert!(made.starts_with("evt_simulated_") && made.contains("received"), "{made}");
    assert!(
        stripe(&stage, &["simulate", "account.updated", "acct_1"]).await.contains("ignored"),
        "a type of no concern"
    );

    let _worker = stage.worker();
    let handled = "select count(*) from stripe_events where error_code = 'gone'";
    stage.until(Duration::from_secs(20), handled, 1).await;
    let all = stripe(&stage, &["events"]).await;
    assert!(all.contains(&id) && all.contains("acct_1"), "{all}");
    let refunds = stripe(&stage, &["events", "--type", "charge.refunded", "--status", "ignored", "--json"]).await;
    let refunds: Value = serde_json::from_str(&refunds).expect("JSON");
    let found: Vec<_> = refunds["data"].as_array().expect("events").iter().map(|event| &event["event_id"]).collect();
    assert_eq!(found, [&id]);
    assert!(stripe(&stage, &["events", "--limit", "1"]).await.contains("there are more: --after"));
    assert_eq!(stripe(&stage, &["events", "--status", "failed"]).await.trim(), "no event matches");
    assert_eq!(run(&stage, "facteur", &["stripe", "events", "--status", "lost"]).await.status.code(), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_handled_again_one_or_many() {
    let (stage, _fake) = stage().await;
    let mut ids = Vec::new();
    for object in ["pi_1", "pi_2"] {
        let made = stripe(&stage, &["simulate", "payment_intent.succeeded", object]).await;
        ids.push(made.split(' ').next().expect("a name").to_owned());
    }
    let jobs = "select count(*) from jobs where kind = 'stripe.process_event'";
    stage.until(Duration::from_secs(1), jobs, 2).await;
    let dry = stripe(&stage, &["replay", "--type", "payment_intent.succeeded", "--dry-run"]).await;
    assert!(dry.starts_with("2 events match"), "{dry}");
    stage.until(Duration::from_secs(1), jobs, 2).await;
    let one = stripe(&stage, &["replay", &ids[0]]).await;
    assert!(one.contains("handled again"), "{one}");
    stage.until(Duration::from_secs(1), jobs, 3).await;
    let since = ["replay", "--status", "received", "--since", "2020-01-01T00:00:00Z"];
    assert!(stripe(&stage, &since).await.starts_with("2 events are handled again"));
    stage.until(Duration::from_secs(1), jobs, 5).await;
    let log = "select count(*) from audit_log where action = 'STRIPE_EVENT_REPLAYED'";
    stage.until(Duration::from_secs(1), log, 2).await;

    for (args, code) in [(&["replay"][..], 64), (&["replay", "evt_none"], 65), (&["replay", &ids[0], "--dry-run"], 64)]
    {
        let refused = run(&stage, "facteur", &[&["stripe"], args].concat()).await;
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", said(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_types_to_subscribe_to_are_those_that_are_handled() {
    let (stage, _fake) = stage().await;
    let types = stripe(&stage, &["events", "--types"]).await;
    let types: Vec<&str> = types.lines().collect();
    assert_eq!(types.len(), stripe_event::TYPES.len());
    assert!(types.iter().all(|name| stripe_event::about(name).is_some()), "{types:?}");
    assert!(types.contains(&"checkout.session.completed"), "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_makes_nothing_up() {
    let (mut stage, _fake) = stage().await;
    let house = concat!(env!("CARGO_MANIFEST_DIR"), "/house.toml");
    stage
        .env
        .extend([("APP_ENV", "production"), ("INVOICE_HOUSE", house)].map(|(name, value)| (name.into(), value.into())));
    let refused = run(&stage, "facteur", &["stripe", "simulate", "charge.refunded", "ch_1"]).await;
    assert_eq!(refused.status.code(), Some(77), "{}", said(&refused));
    stage.until(Duration::from_secs(1), "select count(*) from stripe_events", 0).await;
}
