//! Redis emptied, killed, mute, full, read-only, unreachable or not ours any more: promise 6, with work in progress.
//! Enqueues keep being answered, PostgreSQL hands out what Redis cannot, and the tickets are back within ten seconds.

use std::time::{Duration, Instant};

use harness::World;
use harness::process::{busy, eventually};
use harness::proxy::{Mode, Proxy};
use harness::redis::RedisServer;
use harness::relay::Mood;

use super::{rest, seconds};

/// A world with a Redis of its own, work in progress and a backlog.
async fn world(id: &'static str, fault: &'static str, url: &str) -> World {
    let mut world = World::new(id, fault, &[("REDIS_URL", url)]).await;
    world.stage.relay.be(Mood::Slow(50));
    world.open(1, 5).await;
    world.queue_mails(400).await;
    world
}

/// While Redis is broken mails go on, people are accepted, and not only after a wait for Redis.
async fn goes_on(world: &World, from: Instant) {
    world.progress(seconds(20), 10).await;
    eventually(seconds(20), "people are accepted", || async { accepted(world, from).len() >= 5 }).await;
    let fastest = accepted(world, from).into_iter().min().expect("answers");
    assert!(fastest < seconds(1).mul_f64(busy()), "enqueue does not wait for Redis, not {fastest:?}");
}

/// How long they waited who were accepted since then.
fn accepted(world: &World, from: Instant) -> Vec<Duration> {
    let answers = world.crowd.answers_since(from).into_iter();
    answers.filter(|answer| answer.status == Some(201)).map(|answer| answer.took).collect()
}

