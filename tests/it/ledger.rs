//! The ledger's promises, one transition at a time: leases, fences, poison, releases, waits.

use std::sync::Arc;

use harness::TestApp;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::kernel::ids::JobId;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::ledger::{self, Claimed, Unsuccessful};
use shared::platform::jobs::sweep::{self, Lost};
use shared::platform::jobs::{NewJob, Retry, enqueue_all};
use shared::platform::tx::Tx;
use sqlx::PgConnection;

async fn enqueue(app: &TestApp, count: usize) -> Vec<JobId> {
    let probe = Probe { mode: ProbeMode::Ok, n: None, note: None };
    let jobs = (0..count).map(|_| NewJob::of(&probe).expect("a job")).collect();
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let ids = enqueue_all(&mut tx, jobs).await.expect("jobs");
    tx.commit().await.expect("a commit");
    ids
}

fn kinds() -> Vec<String> {
    worker::jobs::registry().kinds()
}

async fn claim(app: &TestApp, worker: &str) -> Vec<Claimed> {
    ledger::claim_next(&app.platform.db, worker, "default", &kinds(), 100).await.expect("a claim")
}

async fn db(app: &TestApp) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
    app.platform.db.acquire().await.expect("a connection")
}

async fn lost(db: &mut PgConnection) -> Vec<Lost> {
    sweep::lost(db).await.expect("ended leases")
}

async fn expire(app: &TestApp) {
    app.execute("update jobs set lease_until = now() - interval '1 second' where state = 'running'").await;
}

async fn row(app: &TestApp) -> Value {
    app.sql("select state, attempt, fence, deaths, error_code from jobs").await[0].clone()
}

fn failure(job: &Claimed) -> Unsuccessful {
    Unsuccessful {
        id: job.id,
        fence: job.fence,
        state: "retrying",
        outcome: "error",
        error: "no".into(),
        code: "no".into(),
        fingerprint: "no".into(),
        wait: 60.0,
        counts: true,
        log: String::new(),
    }
}

#[tokio::test]
async fn a_job_is_in_one_workers_hands_at_a_time() {
    let mut app = TestApp::new().await;
    enqueue(&app, 40).await;
    let take = |name: &'static str| {
        let app = &app;
        async move { ledger::claim_next(&app.platform.db, name, "default", &kinds(), 30).await.expect("a claim") }
    };
    let (a, b) = tokio::join!(take("a"), take("b"));
    let mut ids: Vec<JobId> = a.iter().chain(&b).map(|job| job.id).collect();
    assert_eq!(ids.len(), 40);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
    assert!(claim(&app, "c").await.is_empty());
    app.leave_jobs();
}

#[tokio::test]
async fn a_ticket_that_is_stale_or_doubled_yields_nothing() {
    let app = TestApp::new().await;
    let id = enqueue(&app, 1).await[0];
    let take = |ids: Vec<JobId>, kinds: Vec<String>| {
        let app = &app;
        async move { ledger::claim(&app.platform.db, "w", "default", &kinds, &ids).await.expect("a claim") }
    };
    assert!(take(vec![id], vec!["another.kind".into()]).await.is_empty(), "a kind that we do not know");
    let claimed = take(vec![id, id, JobId::new()], kinds()).await;
    assert_eq!(claimed.len(), 1);
    assert!(take(vec![id], kinds()).await.is_empty());
    ledger::settle_done(&mut *db(&app).await, "w", &[(id, claimed[0].fence)]).await.expect("settled");
    assert!(take(vec![id], kinds()).await.is_empty());
}

