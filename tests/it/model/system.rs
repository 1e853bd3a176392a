//! The real ledger, doing what it is told, and what its rows say afterwards.

use std::time::Duration;

use serde_json::json;
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::kinds::{Probe, ProbeMode, PurgeExpired};
use shared::platform::jobs::ledger::{self, Claimed, Note, Unsuccessful};
use shared::platform::jobs::tickets::Ticket;
use shared::platform::jobs::{Job, Lane, NewJob, admin, batches, enqueue_new, permits, sweep};
use shared::platform::tx::Tx;

use super::ops::{Act, Admin, KEYS, New, Op, Sweep, WORKERS, Work};

/// What came back, by the ledger's own ids.
pub type Said = Vec<(JobId, String)>;
/// Stands for a count without names.
pub const NOBODY: JobId = JobId(uuid::Uuid::nil());
pub type Outcome<T> = Result<T, String>;

/// The jobs' ids by number, and the fences known: all that an operation needs, so that several can run at once.
#[derive(Clone)]
pub struct Hands {
    pub platform: Platform,
    pub ids: Vec<JobId>,
    pub fences: Vec<i32>,
}

pub fn text(error: impl std::fmt::Display) -> String {
    format!("the ledger failed: {error:#}")
}

fn bare(ids: impl IntoIterator<Item = JobId>) -> Outcome<Said> {
    Ok(ids.into_iter().map(|id| (id, String::new())).collect())
}

fn tickets(tickets: Vec<Ticket>) -> Outcome<Said> {
    bare(tickets.into_iter().map(|ticket| ticket.job))
}

/// What an administrator hears of one job; a refusal is an answer too.
fn refusable(id: JobId, answer: Result<String, Error>) -> Outcome<Said> {
    match answer {
        Ok(said) => Ok(vec![(id, said)]),
        Err(Error::NotFound(_) | Error::Conflict { .. }) => Ok(Said::new()),
        Err(error) => Err(text(error)),
    }
}

/// The kinds that the workers know.
pub fn kinds() -> [String; 2] {
    [Probe::KIND.into(), PurgeExpired::KIND.into()]
}

fn seconds(n: i64) -> Duration {
    Duration::from_secs(n as u64)
}

/// A job as the operation wants it.
pub fn prepared(new: New) -> NewJob {
    let job = match new.fused {
        true => NewJob::of(&PurgeExpired {}),
        false => NewJob::of(&Probe { mode: ProbeMode::Ok, n: None, note: None }),
    };
    let mut job = job.expect("a job").lane(Lane::Default).priority(new.priority).named(&format!("{new:?}"));
    if new.delay > 0 {
        job = job.after(seconds(new.delay));
    }
    if let Some(key) = new.key {
        job = job.keyed(KEYS[key].0, KEYS[key].1);
    }
    if let Some(unique) = new.unique {
        job = job.unique(&unique.to_string());
    }
    match new.expires {
        Some(term) => job.expires_after(seconds(term)),
        None => job,
    }
}

/// A run that did not succeed, as a worker would report it.
pub fn unsuccessful(id: JobId, fence: i32, act: Act) -> Unsuccessful {
    let (state, outcome, wait, counts) = match act {
        Act::Retry(wait) => ("retrying", "error", wait, true),
        Act::Snooze(wait) => ("scheduled", "snoozed", wait, false),
        Act::Again => ("queued", "error", 0, false),
        Act::Cancel => ("cancelled", "cancelled", 0, true),
        _ => ("dead", "error", 0, true),
    };
    let (error, code, fingerprint, log) = ("no".into(), "no".into(), "no".into(), String::new());
    Unsuccessful { id, fence, state, outcome, error, code, fingerprint, wait: wait as f64, counts, log }
}

impl Hands {
    fn id(&self, job: usize) -> JobId {
        self.ids.get(job).copied().unwrap_or_else(JobId::new)
    }

    async fn db(&self) -> Outcome<sqlx::pool::PoolConnection<sqlx::Postgres>> {
        self.platform.db.acquire().await.map_err(text)
    }

    /// Does it, and says what the ledger answered.
    pub async fn perform(&self, op: &Op) -> Outcome<Said> {
        match op {
            Op::Enqueue(new) => {
                let mut tx = Tx::begin(&self.platform).await.map_err(text)?;
                let id = enqueue_new(&mut tx, prepared(*new)).await.map_err(text)?;
                tx.commit().await.map_err(text)?;
                bare([id])
            }
            Op::Batch(jobs, callback) => {
                let jobs = jobs.iter().map(|new| prepared(*new)).collect();
                let callback = prepared(*callback);
                let mut tx = Tx::begin(&self.platform).await.map_err(text)?;
                let batch = batches::enqueue(&mut tx, "model", jobs, Some(callback)).await.map_err(text)?;
                tx.commit().await.map_err(text)?;
                bare(batch.jobs.into_iter().chain(batch.callback))
            }
            Op::Work(worker, work) => self.work(WORKERS[*worker], work).await,
            Op::Sweep(sweep) => self.sweep(*sweep).await,
            Op::Admin(admin) => self.admin(*admin).await,
            Op::LeaseEnds(job) => {
                sqlx::query(
                    "update jobs set lease_until = now() - interval '1 second' where id = $1 and state = 'running'",
                )
                .bind(self.id(*job).0)
                .execute(&self.platform.db)
                .await
                .map_err(text)?;
                Ok(Said::new())
            }
            Op::Pass(_) | Op::Race(..) => Err("not an operation of the ledger".into()),
        }
    }

