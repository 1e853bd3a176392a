//! Workers that die, stop, hang, are told to go, or are of another version.

use std::time::Instant;

use harness::World;
use harness::process::{busy, eventually, signal, terminate};
use harness::relay::Mood;
use serde::{Deserialize, Serialize};
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{Job, Retry};

use super::{rest, seconds};

/// Mails a worker has in flight at most: the slots of their lane.
const IN_FLIGHT: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_worker_killed_in_the_middle_of_2000_mails_loses_none() {
    let mut world = World::new("F1", "worker SIGKILL in the middle of 2,000 mails", &[]).await;
    world.stage.relay.be(Mood::Slow(5));
    world.open(1, 5).await;
    world.queue_mails(2000).await;
    world.progress(seconds(30), 600).await;
    world.workers[0].kill().await.expect("kill -9");
    let held = world.held().await;
    world.workers.push(world.stage.worker());
    // The promise is 20 s; a machine that is busy with something else gets some air.
    world.moved_on(&held, seconds(30)).await;
    world.judge(seconds(60), IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "50 s, in ./dev faults"]
async fn f2_a_worker_killed_every_second_still_makes_progress() {
    let mut world = World::new("F2", "worker SIGKILL every second, 25 times", &[]).await;
    world.stage.relay.be(Mood::Slow(20));
    world.open(1, 5).await;
    world.queue_mails(3000).await;
    let mut arrived = vec![world.stage.relay.count()];
    for _ in 0..25 {
        tokio::time::sleep(seconds(1).mul_f64(busy())).await; // a process must have started to be killed at work
        world.workers.pop().expect("a worker").kill().await.expect("kill -9");
        world.workers.push(world.stage.worker());
        arrived.push(world.stage.relay.count());
    }
    let standing = arrived.windows(6).filter(|six| six[0] == six[5]).count();
    assert_eq!(standing, 0, "mails arrive between any five kills: {arrived:?}");
    let poison = world.stage.count("select count(*) from jobs where error_code = 'poison'").await;
    assert_eq!(poison, 0, "nobody here kills workers but we");
    let held = world.held().await;
    world.moved_on(&held, seconds(40)).await;
    world.judge(seconds(120), 25 * IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f3_a_stopped_worker_wakes_up_as_a_stranger_to_its_jobs() {
    let mut world = World::new("F3", "worker SIGSTOP 20 s, then CONT", &[]).await;
    world.stage.relay.be(Mood::Slow(200));
    world.open(1, 5).await;
    world.queue_mails(300).await;
    world.progress(seconds(20), 20).await;
    signal(&world.workers[0], "STOP").expect("a signal");
    let stopped = Instant::now();
    rest(1).await; // what it had sent to the stores is there by now
    let held = world.held().await;
    assert!(!held.is_empty(), "it has jobs in hand");
    world.workers.push(world.stage.worker());
    world.moved_on(&held, seconds(30)).await;
    tokio::time::sleep(seconds(20).saturating_sub(stopped.elapsed())).await;
    signal(&world.workers[0], "CONT").expect("a signal");
    rest(5).await;
    let (ids, fences): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    let recorded =
        "select (select count(*) from jobs join unnest($1::uuid[], $2::int[]) as h (id, fence) using (id, fence))
                         + (select count(*) from job_attempts a join unnest($1::uuid[], $2::int[]) as h (id, fence)
                            on h.id = a.job_id and h.fence = a.fence and a.outcome <> 'lost')";
    let recorded: i64 = sqlx::query_scalar(recorded)
        .bind(&ids)
        .bind(&fences)
        .fetch_one(&world.stage.platform.db)
        .await
        .expect("a count");
    assert_eq!(recorded, 0, "the one that slept records nothing under its old fences");
    world.judge(seconds(60), IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_sigterm_during_mails_ends_cleanly_and_repeats_none() {
    let mut world = World::new("F4", "worker SIGTERM during mails", &[]).await;
    world.stage.relay.be(Mood::Slow(500));
    world.open(1, 5).await;
    world.queue_mails(50).await;
    world.progress(seconds(20), 10).await;
    let told = Instant::now();
    terminate(&world.workers[0]).expect("SIGTERM");
    let status = world.workers[0].wait().await.expect("an exit");
    assert!(status.success() && told.elapsed() < seconds(25), "{status} after {:?}", told.elapsed());
    world.stage.relay.be(Mood::Accept);
    world.workers.push(world.stage.worker());
    world.recovers(seconds(10)).await;
    world.judge(seconds(30), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_sigterm_drains_and_burns_no_attempt() {
    let changes = [("LANES", "default:2"), ("SHUTDOWN_GRACE_SECONDS", "6")];
    let mut world = World::new("F4", "worker SIGTERM with jobs waiting", &changes).await;
    world.probes(2, ProbeMode::Sleep, 1500).await;
    let long = Probe { mode: ProbeMode::Sleep, n: Some(60_000), note: None };
    world.jobs(20, &long).await;
    let mut worker = world.stage.worker();
    let running = "select count(*) from jobs where state = 'running' and payload->>'n' = '1500'";
    world.stage.until(seconds(20), running, 2).await;
    let told = Instant::now();
    terminate(&worker).expect("SIGTERM");
    let status = worker.wait().await.expect("an exit");
    assert!(status.success(), "exit 0, not {status}");
    assert!(told.elapsed() < seconds(6), "within the grace, not after {:?}", told.elapsed());
    let untouched = "select count(*) from jobs where state = 'queued' and attempt = 0";
    assert_eq!(world.stage.count(untouched).await, 20, "the rest waits as if nothing had been");
    world.cancel_the_rest().await;
    world.judge(seconds(1), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_the_end_of_the_grace_gives_running_jobs_back_unburned() {
    let changes = [("LANES", "default:4"), ("SHUTDOWN_GRACE_SECONDS", "3")];
    let world = World::new("F4", "worker SIGTERM, jobs outlast the grace", &changes).await;
    world.jobs(4, &Probe { mode: ProbeMode::Sleep, n: Some(60_000), note: None }).await;
    let mut worker = world.stage.worker();
    world.stage.until(seconds(20), "select count(*) from jobs where state = 'running'", 4).await;
    terminate(&worker).expect("SIGTERM");
    assert!(worker.wait().await.expect("an exit").success());
    let given_back = "select count(*) from jobs where state = 'queued' and attempt = 0";
    assert_eq!(world.stage.count(given_back).await, 4);
    world.cancel_the_rest().await;
    world.judge(seconds(1), 0).await;
}

/// A kind that only `worker-newer` knows.
#[derive(Serialize, Deserialize)]
struct Newer {
    deaf: bool,
}

impl Job for Newer {
    const KIND: &'static str = "debug.newer";
    const RETRY: Retry = Retry::PROBE;
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
}

/// Today's kind with tomorrow's payload.
#[derive(Serialize, Deserialize)]
struct ProbeOfTomorrow {
    mode: ProbeMode,
    shade: String,
}

impl Job for ProbeOfTomorrow {
    const KIND: &'static str = Probe::KIND;
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_a_worker_leaves_what_it_does_not_know_to_others() {
    let mut world = World::new("F6", "two versions: a new kind, a new field", &[]).await;
    world.open(1, 5).await;
    let new_kind = world.jobs(20, &Newer { deaf: false }).await;
    let new_field = world.jobs(20, &ProbeOfTomorrow { mode: ProbeMode::Ok, shade: "blue".into() }).await;
    let done = "select count(*) from jobs where kind = 'debug.probe' and state = 'succeeded' and attempt = 1";
    world.stage.until(seconds(10), done, 20).await;
    rest(3).await;
    let left_alone = "select count(*) from jobs where kind = 'debug.newer' and state = 'queued' and attempt = 0
                      and fence = 0 and last_error is null";
    assert_eq!(world.stage.count(left_alone).await, 20, "the kind of tomorrow waits for its worker");
    world.workers.push(world.stage.start("worker-newer", &[], &[]));
    world.owed.extend(new_kind.iter().chain(&new_field));
    world.judge(seconds(20), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "60 s, in ./dev faults"]
async fn f10_a_job_that_kills_its_process_is_quarantined_after_three_deaths() {
    let mut world = World::new("F10", "poison: a job aborts its process", &[]).await;
    world.open(1, 5).await;
    let poison = world.jobs(1, &Probe { mode: ProbeMode::Abort, n: None, note: None }).await[0];
    let began = Instant::now();
    let dead = "select count(*) from jobs where state = 'dead' and error_code = 'poison' and kind = 'debug.probe'";
    while world.stage.count(dead).await == 0 {
        assert!(began.elapsed() < seconds(100).mul_f64(busy()), "not quarantined; log: {}", world.stage.log.display());
        if world.workers[0].try_wait().expect("a status").is_some() {
            world.workers[0] = world.stage.worker();
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let deaths = format!("select count(*) from job_attempts where outcome = 'lost' and job_id = '{poison}'");
    assert_eq!(world.stage.count(&deaths).await, 3);
    let innocent = "select count(*) from jobs where error_code = 'poison' and kind <> 'debug.probe'";
    assert_eq!(world.stage.count(innocent).await, 0, "who happened to run beside it is not quarantined");
    world.probes(5, ProbeMode::Ok, 0).await;
    world.recovers(seconds(10)).await;
    world.judge(seconds(60), 3 * IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_a_job_that_ignores_everything_loses_its_slot_at_its_deadline() {
    let mut world =
        World::new("F11", "a job that never returns and ignores its cancellation", &[("LANES", "default:1")]).await;
    let deaf = world.jobs(1, &Newer { deaf: true }).await;
    world.workers.push(world.stage.start("worker-newer", &[], &[]));
    world.stage.until(seconds(10), "select count(*) from jobs where state = 'running'", 1).await;
    let asked = "update jobs set cancel_requested_at = now() where id = $1";
    sqlx::query(asked).bind(deaf[0].0).execute(&world.stage.platform.db).await.expect("asked to stop");
    world.probes(5, ProbeMode::Ok, 0).await;
    let done = "select count(*) from jobs where kind = 'debug.probe' and state = 'succeeded'";
    let question = "its slot is free after its deadline of 2 s";
    eventually(seconds(10), question, || async { world.stage.count(done).await == 5 }).await;
    assert_eq!(world.stage.count("select count(*) from job_attempts where outcome = 'timeout'").await, 1);
    let cancelled = "select count(*) from jobs where kind = 'debug.newer' and state = 'cancelled'";
    assert_eq!(world.stage.count(cancelled).await, 1, "it was asked to stop, so it is not tried again");
    world.judge(seconds(30), 0).await;
}