#[tokio::test]
async fn whoever_lost_the_lease_records_nothing() {
    let app = TestApp::new().await;
    enqueue(&app, 1).await;
    let first = claim(&app, "one").await.remove(0);
    expire(&app).await;
    let mut db = db(&app).await;
    assert_eq!(lost(&mut db).await[0].state, "queued");
    let second = claim(&app, "two").await.remove(0);
    assert_eq!((second.attempt, second.fence), (1, 2), "the death burned no attempt");

    let key = |job: &Claimed| [(job.id, job.fence)];
    assert!(ledger::settle_done(&mut db, "one", &key(&first)).await.expect("an answer").is_empty());
    assert!(ledger::settle_unsuccessful(&mut db, "one", &[failure(&first)]).await.expect("an answer").is_empty());
    assert!(ledger::renew(&app.platform.db, "one", &key(&first)).await.expect("an answer").is_empty());
    assert!(ledger::release(&mut db, "one", &key(&first)).await.expect("an answer").is_empty());
    assert!(!ledger::still_mine(&mut db, "one", first.id, first.fence).await.expect("an answer"));
    // Nor does a worker of the same name with an old fence, or another worker with the right one.
    assert!(ledger::settle_done(&mut db, "two", &key(&first)).await.expect("an answer").is_empty());
    assert!(ledger::settle_done(&mut db, "one", &key(&second)).await.expect("an answer").is_empty());
    assert_eq!(row(&app).await["state"], "running");

    assert!(ledger::still_mine(&mut db, "two", second.id, second.fence).await.expect("an answer"));
    assert_eq!(ledger::settle_done(&mut db, "two", &key(&second)).await.expect("an answer"), [second.id]);
    let outcomes = app.sql("select outcome from job_attempts order by fence").await;
    assert_eq!(outcomes, json!([{ "outcome": "lost" }, { "outcome": "ok" }]));
}

#[tokio::test]
async fn a_lease_that_ran_out_is_no_longer_ours_even_before_anybody_noticed() {
    let mut app = TestApp::new().await;
    enqueue(&app, 1).await;
    let job = claim(&app, "w").await.remove(0);
    let mut db = db(&app).await;
    assert!(ledger::still_mine(&mut db, "w", job.id, job.fence).await.expect("an answer"));
    expire(&app).await;
    assert!(!ledger::still_mine(&mut db, "w", job.id, job.fence).await.expect("an answer"));
    app.leave_jobs();
}

#[tokio::test]
async fn a_renewed_lease_does_not_end() {
    let mut app = TestApp::new().await;
    enqueue(&app, 1).await;
    let job = claim(&app, "w").await.remove(0);
    expire(&app).await;
    let renewed = ledger::renew(&app.platform.db, "w", &[(job.id, job.fence)]).await.expect("renewed");
    assert_eq!(renewed, [(job.id, false)]);
    assert!(lost(&mut *db(&app).await).await.is_empty());
    app.execute("update jobs set cancel_requested_at = now()").await;
    let renewed = ledger::renew(&app.platform.db, "w", &[(job.id, job.fence)]).await.expect("renewed");
    assert_eq!(renewed, [(job.id, true)], "asked to stop");
    app.leave_jobs();
}

#[tokio::test]
async fn a_job_under_which_three_processes_died_is_poison() {
    let app = TestApp::new().await;
    enqueue(&app, 1).await;
    let mut db = db(&app).await;
    for death in 1..=3 {
        let job = claim(&app, "w").await.remove(0);
        assert!(ledger::begin(&mut db, "w", job.id, job.fence).await.expect("begun"));
        expire(&app).await;
        let state = lost(&mut db).await.remove(0).state;
        assert_eq!(state, if death < 3 { "queued" } else { "dead" }, "death {death}");
    }
    assert_eq!(
        row(&app).await,
        json!({ "state": "dead", "attempt": 0, "fence": 3, "deaths": 3, "error_code": "poison" })
    );
    assert!(claim(&app, "w").await.is_empty());
}

#[tokio::test]
async fn a_suspect_that_never_began_is_not_to_blame() {
    let mut app = TestApp::new().await;
    enqueue(&app, 1).await;
    let mut db = db(&app).await;
    for _ in 0..5 {
        claim(&app, "w").await;
        expire(&app).await;
        assert_eq!(lost(&mut db).await[0].state, "queued");
    }
    assert_eq!(row(&app).await["deaths"], 1, "after the first death it only counts what had begun");
    app.leave_jobs();
}

#[tokio::test]
async fn a_lost_job_that_was_asked_to_stop_is_cancelled() {
    let app = TestApp::new().await;
    enqueue(&app, 1).await;
    claim(&app, "w").await;
    app.execute("update jobs set cancel_requested_at = now()").await;
    expire(&app).await;
    assert_eq!(lost(&mut *db(&app).await).await[0].state, "cancelled");
}

