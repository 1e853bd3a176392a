//! What Stripe tells is taken whatever is away, except for PostgreSQL.

use harness::postgres::Postgres;
use harness::redis::RedisServer;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_unless_postgresql_is_away_and_each_is_applied_once() {
    let _line = Line::of("F40", "Stripe's events while Redis, worker or Stripe are away");
    let (mut postgres, mut redis) = (Postgres::start(&[]).await, RedisServer::start().await);
    let mut branch = Branch::with(1, Some(&postgres.url()), &[("REDIS_URL", &redis.url)]).await;
    let mut bought = Vec::new();
    for _ in 0..5 {
        bought.push(branch.bought().await);
    }
    // No worker runs.
    assert_eq!(branch.tell_paid("evt_no_worker", &bought[0].1).await, 200);
    // Stripe hangs, and a worker waits for its answer.
    branch.fake.tell("faults", json!({ "path": "*", "times": 1000, "how": "hang", "ms": 2000 })).await;
    branch.add_worker();
    eventually(seconds(20), "the worker asks Stripe", || async {
        branch.calls("GET /v1/checkout/sessions/{id}").await > 0
    })
    .await;
    assert_eq!(branch.tell_paid("evt_stripe_hangs", &bought[1].1).await, 200);
    branch.workers.pop().expect("a worker").kill().await.expect("kill -9");
    // Redis is away, then mute.
    redis.kill().await;
    assert_eq!(branch.tell_paid("evt_no_redis", &bought[2].1).await, 200);
    redis.restart().await;
    redis.stop();
    assert_eq!(branch.tell_paid("evt_mute_redis", &bought[3].1).await, 200);
    redis.resume();
    // PostgreSQL is away: Stripe hears that it must come again.
    postgres.stop();
    assert_eq!(branch.tell_paid("evt_no_postgres", &bought[4].1).await, 503);
    postgres.begin().await;
    eventually(seconds(20), "events are taken again", || async {
        branch.tell_paid("evt_no_postgres", &bought[4].1).await == 200
    })
    .await;
    assert_eq!(branch.count("stripe_events where status = 'received'").await, 5, "all are kept, none is handled");
    let faults = format!("{}/_fake/faults", branch.fake.url);
    branch.http.delete(faults).send().await.expect("an answer").error_for_status().expect("no fault is left");
    branch.add_worker();
    let orders: Vec<&str> = bought.iter().map(|(order, _)| order.as_str()).collect();
    branch.assert_paid_once(&orders).await;
    assert_eq!(branch.count("stripe_events where status = 'processed' and deliveries = 1").await, 5);
}