    async fn work(&self, worker: &str, work: &Work) -> Outcome<Said> {
        let (db, lane) = (&self.platform.db, Lane::Default.name());
        let claimed = match work {
            Work::Claim(jobs) => {
                let ids: Vec<_> = jobs.iter().map(|job| self.id(*job)).collect();
                ledger::claim(db, worker, lane, &kinds(), &ids).await
            }
            Work::ClaimNext(most) => ledger::claim_next(db, worker, lane, &kinds(), *most as i64).await,
            Work::ClaimRationed(most) => {
                ledger::claim_rationed(db, worker, lane, &kinds(), *most as i64).await.map(|ration| ration.jobs)
            }
            Work::Hold { job, behind, act } => {
                let fence = self.fences.get(*job).map_or(0, |fence| fence - behind);
                return self.act(worker, (self.id(*job), fence), *act).await;
            }
        };
        let said = |job: Claimed| {
            let Claimed { id, attempt, fence, deaths, .. } = job;
            (id, format!("attempt {attempt}, fence {fence}, deaths {deaths}"))
        };
        Ok(claimed.map_err(text)?.into_iter().map(said).collect())
    }

    async fn act(&self, worker: &str, (id, fence): (JobId, i32), act: Act) -> Outcome<Said> {
        let mut db = self.db().await?;
        let held = [(id, fence)];
        let yes = |yes: bool| bare(yes.then_some(id));
        match act {
            Act::Renew => {
                drop(db);
                let renewed = ledger::renew(&self.platform.db, worker, &held).await.map_err(text)?;
                Ok(renewed.into_iter().map(|(id, stop)| (id, stop.to_string())).collect())
            }
            Act::Note => {
                let note = Note { id, fence, log: String::new(), progress: Some(json!(fence)), result: None };
                ledger::note(&mut db, worker, &[note]).await.map_err(text)?;
                Ok(Said::new())
            }
            Act::Begin => yes(ledger::begin(&mut db, worker, id, fence).await.map_err(text)?),
            Act::StillMine => yes(ledger::still_mine(&mut db, worker, id, fence).await.map_err(text)?),
            Act::Release => tickets(ledger::release(&mut db, worker, &held).await.map_err(text)?),
            Act::Done => bare(ledger::settle_done(&mut db, worker, &held).await.map_err(text)?),
            Act::Retry(_) | Act::Snooze(_) | Act::Again | Act::Cancel | Act::Dead => {
                let run = unsuccessful(id, fence, act);
                bare(ledger::settle_unsuccessful(&mut db, worker, &[run]).await.map_err(text)?)
            }
        }
    }

    async fn sweep(&self, sweep: Sweep) -> Outcome<Said> {
        let mut db = self.db().await?;
        let ended = |ended: Vec<sweep::Lost>| Ok(ended.into_iter().map(|job| (job.id, job.state)).collect());
        match sweep {
            Sweep::Due => tickets(sweep::due(&mut db).await.map_err(text)?),
            Sweep::Lost => ended(sweep::lost(&mut db).await.map_err(text)?),
            Sweep::Fused => ended(sweep::fused(&mut db).await.map_err(text)?),
            Sweep::Close => tickets(batches::close(&mut db).await.map_err(text)?),
            Sweep::Grant(key) => {
                drop(db);
                tickets(permits::grant(&self.platform.db, &[KEYS[key].0.to_owned()]).await.map_err(text)?)
            }
            Sweep::Expire => {
                let expired = sweep::expire(&mut db).await.map_err(text)?;
                Ok(vec![(NOBODY, expired.to_string())])
            }
        }
    }

    async fn admin(&self, admin: Admin) -> Outcome<Said> {
        let mut tx = Tx::begin(&self.platform).await.map_err(text)?;
        let lane = Lane::Default.name();
        let said = match admin {
            Admin::Retry(job) => {
                refusable(self.id(job), admin::retry(&mut tx, self.id(job)).await.map(|_| "retried".into()))?
            }
            Admin::Cancel(job) => refusable(self.id(job), admin::cancel(&mut tx, self.id(job)).await)?,
            Admin::Discard(job) => {
                refusable(self.id(job), admin::discard(&mut tx, self.id(job)).await.map(|()| "discarded".into()))?
            }
            Admin::Pause(wait) => {
                let until = sqlx::query_scalar("select now() + make_interval(secs => $1)").bind(wait.map(|s| s as f64));
                let until = until.fetch_one(&mut *tx).await.map_err(text)?;
                admin::lanes::pause(&mut tx, lane, until, None).await.map_err(text)?;
                Said::new()
            }
            Admin::Resume => {
                admin::lanes::resume(&mut tx, lane).await.map_err(text)?;
                Said::new()
            }
            Admin::Fuse(fuse, wait) => {
                let sql =
                    "insert into job_kinds (kind, fuse, fuse_until) values ($1, $2, now() + make_interval(secs => $3))
                           on conflict (kind) do update set fuse = excluded.fuse, fuse_until = excluded.fuse_until";
                let change = sqlx::query(sql).bind(PurgeExpired::KIND).bind(fuse).bind(wait.map(|s| s as f64));
                change.execute(&mut *tx).await.map_err(text)?;
                Said::new()
            }
            Admin::Limit(limit) => {
                let change = sqlx::query("update lanes set concurrency = $1 where name = $2").bind(limit).bind(lane);
                change.execute(&mut *tx).await.map_err(text)?;
                Said::new()
            }
        };
        tx.commit().await.map_err(text)?;
        Ok(said)
    }
}