#[tokio::test]
async fn what_is_given_back_burned_no_attempt() {
    let mut app = TestApp::new().await;
    enqueue(&app, 2).await;
    let held = claim(&app, "w").await;
    let mut db = db(&app).await;
    let pairs: Vec<_> = held.iter().map(|job| (job.id, job.fence)).collect();
    let tickets = ledger::release(&mut db, "w", &pairs).await.expect("released");
    assert_eq!(tickets.len(), 2);
    let rows = app.sql("select state, attempt, fence, worker_id from jobs").await;
    assert_eq!(rows[0], json!({ "state": "queued", "attempt": 0, "fence": 1, "worker_id": null }));
    assert_eq!(app.sql("select count(*) from job_attempts").await[0]["count"], 0);
    assert_eq!(claim(&app, "v").await[0].fence, 2, "the fence grows all the same");
    app.leave_jobs();
}

#[tokio::test]
async fn a_snooze_burns_no_attempt_and_a_failure_burns_one() {
    let app = TestApp::new().await;
    enqueue(&app, 1).await;
    let mut db = db(&app).await;
    let job = claim(&app, "w").await.remove(0);
    let snooze = Unsuccessful { state: "scheduled", outcome: "snoozed", counts: false, ..failure(&job) };
    assert_eq!(ledger::settle_unsuccessful(&mut db, "w", &[snooze]).await.expect("settled"), [job.id]);
    assert_eq!((row(&app).await["state"].clone(), row(&app).await["attempt"].clone()), (json!("scheduled"), json!(0)));
    app.advance(std::time::Duration::from_secs(61)).await;
    sweep::due(&mut db).await.expect("due");
    let job = claim(&app, "w").await.remove(0);
    assert_eq!(ledger::settle_unsuccessful(&mut db, "w", &[failure(&job)]).await.expect("settled"), [job.id]);
    assert_eq!((row(&app).await["state"].clone(), row(&app).await["attempt"].clone()), (json!("retrying"), json!(1)));
}

#[tokio::test]
async fn an_effect_and_its_success_are_one_commit() {
    let mut app = TestApp::new().await;
    enqueue(&app, 1).await;
    let job = Arc::new(claim(&app, "one").await.remove(0));
    expire(&app).await;
    lost(&mut *db(&app).await).await;
    let cx = worker::cx::Cx::new(
        app.platform.clone(),
        worker::smtp::Smtp::Off,
        job,
        "one".into(),
        worker::lease::Grip::default(),
    );
    let mut tx = cx.begin().await.expect("a transaction");
    let effect = sqlx::query("insert into settings (key, value) values ('effect', 'true')");
    effect.execute(&mut *tx).await.expect("an effect");
    assert_eq!(cx.complete_in(tx).await, Err(worker::failure::Failure::Lost));
    assert_eq!(app.sql("select count(*) from settings").await[0]["count"], 0, "the effect went with the lease");
    app.leave_jobs();
}

#[tokio::test]
async fn only_one_process_sweeps() {
    let app = TestApp::new().await;
    let (mut a, mut b) = (db(&app).await.detach(), db(&app).await);
    assert!(sweep::lead(&mut a).await.expect("an answer"));
    assert!(!sweep::lead(&mut b).await.expect("an answer"));
    sqlx::Connection::close(a).await.expect("closed");
    harness::process::eventually(std::time::Duration::from_secs(5), "the lock is free", || async {
        let mut next = app.platform.db.acquire().await.expect("a connection").detach();
        sweep::lead(&mut next).await.expect("an answer")
    })
    .await;
}

const POLICIES: [Retry; 4] = [Retry::MAIL, Retry::STANDARD, Retry::SWEEP, Retry::PROBE];

