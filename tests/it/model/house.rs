//! A database for all histories of a test, and the comparison: answers, rows, and invariants that need no model.

use std::time::{Duration, Instant};

use harness::TestApp;
use shared::kernel::ids::JobId;
use shared::platform::tx::Tx;
use sqlx::Row;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::ops::{Admin, Op};
use super::rules::{Answer, Model};
use super::system::{Hands, NOBODY, Outcome, Said, text};
use super::verdicts::FINAL;

/// Real time passes too: so much of it blurs nothing (leases hold 15 s), and a history that takes longer ends there.
const BLUR: Duration = Duration::from_secs(10);

/// The database.
pub struct House {
    app: TestApp,
    runtime: Runtime,
}

/// A history as far as it went.
pub struct Tried {
    hands: Hands,
    model: Model,
    rows: Vec<Seen>,
    running: i64,
    /// The database's clock at the beginning, in ms.
    start: i64,
    began: Instant,
}

/// What a job's row says.
#[derive(Clone)]
struct Seen {
    state: String,
    fence: i32,
    rank: i64,
    line: String,
}

/// Names of what must never be, where it is.
pub const INVARIANTS: &str = "
    select 'runs without a lease or a holder' as breach from jobs where state = 'running' and (lease_until is null or worker_id is null)
    union all select 'has a lease and does not run' from jobs where state <> 'running' and lease_until is not null
    union all select 'final without an end, or ended and not final' from jobs
        where (finished_at is not null) <> (state in ('succeeded', 'dead', 'cancelled'))
    union all select 'more attempts than claims' from jobs where attempt not between 0 and fence
    union all select 'more under a key than there is room' from jobs where state in ('queued', 'running') and concurrency_key is not null
        group by concurrency_key having count(*) > max(concurrency_limit)
    union all select 'a run is told that never was' from job_attempts a join jobs j on j.id = a.job_id
        where a.fence > j.fence or (a.fence = j.fence and j.state = 'running')
    union all select 'a success is not told' from jobs j where state = 'succeeded' and fence > 1
        and not exists (select from job_attempts a where a.job_id = j.id and a.fence = j.fence and a.outcome = 'ok')
    union all select 'a finished batch was not sealed or not counted' from batches
        where finished_at is not null and (sealed_at is null or succeeded is null)
    union all select 'a callback ran before its batch was finished' from batches b join jobs j on j.id = b.callback_id
        where b.finished_at is null and j.fence > 0";

/// As [`Model::lines`] has them.
const ROWS: &str = "
    select id, state, fence, rank,
           format('%s: %s by %s%s, attempt %s, fence %s, deaths %s, noted %s, runs:%s', key_argument, state,
                  case when state = 'running' then worker_id else 'nobody' end,
                  case when cancel_requested_at is not null and finished_at is null then ', to stop' end,
                  attempt, fence, deaths, coalesce(progress, '0'),
                  (select string_agg(format(' %s/%s %s', a.fence, a.attempt, outcome), '' order by a.fence)
                   from job_attempts a where job_id = jobs.id)) as line
    from jobs";

impl House {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut app = runtime.block_on(TestApp::new());
        app.leave_jobs();
        Self { app, runtime }
    }

    /// An empty ledger.
    pub fn begin(&self) -> Tried {
        self.runtime.block_on(async {
            self.app
                .execute("delete from jobs; delete from batches; delete from job_kinds; delete from lanes; insert into lanes (name) values ('default')")
                .await;
            let start = sqlx::query_scalar("select (extract(epoch from now()) * 1000)::bigint");
            let start = start.fetch_one(&self.app.platform.db).await.expect("the database's clock");
            let hands = Hands { platform: self.app.platform.clone(), ids: Vec::new(), fences: Vec::new() };
            Tried { hands, model: Model::default(), rows: Vec::new(), running: 0, start, began: Instant::now() }
        })
    }

    /// Does it, and says what differs from what the rules say.
    pub fn step(&self, tried: &mut Tried, op: &Op) -> Outcome<()> {
        if tried.began.elapsed() > BLUR {
            return Ok(());
        }
        self.runtime.block_on(async {
            tried.hands.fences = tried.model.fences();
            let answers = match op {
                Op::Race(held, ops) => tried.race(*held, ops).await?,
                Op::Pass(seconds) => {
                    self.app.advance(Duration::from_secs(*seconds as u64)).await;
                    self.app.execute(&format!("update jobs set rank = rank - {seconds} * 1000")).await;
                    vec![Answer::new()]
                }
                op => {
                    let said = tried.hands.perform(op).await?;
                    vec![tried.answer(said)?]
                }
            };
            let before = std::mem::take(&mut tried.rows);
            let lines = self.read(tried).await?;
            tried.follow(op, &answers, &lines)?;
            tried.ranks()?;
            tried.moved(&before, op)?;
            self.invariants().await
        })
    }

    /// Reads the rows, as the model writes them.
    async fn read(&self, tried: &mut Tried) -> Outcome<Vec<String>> {
        let db = &self.app.platform.db;
        let gone = Seen { state: "gone".into(), fence: 0, rank: 0, line: "gone".into() };
        tried.rows = vec![gone; tried.hands.ids.len()];
        for row in sqlx::query(ROWS).fetch_all(db).await.map_err(text)? {
            let n = tried.number(JobId(row.get("id"))).ok_or("a job that nobody enqueued")?;
            let (state, line): (String, String) = (row.get("state"), row.get("line"));
            tried.rows[n] = Seen { state, fence: row.get("fence"), rank: row.get("rank"), line };
        }
        let batches = "select case when finished_at is null then 'batch None'
                              else format('batch Some([%s, %s, %s])', succeeded, dead, cancelled) end from batches order by id";
        let batches: Vec<String> = sqlx::query_scalar(batches).fetch_all(db).await.map_err(text)?;
        Ok(tried.rows.iter().map(|row| row.line.clone()).chain(batches).collect())
    }

    async fn invariants(&self) -> Outcome<()> {
        let breaches: Vec<String> =
            sqlx::query_scalar(INVARIANTS).fetch_all(&self.app.platform.db).await.map_err(text)?;
        same("breaches", &Vec::new(), &breaches)
    }
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, expected: &T, found: &T) -> Outcome<()> {
    if expected == found { Ok(()) } else { Err(format!("{what}: the rules say {expected:#?}, the ledger {found:#?}")) }
}

