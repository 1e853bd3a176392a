//! Eight workers that also sweep and administrate, all at once, for some seconds: no model can follow that, so the
//! invariants are asked all the time, and at the end the sums must be right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use harness::TestApp;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::ledger;
use shared::platform::jobs::{Lane, admin, batches, enqueue_all, enqueue_new, permits, sweep};
use shared::platform::tx::Tx;

use super::house::INVARIANTS;
use super::ops::{Act, KEYS, New, Op};
use super::system::{Outcome, kinds, prepared, text, unsuccessful};

const TASKS: usize = 8;
const LONG: Duration = Duration::from_secs(4);
/// Jobs of the default lane that may run at once.
const LIMIT: i64 = 12;
type Held = (JobId, i32);

/// What one worker did and was told.
#[derive(Default)]
struct Diary {
    enqueued: BTreeSet<JobId>,
    claimed: Vec<Held>,
    succeeded: Vec<JobId>,
    /// Runs whose rows it caused.
    ended: Vec<Held>,
    held: BTreeMap<JobId, i32>,
}

struct Life {
    platform: Platform,
    name: String,
    diary: Diary,
    runner: TestRunner,
}

impl Life {
    fn draw<T: std::fmt::Debug>(&mut self, strategy: &impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.runner).expect("a value").current()
    }

    async fn go(mut self, until: Instant) -> Outcome<Diary> {
        while Instant::now() < until {
            match self.draw(&(0..20)) {
                0..5 => self.enqueue().await?,
                5..10 => self.claim().await?,
                10..15 => self.end().await?,
                15 => self.cut_off().await?,
                16 => self.administrate().await?,
                _ => self.sweep().await?,
            }
        }
        Ok(self.diary)
    }

    async fn enqueue(&mut self) -> Outcome<()> {
        let lane = self.draw(&select(vec![Lane::Default, Lane::Email]));
        let prepared = |new| prepared(new).lane(lane);
        let mut tx = Tx::begin(&self.platform).await.map_err(text)?;
        match self.draw(&super::draw::writing()) {
            Op::Enqueue(new) => {
                self.diary.enqueued.insert(enqueue_new(&mut tx, prepared(new)).await.map_err(text)?);
                let more = (0..3).map(|_| prepared(New { unique: None, delay: 0, ..new })).collect();
                self.diary.enqueued.extend(enqueue_all(&mut tx, more).await.map_err(text)?);
            }
            Op::Batch(jobs, callback) => {
                let jobs = jobs.into_iter().map(prepared).collect();
                let batch = batches::enqueue(&mut tx, "chaos", jobs, Some(prepared(callback))).await.map_err(text)?;
                self.diary.enqueued.extend(batch.jobs.into_iter().chain(batch.callback));
            }
            _ => {}
        }
        tx.commit().await.map_err(text)
    }

    async fn claim(&mut self) -> Outcome<()> {
        let named: Vec<JobId> = self.diary.enqueued.iter().rev().take(8).copied().collect();
        let way = self.draw(&(0..3));
        let (db, name, most) = (&self.platform.db, &self.name, 4);
        let claimed = match way {
            0 => ledger::claim_rationed(db, name, "default", &kinds(), most).await.map_err(text)?.jobs,
            1 => ledger::claim_next(db, name, "email", &kinds(), most).await.map_err(text)?,
            _ => ledger::claim(db, name, "email", &kinds(), &named).await.map_err(text)?,
        };
        let held: Vec<Held> = claimed.iter().map(|job| (job.id, job.fence)).collect();
        self.diary.claimed.extend(&held);
        self.diary.held.extend(held);
        Ok(())
    }

    /// Settles, renews or gives back what it believes to hold, in one statement as a worker does.
    async fn end(&mut self) -> Outcome<()> {
        let held: Vec<Held> = std::mem::take(&mut self.diary.held).into_iter().collect();
        let acts =
            [Act::Done, Act::Done, Act::Done, Act::Retry(0), Act::Snooze(0), Act::Dead, Act::Release, Act::Renew];
        let act = self.draw(&select(acts.to_vec()));
        let mut db = self.platform.db.acquire().await.map_err(text)?;
        match act {
            Act::Done => {
                let done = ledger::settle_done(&mut db, &self.name, &held).await.map_err(text)?;
                self.diary.ended.extend(held.iter().filter(|(id, fence)| *fence > 1 && done.contains(id)));
                self.diary.succeeded.extend(done);
            }
            Act::Release => drop(ledger::release(&mut db, &self.name, &held).await.map_err(text)?),
            Act::Renew => {
                drop(db);
                let kept = ledger::renew(&self.platform.db, &self.name, &held).await.map_err(text)?;
                self.diary.held = held.into_iter().filter(|(id, _)| kept.iter().any(|(k, _)| k == id)).collect();
            }
            act => {
                let runs: Vec<_> = held.iter().map(|(id, fence)| unsuccessful(*id, *fence, act)).collect();
                let ended = ledger::settle_unsuccessful(&mut db, &self.name, &runs).await.map_err(text)?;
                self.diary.ended.extend(held.iter().filter(|(id, _)| ended.contains(id)));
            }
        }
        self.grant().await
    }

    /// Whoever frees room gives it on.
    async fn grant(&mut self) -> Outcome<()> {
        let keys = KEYS.map(|(key, _)| key.to_owned());
        permits::grant(&self.platform.db, &keys).await.map(drop).map_err(text)
    }

    /// Its leases run out; it does not know, and goes on to settle.
    async fn cut_off(&mut self) -> Outcome<()> {
        let sql =
            "update jobs set lease_until = now() - interval '1 second' where state = 'running' and worker_id = $1";
        sqlx::query(sql).bind(&self.name).execute(&self.platform.db).await.map(drop).map_err(text)
    }

    async fn administrate(&mut self) -> Outcome<()> {
        let Some(id) = self.diary.enqueued.iter().next_back().copied() else { return Ok(()) };
        let mut tx = Tx::begin(&self.platform).await.map_err(text)?;
        // A refusal is as good an answer.
        if self.draw(&any::<bool>()) {
            let _ = admin::cancel(&mut tx, id).await;
        } else {
            let _ = admin::retry(&mut tx, id).await;
        }
        tx.commit().await.map_err(text)
    }

    async fn sweep(&mut self) -> Outcome<()> {
        let mut db = self.platform.db.acquire().await.map_err(text)?;
        match self.draw(&(0..5)) {
            0 => drop(sweep::due(&mut db).await.map_err(text)?),
            1 => drop(sweep::expire(&mut db).await.map_err(text)?),
            2 => drop(sweep::lost(&mut db).await.map_err(text)?),
            3 => drop(batches::close(&mut db).await.map_err(text)?),
            _ => {
                drop(db);
                self.grant().await?;
            }
        }
        Ok(())
    }
}

