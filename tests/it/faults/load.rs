//! Too much at once.

use std::time::Instant;

use harness::World;
use harness::relay::Mood;
use shared::platform::jobs::kinds::ProbeMode;

use super::{rest, seconds};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute, in ./dev faults"]
async fn f43_a_backlog_of_100000_drains_through_one_worker() {
    let mut world = World::new("F43", "backlog of 100,000 with no worker, then one", &[]).await;
    world.add_api().await;
    world.crowd.start(2);
    world.probes(100_000, ProbeMode::Ok, 0).await;
    let began = Instant::now();
    world.workers.push(world.stage.worker());
    world.recovers(seconds(20)).await; // people are served meanwhile
    let left = "select count(*) from jobs where kind = 'debug.probe' and state <> 'succeeded'";
    world.stage.until(seconds(600), left, 0).await;
    eprintln!("100,000 jobs drained in {:.1?}", began.elapsed());
    world.judge(seconds(30), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f46_a_thundering_herd_passes_through_the_pool() {
    let changes = [("MAIL_RETRY_BASE_SECONDS", "15")];
    let mut world = World::new("F46", "every mail refused for an hour, then all are due", &changes).await;
    world.stage.relay.be(Mood::Later);
    world.workers.push(world.stage.worker());
    world.queue_mails(1000).await;
    let refused = "select count(distinct job_id) from job_attempts where outcome = 'error'";
    world.stage.until(seconds(60), refused, 1000).await;
    let spread = "select count(distinct date_trunc('second', next_run_at)) from job_attempts";
    assert!(world.stage.count(spread).await >= 10, "jitter spreads the second tries");
    // The hour passes: the ledger looks as after eight tries, and the last waits end within five seconds.
    let hour = "update jobs set attempt = 8, run_at = now() + random() * interval '5 seconds' where state = 'retrying'";
    world.stage.relay.be(Mood::Slow(20));
    sqlx::query(hour).execute(&world.stage.platform.db).await.expect("an hour passes");
    world.recovers(seconds(10)).await;
    rest(1).await;
    // Eight slots serve the lane; the pool has sixteen connections.
    assert!(world.stage.relay.peak() <= 16, "{} connections at once", world.stage.relay.peak());
    world.judge(seconds(60), 0).await;
}