proptest! {
    #[test]
    fn a_wait_is_within_its_ceiling_and_the_cap(policy in 0..4_usize, attempt in 0..2000_u32, dice in -1.0..2.0_f64) {
        let policy = POLICIES[policy];
        let wait = policy.wait(attempt, dice);
        prop_assert!(wait.as_secs_f64() >= 1.0);
        prop_assert!(wait <= policy.ceiling(attempt) && policy.ceiling(attempt) <= policy.cap);
    }

    #[test]
    fn ceilings_grow_until_the_cap(policy in 0..4_usize, attempt in 1..2000_u32) {
        let policy = POLICIES[policy];
        let (now, next) = (policy.ceiling(attempt), policy.ceiling(attempt + 1));
        prop_assert!(next > now || (next == now && now == policy.cap));
    }

    #[test]
    fn more_dice_is_more_wait(attempt in 1..20_u32, dice in 0.0..1.0_f64, more in 0.0..1.0_f64) {
        let (low, high) = if dice < more { (dice, more) } else { (more, dice) };
        prop_assert!(Retry::MAIL.wait(attempt, low) <= Retry::MAIL.wait(attempt, high));
    }
}

#[test]
fn patience_outlives_attempts() {
    let hours = |n: u64| std::time::Duration::from_secs(n * 3600);
    assert!(!Retry::MAIL.exhausted(15, 15, hours(71)));
    assert!(Retry::MAIL.exhausted(15, 15, hours(73)));
    assert!(!Retry::MAIL.exhausted(14, 15, hours(100)));
    assert!(Retry::STANDARD.exhausted(10, 10, hours(0)));
}

#[tokio::test]
async fn what_ends_while_it_waits_took_no_time() {
    let mut app = TestApp::new().await;
    let admin = app.admin().await;
    app.drain().await;
    // Each failed six hours ago and waits for its next run; the last one runs.
    app.execute(
        "insert into jobs (id, kind, lane, state, rank, attempt, fence, max_attempts, timeout_ms, payload, started_at, run_at,
                           deadline_at, lease_until, key_argument)
         select gen_random_uuid(), 'debug.probe', 'default', w.state, 0, 1, 1, 3, 1000, '{\"mode\": \"ok\"}',
                now() - interval '6 hours', now() + interval '1 hour',
                case when w.how = 'expire' then now() end, case when w.state = 'running' then now() + interval '1 hour' end, w.how
         from (values ('cancel', 'retrying'), ('cancel-many', 'retrying'), ('kill', 'retrying'), ('expire', 'retrying'),
                      ('fuse', 'queued'), ('stop', 'running')) as w (how, state);
         insert into job_kinds (kind, fuse, reason) values ('debug.probe', 'dead', 'broken')
         on conflict (kind) do update set fuse = 'dead'",
    )
    .await;
    let id = async |how: &str| {
        let rows = app.sql("select id, key_argument as how from jobs").await;
        let row = rows.as_array().expect("rows").iter().find(|row| row["how"] == how);
        row.and_then(|row| row["id"].as_str()).expect("an id").to_owned()
    };
    for how in ["cancel", "stop"] {
        admin.post(&format!("/api/v1/admin/jobs/{}/cancel", id(how).await), json!({})).await.ok();
    }
    for (action, how) in [("cancel", "cancel-many"), ("kill", "kill")] {
        let new = json!({ "action": action, "ids": [id(how).await] });
        let operation = admin.post("/api/v1/admin/bulk", new).await.created()["id"].clone();
        let start = format!("/api/v1/admin/bulk/{}/start", operation.as_str().expect("an id"));
        admin.post(&start, json!({})).await.status(202);
    }
    sweep::fused(&mut *db(&app).await).await.expect("a sweep");
    app.drain().await;
    let ended = "select key_argument as how, state from jobs where kind = 'debug.probe' and finished_at is not null
                 and started_at is null order by 1";
    let ended = app.sql(ended).await;
    let ended: Vec<_> = ended.as_array().expect("rows").iter().map(|row| row["how"].as_str().expect("how")).collect();
    assert_eq!(ended, ["cancel", "cancel-many", "expire", "fuse", "kill"]);
    let runs = "select count(*) from jobs where key_argument = 'stop' and started_at is not null and state = 'running'";
    assert_eq!(app.sql(runs).await[0]["count"], 1, "a run that is asked to stop goes on");
    app.leave_jobs();
}
