//! PostgreSQL terminated, crashed, mute, full, crowded or locked. What was committed stays; what cannot be committed is
//! refused with 503 and a time to come back.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::judge::skip;
use harness::postgres::Postgres;
use harness::process::{busy, eventually};
use harness::proxy::{Mode, Proxy};
use harness::relay::Mood;
use harness::{World, env};
use shared::platform::jobs::kinds::ProbeMode;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{rest, seconds};

const TERMINATE: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where datname = current_database() and pid <> pg_backend_pid()";

/// A connection to the world's database, outside every pool and without its time-outs.
async fn direct(world: &World) -> PgConnection {
    let url = env::lookup(&world.stage.env, "DATABASE_URL").expect("an address");
    PgConnection::connect(&url).await.expect("PostgreSQL")
}

/// A world whose processes reach their database through a proxy; the judge goes straight.
async fn world_behind(id: &'static str, fault: &'static str) -> (World, Proxy) {
    let mut world = World::new(id, fault, &[]).await;
    let url = env::lookup(&world.stage.env, "DATABASE_URL").expect("an address");
    let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()?.parse().ok()).expect("a port");
    let proxy = Proxy::before(port).await;
    world.stage.env.push(("DATABASE_URL".into(), proxy.instead_of(&url, port)));
    (world, proxy)
}

