//! Clocks that are wrong. libfaketime moves the wall clock of one process; `./dev faults` says where it lies.

use harness::World;
use harness::judge::skip;
use harness::process::{eventually, signal};
use harness::relay::Mood;
use shared::platform::jobs::kinds::ProbeMode;

use super::{rest, seconds};

/// The environment that moves a process' wall clock, and leaves alone the one that only measures.
fn fake<'a>(library: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [("LD_PRELOAD", library), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("DONT_FAKE_MONOTONIC", "1")];
    [&usual, more].concat()
}

fn library(id: &str, fault: &str) -> Option<String> {
    let library = std::env::var("FACTEUR_FAKETIME").ok();
    if library.is_none() {
        skip(id, fault, "libfaketime is not installed");
    }
    library
}

/// How far a process' clock is off, in hours, by the last line of the log that has this word. None: there is none.
fn hours_off(world: &World, word: &str) -> Option<f64> {
    let log = world.stage.logged();
    let said: serde_json::Value = serde_json::from_str(log.lines().rfind(|line| line.contains(word))?).ok()?;
    let said: chrono::DateTime<chrono::Utc> = said["timestamp"].as_str()?.parse().ok()?;
    Some((said - chrono::Utc::now()).as_seconds_f64() / 3600.0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f41_a_worker_whose_clock_is_two_hours_off_does_no_harm() {
    let (id, fault) = ("F41", "one worker's clock two hours ahead, one's two hours behind");
    let Some(library) = library(id, fault) else { return };
    let mut world = World::new(id, fault, &[]).await;
    world.stage.relay.be(Mood::Slow(20));
    world.open(1, 5).await;
    for offset in ["+2h", "-2h"] {
        world.workers.push(world.stage.start("facteur-worker", &["run"], &fake(&library, &[("FAKETIME", offset)])));
    }
    for (n, hours) in [(1, 2.0), (2, -2.0)] {
        let name = format!("-{}-", world.workers[n].id().expect("it runs"));
        let moved = || async { hours_off(&world, &name).is_some_and(|off| (off - hours).abs() < 0.1) };
        eventually(seconds(20), "the clock is moved", moved).await;
    }
    world.queue_mails(500).await;
    world.probes(200, ProbeMode::Sleep, 500).await;
    world.progress(seconds(60), 300).await;
    // The right one goes, so the wrong ones do everything: lead, renew, retry.
    world.workers[0].kill().await.expect("kill -9");
    let held = world.held().await;
    world.moved_on(&held, seconds(30)).await;
    let lost = world.stage.count("select count(distinct worker_id) from job_attempts where outcome = 'lost'").await;
    assert!(lost <= 1, "nobody but the killed one is declared dead");
    world.judge(seconds(30), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "30 s, in ./dev faults"]
async fn f41_a_clock_that_jumps_while_jobs_run_does_no_harm() {
    let (id, fault) = ("F41", "a worker's clock jumps +2 h, -2 h, back while jobs run");
    let Some(library) = library(id, fault) else { return };
    let file = std::env::temp_dir().join(format!("facteur-clock-{}", uuid::Uuid::new_v4().simple()));
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "+0\n").expect("a clock");
    let mut world = World::new(id, fault, &[]).await;
    world.stage.relay.be(Mood::Slow(20));
    let clock = fake(&library, &[("FAKETIME_TIMESTAMP_FILE", &path), ("FAKETIME_CACHE_DURATION", "1")]);
    world.workers.push(world.stage.start("facteur-worker", &["run"], &clock));
    world.open(0, 5).await;
    world.probes(40, ProbeMode::Sleep, 3000).await;
    world.stage.until(seconds(20), "select least(count(*), 1) from jobs where state = 'running'", 1).await;
    for (offset, hours) in [("+2h", 2.0), ("-2h", -2.0), ("+0", 0.0)] {
        std::fs::write(&file, format!("{offset}\n")).expect("a step");
        rest(3).await;
        world.probes(8, ProbeMode::Sleep, 3000).await;
        let jumped = || async {
            signal(&world.workers[0], "USR1").expect("a signal"); // it says what its slots do, and when
            hours_off(&world, "SIGUSR1").is_some_and(|off| (off - hours).abs() < 0.1)
        };
        eventually(seconds(10), "the clock has jumped", jumped).await;
        world.progress(seconds(10), 5).await;
    }
    let lost = world.stage.count("select count(*) from job_attempts where outcome = 'lost'").await;
    assert_eq!(lost, 0, "no lease was lost");
    world.judge(seconds(30), 0).await;
    let _ = std::fs::remove_file(file);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "20 s, in ./dev faults"]
async fn f42_an_api_whose_clock_is_off_delays_no_job() {
    let (id, fault) = ("F42", "one API's clock an hour ahead, one's an hour behind");
    let Some(library) = library(id, fault) else { return };
    let mut world = World::new(id, fault, &[]).await;
    world.open(1, 5).await;
    for (offset, hours) in [("+1h", 1.0), ("-1h", -1.0)] {
        let port = harness::process::free_port();
        let (api, door) = world.stage.api_at(port, &fake(&library, &[("FAKETIME", offset)])).await;
        let answer = reqwest::get(format!("{door}/health/live")).await.expect("an answer");
        let date = answer.headers()["date"].to_str().expect("a date");
        let date = chrono::DateTime::parse_from_rfc2822(date).expect("a date");
        let off = (date.to_utc() - chrono::Utc::now()).as_seconds_f64() / 3600.0;
        assert!((off - hours).abs() < 0.1, "the clock is moved by {off} h");
        world.apis.push(api);
        world.doors.push(door);
    }
    let wrong = world.doors.split_off(1);
    world.crowd.knock_at(&wrong);
    world.progress(seconds(20), 40).await;
    world.recovers(seconds(5)).await;
    world.judge(seconds(10), 0).await;
}