impl Tried {
    fn number(&self, id: JobId) -> Option<usize> {
        self.hands.ids.iter().position(|known| *known == id)
    }

    /// Ids become numbers; one never seen is the next.
    fn answer(&mut self, said: Said) -> Outcome<Answer> {
        let count = said.len();
        let mut answer = Answer::new();
        for (id, what) in said {
            let n = self.number(id).or((id == NOBODY).then_some(usize::MAX)).unwrap_or(self.hands.ids.len());
            if n == self.hands.ids.len() {
                self.hands.ids.push(id);
            }
            answer.insert(n, what);
        }
        if answer.len() == count { Ok(answer) } else { Err("a job was named twice in one answer".into()) }
    }

    /// Everything at once, each on a connection of its own. Where a row is held, they come one after the other to it,
    /// with what they saw when they came, and go on together.
    async fn race(&mut self, held: Option<usize>, ops: &[Op]) -> Outcome<Vec<Answer>> {
        let held = held.and_then(|job| self.hands.ids.get(job)).map(|id| id.0);
        let mut holder = Tx::begin(&self.hands.platform).await.map_err(text)?;
        if held.is_some() {
            let lock = sqlx::query("select from jobs where id = $1 for update").bind(held);
            lock.execute(&mut *holder).await.map_err(text)?;
        }
        let mut running = JoinSet::new();
        for (n, op) in ops.iter().cloned().enumerate() {
            let hands = self.hands.clone();
            running.spawn(async move { (n, hands.perform(&op).await) });
            if held.is_some() {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
        holder.rollback().await.map_err(text)?;
        let mut said = running.join_all().await;
        said.sort_by_key(|(n, _)| *n);
        said.into_iter().map(|(_, said)| self.answer(said?)).collect()
    }

    /// Brings the model to where the ledger is: by the operation, or by some order of a race's parts.
    fn follow(&mut self, op: &Op, answers: &[Answer], lines: &[String]) -> Outcome<()> {
        let fences = &self.hands.fences;
        if let Op::Race(_, ops) = op {
            let parts: Vec<_> = ops.iter().zip(answers).collect();
            let found = order(&self.model, &parts, fences, lines);
            self.model =
                found.ok_or_else(|| format!("no order explains the answers {answers:#?}\nand rows {lines:#?}"))?;
            return Ok(());
        }
        same("answer", &self.model.step(op, fences, None), &answers[0])?;
        same("rows", &*self.model.lines(), lines)
    }

    /// Ranks are due time and priority, as far as real time blurs them; among themselves the ledger's count.
    fn ranks(&mut self) -> Outcome<()> {
        let passed = self.model.now * 1000 - self.start;
        for (n, (job, row)) in self.model.jobs.iter_mut().zip(&self.rows).enumerate() {
            let late = row.rank + passed - job.rank;
            if !FINAL.contains(&job.state) && !(-1..2 * BLUR.as_millis() as i64).contains(&late) {
                return Err(format!("the rank of job {n} is {late} ms off"));
            }
            job.place = (row.rank, self.hands.ids[n].0.as_u128());
        }
        Ok(())
    }

    /// What holds between one moment and the next.
    fn moved(&mut self, before: &[Seen], op: &Op) -> Outcome<()> {
        let retried = op.any(&|op| matches!(op, Op::Admin(Admin::Retry(_))));
        for (n, (old, new)) in before.iter().zip(&self.rows).enumerate() {
            if new.state != "gone" && new.fence < old.fence {
                return Err(format!("the fence of job {n} went back from {} to {}", old.fence, new.fence));
            }
            if FINAL.contains(&&*old.state) && new.state != old.state && new.state != "gone" && !retried {
                return Err(format!("job {n} was {} and is {}", old.state, new.state));
            }
        }
        let running = self.rows.iter().filter(|row| row.state == "running").count() as i64;
        let before = std::mem::replace(&mut self.running, running);
        match self.model.limit {
            Some(limit) if running > before.max(i64::from(limit)) => Err(format!("{running} run, {limit} may")),
            _ => Ok(()),
        }
    }
}

fn order(model: &Model, parts: &[(&Op, &Answer)], fences: &[i32], lines: &[String]) -> Option<Model> {
    if parts.is_empty() {
        return (model.lines() == lines).then(|| model.clone());
    }
    (0..parts.len()).find_map(|first| {
        let (mut next, mut rest) = (model.clone(), parts.to_vec());
        let (op, answer) = rest.remove(first);
        if next.step(op, fences, Some(answer)) == *answer { order(&next, &rest, fences, lines) } else { None }
    })
}