/// From this moment on nobody could be served, and people hear so soon: 503, within the 2 s that are promised and
/// some air for a busy machine.
async fn turned_away(world: &World, from: Instant) {
    let waits = || -> Vec<Duration> {
        let answers = world.crowd.answers_since(from).into_iter();
        answers.filter(|answer| answer.status == Some(503)).map(|answer| answer.took).collect()
    };
    eventually(seconds(20), "people hear 503", || async { waits().len() >= 5 }).await;
    let late = waits().into_iter().filter(|wait| *wait > seconds(4).mul_f64(busy())).count();
    assert_eq!(late, 0, "of {} people turned away", waits().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_all_connections_terminated_thrice() {
    let mut world = World::new("F22", "all PostgreSQL backends terminated, thrice", &[]).await;
    world.stage.relay.be(Mood::Slow(50));
    world.open(1, 5).await;
    world.queue_mails(200).await;
    let mut judge = direct(&world).await;
    for _ in 0..3 {
        judge.execute(TERMINATE).await.expect("terminated");
        rest(2).await;
    }
    world.recovers(seconds(5)).await;
    // A mail whose commit was cut off comes again: the slots of its lane, three times.
    world.judge(seconds(40), 3 * 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_an_immediate_stop_and_start_loses_nothing_committed() {
    let mut postgres = Postgres::start(&[]).await;
    let mut world = World::at(&postgres.url(), "F23", "PostgreSQL immediate stop, 5 s, start", &[]).await;
    world.stage.relay.be(Mood::Slow(50));
    world.open(1, 5).await;
    world.queue_mails(200).await;
    postgres.stop();
    let from = Instant::now();
    rest(5).await;
    turned_away(&world, from).await;
    postgres.begin().await;
    world.recovers(seconds(10)).await;
    world.judge(seconds(40), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "60 s, in ./dev faults"]
async fn f24_a_half_open_database_is_given_up() {
    let (mut world, proxy) = world_behind("F24", "PostgreSQL half-open 8 s, old connections for ever").await;
    world.stage.relay.be(Mood::Slow(50));
    world.open(1, 5).await;
    world.queue_mails(200).await;
    proxy.be(Mode::Freeze);
    rest(1).await;
    let from = Instant::now();
    rest(7).await;
    turned_away(&world, from).await;
    proxy.be(Mode::Pass);
    world.recovers(seconds(30)).await;
    world.judge(seconds(90), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_the_answer_to_a_commit_is_lost() {
    let (mut world, proxy) = world_behind("F25", "the answers to 40 COMMITs are lost").await;
    world.stage.relay.be(Mood::Slow(20));
    world.open(1, 5).await;
    world.queue_mails(50).await;
    for _ in 0..4 {
        proxy.lose_commits(10);
        eventually(seconds(30), "ten answers are lost", || async { proxy.commits_to_lose() == 0 }).await;
    }
    world.recovers(seconds(5)).await;
    world.crowd.finish(seconds(20)).await;
    let (accepted, rows) = (world.crowd.accepted(), world.stage.count("select count(*) from requests").await);
    assert_eq!(rows as usize, accepted.len(), "a key is one request, also when the first answer was lost");
    // The mail's own commit had happened: nothing is sent again.
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f26_exhausted_connections_are_survived() {
    let postgres = Postgres::start(&["max_connections=40"]).await;
    let mut world = World::at(&postgres.url(), "F26", "PostgreSQL connections exhausted 8 s", &[]).await;
    world.open(1, 5).await;
    let mut judge = postgres.connect().await.expect("a connection");
    let mut crowd = Vec::new();
    // Every place our processes lose is taken before they come back for it.
    let ours = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'facteur'";
    let from = Instant::now();
    while sqlx::query_scalar::<_, i64>(ours).fetch_one(&mut judge).await.expect("terminated") > 0 {
        assert!(from.elapsed() < seconds(20).mul_f64(busy()), "the places cannot be taken");
        while let Ok(connection) = postgres.connect().await {
            crowd.push(connection);
        }
    }
    let from = Instant::now();
    rest(5).await;
    turned_away(&world, from).await;
    for connection in crowd {
        let _ = connection.close().await;
    }
    world.recovers(seconds(10)).await;
    world.judge(seconds(40), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "60 s, in ./dev faults"]
async fn f27_a_long_lock_is_waited_out() {
    let mut world = World::new("F27", "LOCK TABLE jobs ACCESS EXCLUSIVE 20 s", &[]).await;
    world.stage.relay.be(Mood::Slow(50));
    world.open(2, 5).await;
    world.queue_mails(100).await;
    let mut locker = direct(&world).await;
    let lock = "begin; lock table jobs in access exclusive mode; select pg_sleep(20); commit";
    locker.execute(AssertSqlSafe(lock.to_owned())).await.expect("locked");
    world.recovers(seconds(10)).await;
    world.judge(seconds(60), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f28_a_full_disk_refuses_and_heals() {
    let (id, fault) = ("F28", "PostgreSQL's disk full 6 s");
    let disk = std::env::temp_dir().join(format!("facteur-disk-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&disk).expect("a folder");
    let Some(_mounted) = Disk::mount(&disk) else {
        return skip(id, fault, "a small tmpfs cannot be mounted here");
    };
    let (wal, ballast) = (disk.with_extension("wal"), disk.join("ballast"));
    std::fs::create_dir(&wal).expect("a folder");
    let folder = disk.join("cluster");
    std::fs::create_dir(&folder).expect("a folder");
    let postgres = Postgres::start_in(folder, Some(&wal), &["shared_buffers=16MB"]).await;
    let mut world = World::at(&postgres.url(), id, fault, &[]).await;
    world.open(1, 5).await;
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", ballast.display())).output();
    assert!(!filled.expect("dd").status.success(), "the disk is full");
    let from = Instant::now();
    world.crowd.come(80).await; // the pages at hand are soon full
    rest(6).await;
    turned_away(&world, from).await;
    let ready = reqwest::get(format!("{}/health/live", world.doors[0])).await.expect("an answer");
    assert!(ready.status().is_success(), "it is alive");
    std::fs::remove_file(ballast).expect("room");
    world.recovers(seconds(15)).await;
    world.judge(seconds(60), 8).await;
    drop(postgres);
    let _ = std::fs::remove_dir_all(wal);
}

/// A small disk; gone with this value.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128m,mode=755", "tmpfs"]).arg(path).output();
        mount.is_ok_and(|done| done.status.success()).then_some(Self(path))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
        let _ = std::fs::remove_dir(self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f29_an_idle_transaction_that_blocks_vacuum_does_not_stop_the_queue() {
    let mut world = World::new("F29", "an idle transaction blocks vacuum, 15,000 jobs pass", &[]).await;
    world.open(1, 5).await;
    let mut idle = direct(&world).await;
    idle.execute("begin isolation level repeatable read").await.expect("begun");
    idle.execute("select count(*) from jobs").await.expect("a snapshot");
    for round in 1..=3 {
        world.probes(5000, ProbeMode::Ok, 0).await;
        let done = "select count(*) from jobs where kind = 'debug.probe' and state = 'succeeded'";
        world.stage.until(seconds(60), done, round * 5000).await;
        world.progress(seconds(10), 5).await;
    }
    world.recovers(seconds(5)).await;
    idle.execute("commit").await.expect("ended");
    world.judge(seconds(20), 0).await;
}
