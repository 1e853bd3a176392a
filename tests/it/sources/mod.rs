//! Every ticket source survives the same faults: real workers, a Redis of the test's own, judged by SQL.

mod fixture;

use std::time::{Duration, Instant};

use fixture::{DONE, Fixture, ONCE, OPEN, seconds};
use harness::env;
use harness::process::eventually;
use shared::kernel::config::{Config, TicketSource};
use shared::kernel::ids::JobId;
use shared::platform::jobs::NewJob;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::tickets::Ticket;
use tokio::process::Child;

/// The bound on the tickets of one lane in apalis-redis.
const BOUND: u64 = 1000;

macro_rules! for_every_source {
    ($($case:ident),+ $(,)?) => {
        for_every_source!(@ zset "redis" $($case)+);
        for_every_source!(@ apalis "apalis-redis" $($case)+);
        for_every_source!(@ postgres "postgres" $($case)+);
    };
    (@ $module:ident $source:literal $($case:ident)+) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Fixture::new($source).await).await;
            })+
        }
    };
}

for_every_source!(
    two_workers_do_every_job_once_and_redis_keeps_nothing,
    redis_is_wiped_amid_a_drain,
    redis_is_killed_amid_a_drain_and_returns_empty,
    bad_members_are_passed_over,
    wrong_types_and_floods_are_survived,
    more_than_ten_thousand_jobs_are_due_at_once,
    a_delayed_job_starts_at_its_time,
    a_killed_workers_jobs_are_done_by_another,
);

async fn two_workers_do_every_job_once_and_redis_keeps_nothing(f: Fixture) {
    let _workers: [Child; 2] = f.workers().await;
    f.probes(3000, ProbeMode::Sleep, 5).await;
    f.all_done_once(3000).await;
    assert_eq!(f.stage.count("select count(distinct worker_id) from jobs").await, 2, "both took part");
    // Two workers that say they live, a stale ticket or two.
    eventually(seconds(15), "Redis keeps nothing of finished jobs", || async { f.entries().await <= 10 }).await;
}

async fn redis_is_wiped_amid_a_drain(f: Fixture) {
    let _workers: [Child; 2] = f.workers().await;
    f.probes(3000, ProbeMode::Sleep, 20).await;
    f.done(300).await;
    f.redis.order("FLUSHALL").await;
    f.done(1200).await;
    f.redis.order("FLUSHALL").await;
    f.redis.order("SCRIPT FLUSH").await;
    f.all_done_once(3000).await;
    f.probes(1, ProbeMode::Ok, 0).await;
    f.all_done_once(3001).await;
}

async fn redis_is_killed_amid_a_drain_and_returns_empty(mut f: Fixture) {
    let _workers: [Child; 2] = f.workers().await;
    f.probes(3000, ProbeMode::Sleep, 20).await;
    f.done(300).await;
    f.redis.kill().await;
    f.done(1200).await;
    f.probes(100, ProbeMode::Ok, 0).await;
    f.redis.restart().await;
    f.all_done_once(3100).await;
    if f.source != "postgres" {
        eventually(seconds(15), "tickets are used again", || async {
            f.stage.logged().matches("Redis is back").count() >= 2
        })
        .await;
    }
    f.probes(100, ProbeMode::Ok, 0).await;
    f.all_done_once(3200).await;
}

