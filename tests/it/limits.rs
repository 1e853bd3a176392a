//! Who may run: room under keys, lanes with limits over all processes, tenants that take turns, fuses, deadlines.

use std::time::Duration;

use harness::{Stage, TestApp};
use serde_json::{Value, json};
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::ledger::{self, Claimed};
use shared::platform::jobs::{NewJob, enqueue_all, permits, sweep};
use shared::platform::tx::Tx;

fn probe(mode: ProbeMode, n: u64) -> NewJob {
    NewJob::of(&Probe { mode, n: Some(n), note: None }).expect("a job")
}

async fn enqueue(platform: &Platform, jobs: Vec<NewJob>) -> Vec<JobId> {
    let mut tx = Tx::begin(platform).await.expect("a transaction");
    let ids = enqueue_all(&mut tx, jobs).await.expect("jobs");
    tx.commit().await.expect("a commit");
    ids
}

async fn claim(app: &TestApp, most: i64) -> Vec<Claimed> {
    let kinds = worker::jobs::registry().kinds();
    ledger::claim_next(&app.platform.db, "w", "default", &kinds, most).await.expect("a claim")
}

async fn grant(app: &TestApp, key: &str) -> usize {
    permits::grant(&app.platform.db, &[key.to_owned()]).await.expect("permits").len()
}

async fn done(app: &TestApp, job: &Claimed) {
    let mut db = app.platform.db.acquire().await.expect("a connection");
    let settled = ledger::settle_done(&mut db, "w", &[(job.id, job.fence)]).await.expect("settled");
    assert_eq!(settled, [job.id]);
}

#[tokio::test]
async fn a_key_has_room_for_so_many() {
    let mut app = TestApp::new().await;
    enqueue(&app.platform, (0..5).map(|_| probe(ProbeMode::Ok, 0).keyed("mail:example.org", 2)).collect()).await;
    enqueue(&app.platform, vec![probe(ProbeMode::Ok, 0).keyed("mail:example.net", 2)]).await;
    assert!(claim(&app, 10).await.is_empty(), "nothing is queued before it was granted");
    assert_eq!(grant(&app, "mail:example.org").await, 2);
    assert_eq!(grant(&app, "mail:example.org").await, 0);
    let held = claim(&app, 10).await;
    assert_eq!(held.len(), 2);
    assert_eq!(grant(&app, "mail:example.org").await, 0, "what runs holds its room");
    done(&app, &held[0]).await;
    assert_eq!(grant(&app, "mail:example.org").await, 1);
    assert_eq!(grant(&app, "mail:example.net").await, 1, "another key has its own room");
    app.leave_jobs();
}

#[tokio::test]
async fn room_is_not_given_twice_by_many_at_once() {
    let mut app = TestApp::new().await;
    enqueue(&app.platform, (0..50).map(|_| probe(ProbeMode::Ok, 0).keyed("k", 7)).collect()).await;
    let all = (0..20).map(|_| {
        let db = app.platform.db.clone();
        tokio::spawn(async move { permits::grant(&db, &["k".to_owned()]).await.expect("permits").len() })
    });
    let mut granted = 0;
    for task in all.collect::<Vec<_>>() {
        granted += task.await.expect("no panic");
    }
    assert_eq!(granted, 7);
    app.leave_jobs();
}

#[tokio::test]
async fn the_sweeper_finds_every_key_that_is_waited_for() {
    let mut app = TestApp::new().await;
    let jobs = (0..30).map(|n| probe(ProbeMode::Ok, 0).keyed(&format!("k{:02}", n % 10), 1)).collect();
    enqueue(&app.platform, jobs).await;
    let mut db = app.platform.db.acquire().await.expect("a connection");
    let keys = permits::waiting(&mut db, "").await.expect("keys");
    assert_eq!(keys, (0..10).map(|n| format!("k{n:02}")).collect::<Vec<_>>());
    assert_eq!(permits::waiting(&mut db, "k06").await.expect("keys"), ["k07", "k08", "k09"]);
    app.leave_jobs();
}