/// The fault is over: within ten seconds workers wait at Redis for tickets again.
async fn tickets_are_back(world: &mut World, redis: &RedisServer) {
    let from = Instant::now();
    loop {
        let clients: String = redis.say("INFO clients").await.unwrap_or_default();
        if clients.lines().any(|line| line.starts_with("blocked_clients:") && line != "blocked_clients:0") {
            break;
        }
        assert!(
            from.elapsed() < seconds(10).mul_f64(busy()),
            "no worker waits for tickets; log: {}",
            world.stage.log.display()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.recovered(from.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_redis_may_be_flushed_with_a_backlog() {
    let redis = RedisServer::start().await;
    let mut world = world("F12", "Redis FLUSHALL three times with a backlog", &redis.url).await;
    let from = Instant::now();
    for _ in 0..3 {
        redis.order("FLUSHALL").await;
        goes_on(&world, from).await;
    }
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_redis_may_be_killed_and_come_back_empty() {
    let mut redis = RedisServer::start().await;
    let mut world = world("F13", "Redis SIGKILL for 5 s, empty restart", &redis.url).await;
    redis.kill().await;
    let from = Instant::now();
    rest(5).await;
    goes_on(&world, from).await;
    redis.restart().await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "25 s, in ./dev faults"]
async fn f14_redis_may_be_mute() {
    let redis = RedisServer::start().await;
    let mut world = world("F14", "Redis mute: SIGSTOP 8 s, CLIENT PAUSE 5 s", &redis.url).await;
    redis.stop();
    let from = Instant::now();
    rest(8).await;
    goes_on(&world, from).await;
    redis.resume();
    tickets_are_back(&mut world, &redis).await;
    redis.order("CLIENT PAUSE 5000 ALL").await;
    goes_on(&world, Instant::now()).await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "20 s, in ./dev faults"]
async fn f15_redis_may_be_full() {
    let redis = RedisServer::start().await;
    let mut world = world("F15", "Redis out of memory, noeviction, 5 s", &redis.url).await;
    redis.order("CONFIG SET maxmemory 1").await;
    let from = Instant::now();
    rest(5).await;
    goes_on(&world, from).await;
    redis.order("CONFIG SET maxmemory 0").await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "20 s, in ./dev faults"]
async fn f16_redis_may_evict_tickets() {
    let redis = RedisServer::start().await;
    let mut world = world("F16", "Redis evicts the lanes, 20 times", &redis.url).await;
    let from = Instant::now();
    for _ in 0..20 {
        for lane in ["email", "default"] {
            redis.order(&format!("DEL {}", key(&world, lane))).await;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    goes_on(&world, from).await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "20 s, in ./dev faults"]
async fn f17_redis_may_become_a_replica() {
    let redis = RedisServer::start().await;
    let mut world = world("F17", "Redis READONLY, as after a failover, 5 s", &redis.url).await;
    redis.order("REPLICAOF 127.0.0.1 1").await;
    let from = Instant::now();
    rest(5).await;
    goes_on(&world, from).await;
    redis.order("REPLICAOF NO ONE").await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_redis_may_hold_garbage() {
    let redis = RedisServer::start().await;
    let mut world = world("F18", "Redis holds garbage: members, forged ids, wrong types", &redis.url).await;
    let from = Instant::now();
    for lane in ["email", "default"] {
        for n in 0..200 {
            redis.order(&format!("ZADD {} -{n} garbage-{n}", key(&world, lane))).await;
            redis.order(&format!("ZADD {} -{n} {}", key(&world, lane), uuid::Uuid::now_v7())).await;
        }
    }
    goes_on(&world, from).await;
    for lane in ["email", "default"] {
        redis.order(&format!("SET {} garbage", key(&world, lane))).await;
    }
    goes_on(&world, from).await;
    for lane in ["email", "default"] {
        redis.order(&format!("DEL {}", key(&world, lane))).await;
    }
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "25 s, in ./dev faults"]
async fn f19_redis_may_be_half_open() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::before(redis.port).await;
    let mut world = world("F19", "Redis half-open 8 s", &proxy.instead_of(&redis.url, redis.port)).await;
    proxy.be(Mode::Freeze);
    let from = Instant::now();
    rest(8).await;
    goes_on(&world, from).await;
    proxy.be(Mode::Pass);
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "30 s, in ./dev faults"]
async fn f20_redis_may_be_slow_flaky_and_refused() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::before(redis.port).await;
    let mut world =
        world("F20", "Redis 300 ms late, cut 15 times, refused", &proxy.instead_of(&redis.url, redis.port)).await;
    let from = Instant::now();
    proxy.be(Mode::Slow(300));
    rest(4).await;
    goes_on(&world, from).await;
    proxy.be(Mode::Pass);
    for _ in 0..15 {
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    goes_on(&world, from).await;
    proxy.be(Mode::Refuse);
    rest(3).await;
    goes_on(&world, from).await;
    proxy.be(Mode::Pass);
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "25 s, in ./dev faults"]
async fn f21_redis_may_change_its_password_and_its_rules() {
    let mut redis = RedisServer::start().await;
    let mut world = world("F21", "Redis password rotated, then commands denied", &redis.url).await;
    let from = Instant::now();
    redis.order("ACL SETUSER default resetpass >rotated").await;
    redis.url = format!("redis://:rotated@127.0.0.1:{}", redis.port);
    redis.order("CLIENT KILL TYPE normal SKIPME yes").await;
    rest(3).await;
    goes_on(&world, from).await;
    assert!(world.stage.logged().contains("Redis is away"), "it is told");
    redis.order("ACL SETUSER default nopass -@sortedset").await;
    redis.url = format!("redis://127.0.0.1:{}", redis.port);
    rest(3).await;
    goes_on(&world, from).await;
    redis.order("ACL SETUSER default +@all").await;
    tickets_are_back(&mut world, &redis).await;
    world.judge(seconds(40), 0).await;
}

/// The key of a lane's tickets.
fn key(world: &World, lane: &str) -> String {
    let namespace = harness::env::lookup(&world.stage.env, "NAMESPACE").expect("a namespace");
    format!("{{{namespace}}}:lane:{lane}")
}
