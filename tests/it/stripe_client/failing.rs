//! What each failure means, and when a call is made again.

use std::time::Duration;

use serde_json::json;
use shared::kernel::Error;
use shared::platform::stripe::{Class, PACE, Patience, StripeError};
use worker::failure::Failure;

use super::server::{Fault, refusal};
use super::{Fixture, refund, session, told};

#[tokio::test]
async fn each_failure_has_its_class() {
    let f = Fixture::new().await;
    f.server.put(json!({ "id": "ch_1", "amount": 1, "currency": "eur" }));
    let html = "<html>Bad Gateway</html>".to_owned();
    for (fault, class, code, tries) in [
        (refusal(400, "invalid_request_error", "parameter_missing"), Class::Permanent, "parameter_missing", 1),
        (refusal(402, "card_error", "card_declined"), Class::Permanent, "card_declined", 1),
        (refusal(401, "invalid_request_error", "api_key_expired"), Class::Transient, "api_key_expired", 1),
        (
            refusal(403, "invalid_request_error", "more_permissions_required"),
            Class::Transient,
            "more_permissions_required",
            1,
        ),
        (refusal(409, "api_error", "lock_timeout"), Class::Transient, "lock_timeout", 3),
        (refusal(429, "invalid_request_error", "rate_limit"), Class::Transient, "rate_limit", 3),
        (refusal(500, "api_error", "x"), Class::Transient, "x", 3),
        (Fault::Answer(502, "", html.clone()), Class::Unreadable, "unreadable", 3),
        (Fault::Answer(404, "", html.clone()), Class::Unreadable, "unreadable", 1),
        (Fault::Answer(302, "location: /elsewhere\r\n", String::new()), Class::Unreadable, "unreadable", 1),
        (Fault::DoneBut(200, html), Class::Unreadable, "unreadable", 1),
        (Fault::DoneBut(200, r#"{"id":"ch_1","amount_refunded":"many"}"#.into()), Class::Unreadable, "unreadable", 1),
        (Fault::Lost, Class::Transient, "broken_off", 3),
    ] {
        let before = f.server.seen().len();
        f.server.fail(vec![fault.clone(); tries]);
        let told = told(f.stripe().charge("ch_1").await);
        assert_eq!((told.class, told.code.as_deref()), (class, Some(code)), "{fault:?}: {told}");
        assert_eq!(f.server.seen().len() - before, tries, "{fault:?}");
        let answered = told.status.map(|status| format!("req_{status}"));
        assert_eq!(told.request_id, answered, "Stripe's name of the answer is kept");
    }
    assert!(f.stripe().charge("ch_1").await.expect("an answer").is_some(), "and then all is well");
}

#[tokio::test]
async fn tries_of_one_call_have_one_key() {
    let f = Fixture::new().await;
    f.server
        .fail([Fault::Answer(502, "", "<html>".into()), refusal(409, "idempotency_error", "idempotency_key_in_use")]);
    f.stripe().create_session(&session()).await.expect("the third try works");
    f.server.fail([Fault::Lost]);
    f.stripe().expire_session("cs_test_1").await.expect("the second try works");
    let keys: Vec<_> = f.server.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys[..3], ["checkout:0198:1"; 3]);
    assert!(keys[3] == keys[4] && keys[3].len() > 20, "{keys:?}");
    f.stripe().expire_session("cs_test_1").await.expect("a session");
    assert_ne!(f.server.seen()[5].key(), keys[4], "another call, another key");
}

#[tokio::test]
async fn retry_after_is_waited_for_when_it_is_short_and_told_when_it_is_long() {
    let f = Fixture::new().await;
    f.server.put(json!({ "id": "ch_1", "amount": 1, "currency": "eur" }));
    f.server.fail([Fault::Answer(429, "retry-after: 1\r\n", "{}".into())]);
    f.stripe().charge("ch_1").await.expect("the second try works");
    let seen = f.server.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1), "our own wait would have been shorter");
    f.server.fail([Fault::Answer(429, "retry-after: 600\r\n", r#"{"error":{"code":"rate_limit"}}"#.into())]);
    let error = f.stripe().charge("ch_1").await.expect_err("too long to wait for");
    assert_eq!(f.server.seen().len(), 3);
    let failure = Failure::from(Error::from(error));
    assert!(matches!(failure, Failure::RetryAfter(wait, _) if wait == Duration::from_secs(600)), "{failure:?}");
}

#[tokio::test]
async fn stripes_word_that_trying_again_is_useless_is_taken() {
    let f = Fixture::new().await;
    let body = r#"{"error":{"type":"api_error"}}"#;
    f.server.fail([Fault::Answer(500, "stripe-should-retry: false\r\n", body.into())]);
    assert_eq!(told(f.stripe().charge("ch_1").await).class, Class::Transient, "a later job may");
    assert_eq!(f.server.seen().len(), 1);
}

#[tokio::test]
async fn a_success_nobody_can_read_is_kept_as_sent_and_asked_with_its_key() {
    let f = Fixture::new().await;
    f.server.fail([Fault::DoneBut(200, "<html>".into())]);
    assert_eq!(told(f.stripe().create_refund(&refund(500)).await).class, Class::Unreadable);
    assert_eq!(f.calls().await[0]["state"], "sent");
    f.stripe().create_refund(&refund(500)).await.expect("the same refund");
    assert_eq!((f.server.created(), f.server.seen()[1].key()), (1, "refund:0199:1"));
}

#[tokio::test]
async fn nobody_at_home_is_a_passing_failure() {
    let f = Fixture::new().await;
    let port = harness::process::free_port();
    let app = harness::TestApp::with(&[
        ("STRIPE_SECRET_KEY", super::KEY),
        ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
        ("STRIPE_API_BASE", &format!("http://127.0.0.1:{port}")),
    ])
    .await;
    let told = told(app.platform.stripe().expect("payments are on").hurried().charge("ch_1").await);
    assert_eq!((told.class, told.code.as_deref()), (Class::Transient, Some("connect")));
    f.server.fail([refusal(400, "invalid_request_error", "x")]);
    let error: StripeError = f.stripe().charge("ch_1").await.expect_err("refused");
    assert!(matches!(Failure::from(Error::from(error)), Failure::Dead(_)), "a refusal is for people to look at");
}

#[tokio::test]
async fn a_call_that_our_own_limit_holds_back_has_not_failed() {
    let f = Fixture::new().await;
    f.server.put(json!({ "id": "ch_1", "amount": 1, "currency": "eur" }));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..130 {
        let stripe = f.stripe().clone();
        calls.spawn(async move { stripe.charge("ch_1").await });
    }
    // Whose turn is more than five seconds away hears so before anybody is served. The more slowly the calls came in, the
    // fewer are late.
    let turns = 1 + Patience::JOB.turn.as_millis() / PACE.per.as_millis();
    let first = calls.join_next().await.expect("an answer").expect("no panic");
    let mut late: Vec<StripeError> = first.err().into_iter().collect();
    while let Some(ended) = calls.join_next().await {
        late.extend(ended.expect("no panic").err());
    }
    assert!((1..=130 - turns as usize).contains(&late.len()), "{} of 130 were told to come later", late.len());
    assert_eq!(f.server.seen().len() + late.len(), 130, "and did not reach Stripe");
    for error in late {
        let failure = Failure::from(error);
        assert!(matches!(failure, Failure::Snooze(wait) if wait >= Duration::from_secs(5)), "{failure:?}");
    }
}
