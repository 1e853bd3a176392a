//! API processes that die and are replaced, and callers who ask more than once.

use std::collections::BTreeSet;
use std::time::Instant;

use harness::World;
use harness::crowd::{ask, client};
use harness::process::{busy, terminate};
use harness::relay::Mood;

use super::{rest, seconds};

const REQUESTS: &str = "select count(*) from requests";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "30 s, in ./dev faults"]
async fn f5_a_rolling_deploy_is_not_noticed() {
    let mut world = World::new("F5", "rolling deploy of two APIs and two workers under load", &[]).await;
    world.stage.relay.be(Mood::Slow(20));
    world.open(2, 5).await;
    world.add_api().await;
    for _ in 0..2 {
        let (mut api, mut worker) = (world.apis.remove(0), world.workers.remove(0));
        world.doors.remove(0);
        world.workers.push(world.stage.worker());
        world.add_api().await;
        terminate(&api).expect("SIGTERM");
        terminate(&worker).expect("SIGTERM");
        for process in [&mut api, &mut worker] {
            let status = tokio::time::timeout(seconds(25), process.wait()).await.expect("within the grace");
            assert!(status.expect("an exit").success(), "exit 0");
        }
        world.progress(seconds(20), 20).await;
    }
    world.recovers(seconds(5)).await;
    let failed = world.crowd.answers().iter().filter(|answer| answer.status.is_some_and(|s| s >= 500)).count();
    assert_eq!(failed, 0, "5xx answers");
    world.judge(seconds(30), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_an_api_killed_during_enqueues_accepts_each_key_once() {
    let mut world = World::new("F8", "API SIGKILL five times during enqueues", &[]).await;
    world.open(1, 5).await;
    let port = world.doors[0].rsplit(':').next().expect("a port").parse().expect("a port");
    for _ in 0..5 {
        rest(1).await;
        world.apis.pop().expect("an API").kill().await.expect("kill -9");
        world.apis.push(world.stage.api_at(port, &[]).await.0);
    }
    world.recovers(seconds(5)).await;
    world.crowd.finish(seconds(20)).await;
    let (accepted, rows) = (world.crowd.accepted(), world.stage.count(REQUESTS).await);
    assert_eq!(rows as usize, accepted.len(), "a key is one request, however often it was tried");
    world.judge(seconds(20), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "15 s, in ./dev faults"]
async fn f9_a_key_thrice_at_once_is_one_request() {
    let mut world = World::new("F9", "the same key thrice at once, at two APIs", &[]).await;
    world.open(1, 5).await;
    world.add_api().await;
    let before = world.crowd.begun();
    let http = client();
    for n in 1_000_000..1_000_040 {
        let (first, second, key) = (&world.doors[0], &world.doors[1], format!("thrice-{n}"));
        let three = tokio::join!(ask(&http, first, n, &key), ask(&http, second, n, &key), ask(&http, first, n, &key));
        let answers = [three.0, three.1, three.2];
        let statuses: BTreeSet<u16> = answers.iter().filter_map(|(answer, _)| answer.status).collect();
        assert!(statuses.is_subset(&[201, 409, 503].into()), "an answer, in progress, or too busy: {statuses:?}");
        let mut ids: BTreeSet<String> = answers.into_iter().map(|(_, id)| id).filter(|id| !id.is_empty()).collect();
        let from = Instant::now();
        while ids.is_empty() && from.elapsed() < seconds(10).mul_f64(busy()) {
            ids.extend(Some(ask(&http, second, n, &key).await.1).filter(|id| !id.is_empty()));
        }
        assert_eq!(ids.len(), 1, "one id for one key");
        world.crowd.note(n, ids.first().expect("one id"));
    }
    assert!(world.crowd.begun() > before, "others write meanwhile");
    world.judge(seconds(20), 0).await;
}