async fn numbers(app: &TestApp, query: &'static str) -> Vec<i64> {
    sqlx::query_scalar(query).fetch_all(&app.platform.db).await.expect("a count")
}

/// Asks for breaches until the time has come.
async fn watch(app: &TestApp, until: Instant) -> u32 {
    let mut asked = 0;
    while Instant::now() < until {
        let breaches: Vec<String> =
            sqlx::query_scalar(INVARIANTS).fetch_all(&app.platform.db).await.expect("an answer");
        assert!(breaches.is_empty(), "{breaches:?}");
        let running = numbers(app, "select count(*) from jobs where state = 'running' and lane = 'default'").await[0];
        assert!(running <= LIMIT, "{running} run, {LIMIT} may");
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    asked
}

/// The same, in any order; says only what one has and the other has not.
fn equal<T: Ord + std::fmt::Debug>(what: &str, mut one: Vec<T>, mut other: Vec<T>) {
    one.sort();
    other.sort();
    let first = one.iter().zip(&other).find(|(a, b)| a != b);
    assert!(one == other, "{what}: {} and {}, the first difference is {first:?}", one.len(), other.len());
}

async fn sums(app: &TestApp, diaries: &[Diary]) {
    let db = &app.platform.db;
    let rows: Vec<(uuid::Uuid, String, i32)> =
        sqlx::query_as("select id, state, fence from jobs").fetch_all(db).await.expect("rows");
    let enqueued: BTreeSet<JobId> = diaries.iter().flat_map(|d| d.enqueued.iter().copied()).collect();
    let there = rows.iter().map(|row| JobId(row.0)).collect();
    equal("every job that was written is there, and no other", enqueued.into_iter().collect(), there);

    let claimed = diaries.iter().flat_map(|d| d.claimed.iter().copied()).collect();
    let claims = rows.iter().flat_map(|(id, _, fence)| (1..=*fence).map(|fence| (JobId(*id), fence))).collect();
    equal("every claim was one worker's", claimed, claims);

    let settled: Vec<_> = diaries.iter().flat_map(|d| d.succeeded.iter().copied()).collect();
    let succeeded = rows.iter().filter(|row| row.1 == "succeeded").map(|row| JobId(row.0)).collect();
    let many = settled.len();
    equal("every success was recorded once", settled, succeeded);

    let told: Vec<Held> = diaries.iter().flat_map(|d| d.ended.iter().copied()).collect();
    let sql = "select job_id, fence from job_attempts where outcome <> 'lost'";
    let runs: Vec<(uuid::Uuid, i32)> = sqlx::query_as(sql).fetch_all(db).await.expect("runs");
    assert!(many > 20 && told.len() > 20, "too little happened to prove anything");
    equal("every run that ended has its row", told, runs.into_iter().map(|(id, fence)| (JobId(id), fence)).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_at_once_break_no_invariant() {
    let mut app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "20")]).await;
    app.leave_jobs();
    app.execute(&format!("insert into lanes (name, concurrency) values ('default', {LIMIT})")).await;
    assert!(KEYS.iter().all(|(_, limit)| i64::from(*limit) < LIMIT));
    let until = Instant::now() + LONG;
    let lives: Vec<_> = (0..TASKS)
        .map(|n| {
            let runner = TestRunner::new(Config::default());
            let life = Life { platform: app.platform.clone(), name: format!("w{n}"), diary: Diary::default(), runner };
            tokio::spawn(life.go(until))
        })
        .collect();
    assert!(watch(&app, until).await > 5);
    let mut diaries = Vec::new();
    for life in lives {
        diaries.push(life.await.expect("no panic").expect("no error of the ledger"));
    }
    sums(&app, &diaries).await;
}