fn words(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// What is no ticket: no text, nothing at all, no id, an id of nothing.
fn bad_members() -> Vec<Vec<u8>> {
    let unknown = uuid::Uuid::new_v4().to_string().into_bytes();
    vec![b"\xff\xfe\x00".to_vec(), Vec::new(), b"not-an-id".to_vec(), unknown, b"42".to_vec()]
}

async fn bad_members_are_passed_over(f: Fixture) {
    let spoil = async || {
        let mut commands = Vec::new();
        for bad in bad_members() {
            for (verb, ending, score) in [
                ("ZADD", "", true),
                ("ZADD", ":scheduled", true),
                ("ZADD", ":workers", true),
                ("RPUSH", ":active", false),
            ] {
                let score = score.then(|| b"0".to_vec());
                commands.push(
                    [vec![verb.into(), f.key(ending).into_bytes()], score.into_iter().collect(), vec![bad.clone()]]
                        .concat(),
                );
            }
            commands.push(vec![b"HSET".to_vec(), f.key(":data").into_bytes(), bad.clone(), bad.clone()]);
            commands.push(vec![b"SADD".to_vec(), f.key(":inflight:nobody").into_bytes(), bad.clone()]);
            commands.push(vec![b"RPUSH".to_vec(), f.key(":signal").into_bytes(), bad.clone()]);
            commands.push(vec![
                b"HSET".to_vec(),
                [f.key(":meta:").into_bytes(), bad.clone()].concat(),
                bad.clone(),
                bad,
            ]);
        }
        f.say(&commands).await;
    };
    spoil().await;
    f.probes(500, ProbeMode::Sleep, 5).await;
    let _workers: [Child; 2] = f.workers().await;
    for round in 1..=4 {
        f.done(round * 400).await;
        spoil().await;
        f.probes(500, ProbeMode::Sleep, 5).await;
        spoil().await;
    }
    f.all_done_once(2500).await;
    let logged = f.stage.logged();
    assert!(!logged.contains("Redis is away"), "bad members do not make a source give up: {logged}");
}

async fn wrong_types_and_floods_are_survived(f: Fixture) {
    let _workers: [Child; 2] = f.workers().await;
    let endings = ["", ":active", ":scheduled", ":data", ":workers", ":signal", ":inflight"];
    for (round, wrong) in ["flood", "LPUSH", "SADD", "ZADD", "HSET", "SET"].into_iter().enumerate() {
        f.probes(400, ProbeMode::Sleep, 10).await;
        f.done(400 * round as i64 + 50).await;
        let mut commands = Vec::new();
        for ending in endings {
            let key = f.key(ending);
            commands.push(words(&format!("DEL {key}")));
            match wrong {
                "SET" | "LPUSH" | "SADD" => commands.push(words(&format!("{wrong} {key} x"))),
                "ZADD" | "HSET" => commands.push(words(&format!("{wrong} {key} 0 x"))),
                // More due at once than the library's script can move.
                _ if ending == ":scheduled" || ending.is_empty() => {
                    let members: String = (0..9000).map(|n| format!(" 0 forged{n}")).collect();
                    commands.push(words(&format!("ZADD {key}{members}")));
                }
                _ => {}
            }
        }
        f.say(&commands).await;
        f.stage.until(seconds(30), OPEN, 0).await;
    }
    f.all_done_once(2400).await;
    f.probes(100, ProbeMode::Ok, 0).await;
    f.all_done_once(2500).await;
    let ours: &[(&str, &str)] = match f.source {
        "redis" => &[("", "zset")],
        "apalis-redis" => &[(":active", "list"), (":scheduled", "zset"), (":data", "hash"), (":workers", "zset")],
        _ => &[],
    };
    for (ending, kind) in ours {
        let ask = format!("TYPE {}", f.key(ending));
        eventually(seconds(20), &format!("{ending} is a {kind} again, or gone"), || async {
            let found: String = f.redis.say(&ask).await.expect("a type");
            found == *kind || found == "none"
        })
        .await;
    }
}

async fn more_than_ten_thousand_jobs_are_due_at_once(f: Fixture) {
    for _ in 0..6 {
        f.probes(2000, ProbeMode::Ok, 0).await;
    }
    f.stage.platform.tickets.flush(seconds(10)).await;
    let _workers: [Child; 1] = f.workers().await;
    let deadline = Instant::now() + seconds(60);
    while f.stage.count(DONE).await < 12_000 {
        let depth = f.depth().await;
        assert!(f.source != "apalis-redis" || depth <= BOUND, "{depth} tickets in the library's queue");
        assert!(Instant::now() < deadline, "not drained; log: {}", f.stage.log.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    f.all_done_once(12_000).await;
}

async fn a_delayed_job_starts_at_its_time(f: Fixture) {
    let _workers: [Child; 1] = f.workers().await;
    let probe = Probe { mode: ProbeMode::Ok, n: None, note: None };
    f.enqueue(vec![NewJob::of(&probe).expect("a job").after(seconds(3))]).await;
    f.all_done_once(1).await;
    let waited = "select count(*) from jobs where started_at >= run_at and run_at >= created_at + interval '3 seconds'";
    assert_eq!(f.stage.count(waited).await, 1, "not before its time");
    let late = "select count(*) from jobs where started_at > run_at + interval '10 seconds'";
    assert_eq!(f.stage.count(late).await, 0, "and not long after it");
}

async fn a_killed_workers_jobs_are_done_by_another(f: Fixture) {
    let [mut first] = f.workers().await;
    f.probes(200, ProbeMode::Sleep, 500).await;
    f.stage.until(seconds(20), "select least(count(*), 16) from jobs where state = 'running'", 16).await;
    first.kill().await.expect("kill -9");
    let held = f.stage.count("select count(*) from jobs where state = 'running'").await;
    let _second = f.stage.worker();
    f.stage.until(seconds(30), OPEN, 0).await;
    // What it had sent before it died may still have been recorded after the count.
    let lost = f.stage.count("select count(*) from job_attempts where outcome = 'lost'").await;
    assert!((1..=held).contains(&lost), "{lost} lost of {held} held");
    let again = "select count(*) from jobs where state = 'succeeded' and fence = 2 and attempt = 1";
    assert_eq!(f.stage.count(again).await, lost, "what the dead worker held is done once more, no attempt burned");
    assert_eq!(f.stage.count(ONCE).await, 200 - lost, "the rest once");
}

#[test]
fn the_source_is_chosen_by_tickets_and_needs_its_redis() {
    let read = |tickets: &'static str, redis: &'static str| {
        let changes = [("TICKETS", tickets), ("REDIS_URL", redis)];
        let vars = [env::base("postgres://u:p@localhost/x"), changes.map(|(n, v)| (n.to_owned(), v.to_owned())).into()]
            .concat();
        Config::read(|name| env::lookup(&vars, name)).map(|config| config.tickets).map_err(|problems| problems.0)
    };
    for (tickets, redis, source) in [
        ("", "", TicketSource::Postgres),
        ("redis", "", TicketSource::Postgres),
        ("postgres", "", TicketSource::Postgres),
        ("", "redis://r", TicketSource::Redis),
        ("redis", "redis://r", TicketSource::Redis),
        ("postgres", "redis://r", TicketSource::Postgres),
        ("apalis-redis", "redis://r", TicketSource::ApalisRedis),
    ] {
        assert_eq!(read(tickets, redis), Ok(source), "TICKETS={tickets} REDIS_URL={redis}");
    }
    let problems = read("apalis-redis", "").expect_err("there is no Redis");
    assert!(
        problems.len() == 1 && problems[0].starts_with("TICKETS ") && problems[0].contains("REDIS_URL"),
        "{problems:?}"
    );
}

fn ticket(rank: i64) -> Ticket {
    Ticket { job: JobId::new(), lane: "default".into(), rank: 4_000_000_000_000 + rank }
}

#[tokio::test]
async fn apalis_redis_holds_the_best_thousand_and_none_twice() {
    let f = Fixture::new("apalis-redis").await;
    let tickets = &f.stage.platform.tickets;
    let announced: Vec<Ticket> = (0..5000).rev().map(ticket).collect();
    for _ in 0..2 {
        tickets.add(announced.clone());
        tickets.flush(seconds(10)).await;
        assert_eq!(f.depth().await, BOUND);
    }
    let mut taker = tickets.taker("default").await.expect("Redis").expect("a taker");
    let mut taken = Vec::new();
    while taken.len() < BOUND as usize {
        let some = taker.take(300, true).await.expect("Redis");
        assert!(!some.is_empty() && some.len() <= 300);
        taken.extend(some);
    }
    let best: Vec<JobId> = announced.iter().rev().take(BOUND as usize).map(|ticket| ticket.job).collect();
    assert!(taken == best, "by rank, each once");
    assert_eq!((f.depth().await, taker.take(300, true).await.expect("Redis")), (0, vec![]));
    let keys: Vec<String> = f.redis.say("KEYS *").await.expect("keys");
    assert_eq!(keys, [f.key(":workers")], "the worker's heartbeat is all that is left");
}

#[tokio::test]
async fn apalis_redis_gives_up_what_a_dead_worker_had_fetched() {
    let f = Fixture::new("apalis-redis").await;
    let tickets = &f.stage.platform.tickets;
    let lost = ticket(1);
    tickets.add(vec![lost.clone(), ticket(2), ticket(3)]);
    tickets.remove("default", lost.job);
    tickets.flush(seconds(10)).await;
    assert_eq!(f.depth().await, 2, "a ticket taken back is gone");
    // As it is when a process dies between the fetch and the claim.
    let fetch = "redis.call('sadd',KEYS[2]..':dead',redis.call('lpop',KEYS[1]))";
    for _ in 0..2 {
        f.redis.order(&format!("EVAL {fetch} 2 {} {}", f.key(":active"), f.key(":inflight"))).await;
    }
    f.redis.order(&format!("ZADD {} 0 dead", f.key(":workers"))).await;
    assert_eq!(f.depth().await, 0);
    let mut taker = tickets.taker("default").await.expect("Redis").expect("a taker");
    assert_eq!(taker.take(10, true).await.expect("Redis").len(), 2, "both are handed out again");
}