/// The most jobs that ran at the same moment, by the database's times.
const PEAK: &str = "select max(n) from (select sum(d) over (order by t, d) as n from (
    select started_at as t, 1 as d from jobs where state = 'succeeded'
    union all select finished_at, -1 from jobs where state = 'succeeded') e) p";
const OPEN: &str = "select count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled')";

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_keep_to_the_room_under_a_key() {
    let stage = Stage::new(&[("LANES", "default:8")]).await;
    let keyed = (0..60).map(|n| probe(ProbeMode::Sleep, 20).keyed(if n % 2 == 0 { "a" } else { "b" }, 3)).collect();
    enqueue(&stage.platform, keyed).await;
    let _workers = (stage.worker(), stage.worker());
    stage.until(Duration::from_secs(30), OPEN, 0).await;
    for key in ["a", "b"] {
        let peak =
            stage.count(&PEAK.replace("'succeeded'", &format!("'succeeded' and concurrency_key = '{key}'"))).await;
        assert!((2..=3).contains(&peak), "{peak} of key {key} at once; 3 are allowed, and should be used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_keep_to_a_lanes_concurrency() {
    let stage = Stage::new(&[("LANES", "default:8")]).await;
    sqlx::query("insert into lanes (name, concurrency) values ('default', 3)")
        .execute(&stage.platform.db)
        .await
        .expect("a limit");
    enqueue(&stage.platform, (0..40).map(|_| probe(ProbeMode::Sleep, 30)).collect()).await;
    let _workers = (stage.worker(), stage.worker());
    stage.until(Duration::from_secs(30), OPEN, 0).await;
    let peak = stage.count(PEAK).await;
    assert!((2..=3).contains(&peak), "{peak} at once; 3 are allowed, and should be used");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_keep_to_a_lanes_rate() {
    let stage = Stage::new(&[("LANES", "default:50")]).await;
    sqlx::query("insert into lanes (name, rate, rate_window) values ('default', 20, '1 second')")
        .execute(&stage.platform.db)
        .await
        .expect("a limit");
    enqueue(&stage.platform, (0..80).map(|_| probe(ProbeMode::Ok, 0)).collect()).await;
    let _workers = (stage.worker(), stage.worker());
    stage.until(Duration::from_secs(30), OPEN, 0).await;
    // A full bucket of 20 and 20 each second: in no window of t seconds may more than 20 + 20 t have started.
    let over = stage
        .count(
            "select count(*) from (select count(*) over w as n, extract(epoch from started_at - first_value(started_at) over w) as t
             from jobs window w as (order by started_at range between '2 seconds' preceding and current row)) x
             where n > 20 + 20 * t + 1",
        )
        .await;
    assert_eq!(over, 0, "windows over the rate");
}

#[tokio::test]
async fn a_flood_of_one_tenant_is_behind_everybody_elses_next_job() {
    let mut app = TestApp::new().await;
    let of = |tenant: &str| probe(ProbeMode::Ok, 0).tenant(Some(tenant.into()));
    enqueue(&app.platform, (0..300).map(|_| of("flood")).collect()).await;
    enqueue(&app.platform, (0..200).map(|_| of("flood")).collect()).await;
    app.execute("update jobs set rank = rank - 5000").await; // the flood came some seconds ago
    let quiet = enqueue(&app.platform, vec![of("quiet"), of("other"), of("quiet"), probe(ProbeMode::Ok, 0)]).await;
    let taken: Vec<JobId> = claim(&app, 15).await.into_iter().map(|job| job.id).collect();
    for (n, id) in quiet.iter().enumerate() {
        let place = taken.iter().position(|taken| taken == id);
        assert!(place.is_some(), "job {n} of the others waits behind the flood");
    }
    app.leave_jobs();
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_flood_others_wait_for_the_next_free_slot() {
    let stage = Stage::new(&[("LANES", "default:4")]).await;
    let of = |tenant: &str| probe(ProbeMode::Sleep, 40).tenant(Some(tenant.into()));
    enqueue(&stage.platform, (0..600).map(|_| of("flood")).collect()).await;
    let _worker = stage.worker();
    stage.until(Duration::from_secs(20), "select least(20, count(*)) from jobs where state = 'succeeded'", 20).await;
    for n in 0..20 {
        enqueue(&stage.platform, vec![of(if n % 2 == 0 { "b" } else { "c" })]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let others = "select count(*) from jobs where tenant in ('b', 'c') and state = 'succeeded'";
    stage.until(Duration::from_secs(20), others, 20).await;
    let flood = stage.count("select count(*) from jobs where tenant = 'flood' and state = 'queued'").await;
    assert!(flood > 50, "the flood was still there: {flood}");
    let late =
        "select (percentile_cont(0.95) within group (order by extract(epoch from started_at - run_at)) * 1000)::bigint
                from jobs where tenant in ('b', 'c')";
    let p95 = stage.count(late).await;
    eprintln!("beside a flood of 40 ms jobs in 4 slots, the others' p95 wait is {p95} ms");
    // Behind the flood it would be seconds.
    assert!(p95 < 500, "the others wait {p95} ms");
}

#[tokio::test]
async fn a_blown_fuse_holds_its_kind_and_no_other() {
    let mut app = TestApp::new().await;
    enqueue(&app.platform, vec![probe(ProbeMode::Ok, 0)]).await;
    app.execute("insert into job_kinds (kind, fuse) values ('debug.probe', 'hold')").await;
    assert!(claim(&app, 10).await.is_empty());
    let mut db = app.platform.db.acquire().await.expect("a connection");
    assert!(sweep::unticketed(&mut db, "default", -1.0, 10).await.expect("tickets").is_empty(), "no ticket for naught");
    app.execute("update job_kinds set fuse_until = now() - interval '1 second'").await;
    assert_eq!(claim(&app, 10).await.len(), 1, "a fuse mends itself at its end");
    app.leave_jobs();
}

#[tokio::test]
async fn a_fuse_may_lead_to_the_dead_letters() {
    let app = TestApp::new().await;
    enqueue(&app.platform, vec![probe(ProbeMode::Ok, 0)]).await;
    app.execute("insert into job_kinds (kind, fuse) values ('debug.probe', 'dead')").await;
    let mut db = app.platform.db.acquire().await.expect("a connection");
    assert_eq!(sweep::fused(&mut db).await.expect("fused").len(), 1);
    let row = app.sql("select state, error_code, finished_at is not null as ended from jobs").await;
    assert_eq!(row, json!([{ "state": "dead", "error_code": "fuse", "ended": true }]));
}

#[tokio::test]
async fn what_nobody_began_in_time_expires() {
    let app = TestApp::new().await;
    let minute = Duration::from_mins(1);
    let late = |job: NewJob| job.expires_after(minute);
    let jobs =
        vec![late(probe(ProbeMode::Ok, 0)), late(probe(ProbeMode::Ok, 0).after(minute * 60)), probe(ProbeMode::Ok, 0)];
    enqueue(&app.platform, jobs).await;
    app.advance(minute * 2).await;
    assert_eq!(claim(&app, 10).await.len(), 1, "an expired job is not begun even before the sweep");
    let mut db = app.platform.db.acquire().await.expect("a connection");
    assert_eq!(sweep::expire(&mut db).await.expect("expired"), 2);
    let ended = app.sql("select state, error_code from jobs where deadline_at is not null").await;
    let expired = json!({ "state": "cancelled", "error_code": "expired" });
    assert_eq!(ended, Value::Array(vec![expired.clone(), expired]));
    app.execute("update jobs set state = 'succeeded' where state = 'running'").await;
}
