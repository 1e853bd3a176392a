//! Many events at once: Stripe is asked at our pace, and nobody is worse off for having to wait.

use super::*;

/// So many of each of two types.
const EACH: i64 = 1000;

/// Slots of each worker: more jobs wait for a turn than have one within a job's time.
const CROWD: &str = "stripe:96,*";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "90 s, in ./dev faults"]
async fn two_thousand_events_again_keep_to_the_pace_and_burn_no_attempt() {
    let _line = Line::of("F40", "2,000 events replayed at Stripe's pace");
    let mut branch = Branch::with(1, None, &[("LANES", CROWD)]).await;
    branch.add_worker();
    branch.paid().await;
    let (waiting, session) = branch.bought().await;
    branch.add_worker();
    let (customer, method) = (&branch.at_stripe("customer").await[0], &branch.at_stripe("payment_method").await[0]);
    let before = (branch.calls(CUSTOMER).await, branch.calls(METHOD).await);
    for (kind, object) in [("customer.updated", customer), ("payment_method.updated", method)] {
        handled_before(&branch, kind, &text(object, "id")).await;
        let replay = json!({ "type": kind });
        let again = branch.asked(Method::POST, "/api/v1/admin/stripe-events/replay", &branch.admin, replay, 202).await;
        assert_eq!(again["events"], EACH);
    }
    // Somebody pays meanwhile, and does not queue behind all of them.
    let left = format!("{REPLAYED} and state <> 'succeeded'");
    eventually(seconds(60), "a tenth is done", || async { branch.count(&left).await < 9 * EACH / 5 }).await;
    assert_eq!(branch.tell_paid("evt_live", &session).await, 200);
    let paid = format!("select count(*) from orders where id = '{waiting}' and status = 'paid'");
    branch.stage.until(seconds(60), &paid, 1).await;
    assert!(branch.count(&left).await > EACH / 2, "the buyer waited for the replay");

    branch.stage.until(seconds(180), &format!("select count(*) from {left}"), 0).await;
    assert_eq!(branch.count(&format!("{REPLAYED} and attempt > 1")).await, 0, "attempts were burned");
    let blamed = "job_attempts where outcome not in ('ok', 'snoozed')";
    assert_eq!(branch.count(blamed).await, 0, "a wait for a turn is no failure");
    let asked = (branch.calls(CUSTOMER).await - before.0, branch.calls(METHOD).await - before.1);
    assert!(asked.0 >= EACH as u64 && asked.1 >= EACH as u64, "each asked Stripe: {asked:?}");
    let peaks = branch.fake.ask("counts").await["peak_per_second"].clone();
    for (path, peak) in peaks.as_object().expect("peaks") {
        assert!(peak.as_u64().is_some_and(|peak| peak <= 20), "{path}: {peak} in one second; all: {peaks}");
    }
}

const CUSTOMER: &str = "GET /v1/customers/{id}";
const METHOD: &str = "GET /v1/payment_methods/{id}";
const REPLAYED: &str = "jobs where kind = 'stripe.process_event' and unique_key like '%:replay:%'";

/// Rows of events that were handled some time ago.
async fn handled_before(branch: &Branch, kind: &str, object: &str) {
    sqlx::query(
        "insert into stripe_events (id, event_id, type, object_id, created_at, source, status, processed_at)
         select gen_random_uuid(), $1 || n, $1, $2, now() - interval '1 hour' + n * interval '1 second', 'webhook',
                'processed', now()
         from generate_series(1, $3) n",
    )
    .bind(kind)
    .bind(object)
    .bind(EACH)
    .execute(&branch.stage.platform.db)
    .await
    .expect("events");
}
