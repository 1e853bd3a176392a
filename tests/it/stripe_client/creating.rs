//! One object for each of ours: answers that are lost, processes that die, keys that Stripe has forgotten.

use std::time::Duration;

use harness::process::eventually;
use serde_json::json;
use shared::platform::stripe::Class;

use super::server::{Fault, refusal};
use super::{Fixture, refund, session, told};

#[tokio::test]
async fn an_answer_lost_after_the_commit_and_a_restart_make_one_object() {
    let f = Fixture::new().await;
    f.server.fail([Fault::Lost, Fault::Lost, Fault::Lost]);
    let error = told(f.stripe().create_refund(&refund(500)).await);
    assert_eq!((error.class, error.status), (Class::Transient, None));
    assert_eq!(f.calls().await[0]["state"], "sent", "nobody knows");
    let made = f.restarted().create_refund(&refund(500)).await.expect("a refund");
    let keys: Vec<_> = f.server.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, ["refund:0199:1"; 4]);
    assert_eq!(f.server.created(), 1);
    let row = json!([{ "key": "refund:0199:1", "state": "done", "provider_id": made.id, "error_code": null }]);
    assert_eq!(f.calls().await, row);
}

#[tokio::test]
async fn a_process_that_dies_while_it_waits_leaves_its_key() {
    let f = Fixture::new().await;
    f.server.fail([Fault::Silent]);
    let dying = f.restarted();
    let call = tokio::spawn(async move { dying.create_session(&session()).await });
    eventually(Duration::from_secs(10), "the call is out", || async { f.server.seen().len() == 1 }).await;
    call.abort();
    let made = f.restarted().create_session(&session()).await.expect("a session");
    assert_eq!((made.id.as_str(), f.server.created()), ("cs_test_1", 1));
    let seen = f.server.seen();
    assert_eq!((seen[0].key(), &seen[0].form), (seen[1].key(), &seen[1].form));
}

#[tokio::test]
async fn the_key_is_kept_before_anything_is_sent() {
    let f = Fixture::new().await;
    f.app.execute("alter table outgoing_calls rename to away").await;
    assert!(f.stripe().create_refund(&refund(500)).await.is_err());
    assert!(f.server.seen().is_empty(), "without its key no call goes out");
}

#[tokio::test]
async fn the_same_call_at_the_same_time_makes_one_object() {
    let f = Fixture::new().await;
    let (a, b) = (f.restarted(), f.restarted());
    let (new, same) = (refund(500), refund(500));
    let (one, other) = tokio::join!(a.create_refund(&new), b.create_refund(&same));
    assert_eq!(one.expect("a refund").id, other.expect("a refund").id);
    assert_eq!(f.server.created(), 1);
    f.stripe().create_refund(&refund(500)).await.expect("asked once more, it is the same");
    assert_eq!(f.server.created(), 1);
}

#[tokio::test]
async fn other_parameters_under_the_same_key_are_our_bug() {
    let f = Fixture::new().await;
    f.stripe().create_refund(&refund(500)).await.expect("a refund");
    let error = told(f.stripe().create_refund(&refund(600)).await);
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("idempotency_mismatch")));
    assert_eq!(f.server.seen().len(), 1, "it was not even sent");
    // When only Stripe notices, it is no better, and the first call's fate stays what it was.
    f.app.execute("delete from outgoing_calls").await;
    let error = told(f.stripe().create_refund(&refund(600)).await);
    assert_eq!((error.class, error.kind.as_deref()), (Class::Permanent, Some("idempotency_error")), "{error}");
    assert_eq!(f.server.created(), 1);
    assert_eq!(f.calls().await[0]["state"], "sent", "not refused: the key was used by a call that may have worked");
}

#[tokio::test]
async fn what_was_refused_may_be_asked_again_under_a_new_key() {
    let f = Fixture::new().await;
    f.server.fail([refusal(400, "invalid_request_error", "charge_already_refunded")]);
    let error = told(f.stripe().create_refund(&refund(500)).await);
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("charge_already_refunded")));
    assert_eq!(f.calls().await[0]["state"], "refused");
    f.stripe().create_refund(&refund(400)).await.expect("a refund");
    assert_eq!(f.server.seen()[1].key(), "refund:0199:2");
}

#[tokio::test]
async fn after_a_day_what_may_exist_is_looked_for_before_there_is_a_new_key() {
    let f = Fixture::new().await;
    // Others on the same payment, so that the list has pages.
    for id in ["re_7", "re_8", "re_9"] {
        f.server.put(json!({ "id": id, "amount": 1, "currency": "eur", "payment_intent": "pi_1" }));
    }
    f.server.fail([Fault::Lost, Fault::Lost, Fault::Lost]);
    told(f.stripe().create_refund(&refund(500)).await);
    f.server.forget_keys();
    f.app.advance(Duration::from_secs(25 * 3600)).await;
    let found = f.stripe().create_refund(&refund(500)).await.expect("the refund of yesterday");
    assert_eq!((found.id.as_str(), f.server.created()), ("re_1", 1));
    let row = json!([{ "key": "refund:0199:1", "state": "done", "provider_id": "re_1", "error_code": null }]);
    assert_eq!(f.calls().await, row);
    // Done and known by its id: no list is turned.
    let before = f.server.seen().len();
    assert_eq!(f.stripe().create_refund(&refund(500)).await.expect("the same").id, "re_1");
    assert_eq!(
        f.server.seen()[before..].iter().map(|seen| seen.call.as_str()).collect::<Vec<_>>(),
        ["GET /v1/refunds/re_1"]
    );
}

#[tokio::test]
async fn after_a_day_a_call_that_did_nothing_has_a_new_key() {
    let f = Fixture::new().await;
    let busy = || Fault::Answer(503, "", String::new());
    f.server.fail([busy(), busy(), busy()]);
    told(f.stripe().create_refund(&refund(500)).await);
    f.app.advance(Duration::from_secs(25 * 3600)).await;
    f.stripe().create_refund(&refund(500)).await.expect("a refund");
    assert_eq!(f.server.seen().last().map(|seen| seen.key().to_owned()), Some("refund:0199:2".into()));
    let states: Vec<_> = f.calls().await.as_array().expect("rows").iter().map(|row| row["state"].clone()).collect();
    assert_eq!((states, f.server.created()), (vec![json!("sent"), json!("done")], 1));
    f.app.advance(Duration::from_secs(91 * 86_400)).await;
    let mut db = f.app.platform.db.acquire().await.expect("a connection");
    let gone = shared::platform::stripe::purge(&mut db).await.expect("purged");
    assert_eq!(gone, 2, "the one that did nothing as well: another took its place");
}

#[tokio::test]
async fn ended_calls_are_forgotten_after_their_term_and_open_ones_are_not() {
    let f = Fixture::new().await;
    f.stripe().create_refund(&refund(500)).await.expect("a refund");
    f.server.fail([Fault::Lost, Fault::Lost, Fault::Lost]);
    told(f.stripe().create_session(&session()).await);
    let purge = async || {
        let mut db = f.app.platform.db.acquire().await.expect("a connection");
        shared::platform::stripe::purge(&mut db).await.expect("purged")
    };
    assert_eq!(purge().await, 0);
    f.app.advance(Duration::from_secs(91 * 86_400)).await;
    assert_eq!(purge().await, 1);
    assert_eq!(f.calls().await[0]["key"], "checkout:0198:1");
}
