//! Tickets in a queue of apalis-redis per lane: pushed and fetched by the library, kept in order by us.
//!
//! The library gives up for good on what can happen to any Redis (docs/apalis-redis.md): too many tasks due at once,
//! one it cannot read, a worker it does not know. `tend.lua` runs before and after every push, and on the taking side
//! at every start and heartbeat, and removes the occasions; a batch the library fetched but could not read is read
//! from the worker's inflight set, because a ticket is nothing but its id. What was taken is forgotten at once: the
//! ledger decides everything else, so nothing is ever acknowledged, retried or kept here.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use apalis_redis::{Config, RedisTask, queries};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Pipeline, RedisError, RedisResult, Script};

use super::{BLOCK, News, key};
use crate::kernel::ids::JobId;

/// Tickets in one queue. The rest of a longer lane waits in PostgreSQL.
const BOUND: usize = 1000;
/// Tickets in one push: the library's script moves all of them with one `unpack`.
const CHUNK: usize = 250;
/// How often a taker says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A taker that was not heard of for so long is gone, and what it fetched may be taken again.
const GONE_SECONDS: u64 = 15;

static TEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tend.lua")));

/// The lane's queue. No events: nobody listens. Locks and results are for what stays in Redis while it runs.
fn queue(namespace: &str, lane: &str) -> Config {
    let queue = key(namespace, lane);
    Config::default().queue(queue).emit_events(false).lock_tasks(false).persist_results(false)
}

/// Puts the queue in order; returns how many more tickets fit.
async fn tend(connection: &mut MultiplexedConnection, queue: &Config, worker: &str) -> RedisResult<usize> {
    let mut script = TEND.key(queue.active_jobs_list());
    script.key(queue.scheduled_jobs_set()).key(queue.job_data_hash()).key(queue.workers_set());
    script.arg(queue.job_meta_hash()).arg(queue.inflight_jobs_set()).arg(BOUND).arg(worker).arg(GONE_SECONDS);
    script.invoke_async(connection).await
}

/// Pushes what fits, best rank first.
pub async fn send(connection: &mut MultiplexedConnection, namespace: &str, news: News) -> RedisResult<()> {
    for (lane, mut tickets) in news.added {
        let queue = queue(namespace, &lane);
        tickets.sort_unstable();
        let mut left = tickets.as_slice();
        let mut room = tend(connection, &queue, "").await?;
        while room > 0 && !left.is_empty() {
            let (now, later) = left.split_at(room.min(CHUNK).min(left.len()));
            let tasks: Vec<RedisTask> = now.iter().map(|(rank, job)| task(*rank, *job)).collect();
            queries::push_tasks(connection, &queue, &tasks).await.map_err(into_redis)?;
            room = tend(connection, &queue, "").await?;
            left = later;
        }
    }
    for (lane, job) in news.removed {
        let (queue, id) = (queue(namespace, &lane), job.to_string());
        let _: i64 = connection.lrem(queue.active_jobs_list(), 0, &id).await?;
        forget(&queue, &[id.into_bytes()]).query_async::<()>(connection).await?;
    }
    Ok(())
}

/// The ticket is the task's id; it carries nothing else that could be wrong. Its time is its rank: milliseconds where
/// the library reads seconds, so to the library nothing is ever due, and what is moved to the list is our affair.
fn task(rank: i64, job: JobId) -> RedisTask {
    let id = TaskId::from_string(job.to_string());
    TaskBuilder::new(Vec::new()).task_id(id).run_at_timestamp(rank.max(0) as u64).build()
}

/// Removes what the library keeps about tasks for ever, whatever its type is by now.
fn forget(queue: &Config, ids: &[Vec<u8>]) -> Pipeline {
    let prefix = queue.job_meta_hash();
    let metas: Vec<Vec<u8>> = ids.iter().map(|id| [prefix.as_bytes(), b":", id].concat()).collect();
    let mut pipe = redis::pipe();
    pipe.hdel(queue.job_data_hash(), ids).ignore().unlink(metas).ignore().ignore_errors();
    pipe
}

/// Tickets per lane, scheduled ones included.
pub async fn depths(connection: &mut MultiplexedConnection, namespace: &str, lanes: &[&str]) -> RedisResult<Vec<u64>> {
    let mut pipe = redis::pipe();
    for lane in lanes {
        let queue = queue(namespace, lane);
        pipe.llen(queue.active_jobs_list()).zcard(queue.scheduled_jobs_set());
    }
    let counts: Vec<RedisResult<u64>> = pipe.ignore_errors().query_async(connection).await?;
    let counts: Vec<u64> = counts.into_iter().map(Result::unwrap_or_default).collect();
    Ok(counts.chunks(2).map(|pair| pair.iter().sum()).collect())
}

/// Takes from one lane, under a name of its own.
pub struct Taker {
    connection: MultiplexedConnection,
    queue: Config,
    worker: WorkerContext,
    tended: Instant,
}

impl Taker {
    /// Registers under a fresh name. A name that is used twice loses what the first one fetched.
    pub async fn new(connection: MultiplexedConnection, namespace: &str, lane: &str) -> RedisResult<Self> {
        let worker = WorkerContext::new(&uuid::Uuid::new_v4().simple().to_string());
        let (queue, tended) = (queue(namespace, lane), Instant::now());
        let mut taker = Self { connection, queue, worker, tended };
        taker.tend().await?;
        Ok(taker)
    }

    async fn tend(&mut self) -> RedisResult<()> {
        tend(&mut self.connection, &self.queue, self.worker.name()).await?;
        self.tended = Instant::now();
        Ok(())
    }

    /// Up to `n`, in the order of their arrival; with `wait`, up to a second for the first one.
    pub async fn take(&mut self, n: usize, wait: bool) -> RedisResult<Vec<Vec<u8>>> {
        // A lane that is full or paused does not take: the library would not know this worker any more.
        if self.tended.elapsed() >= HEARTBEAT {
            self.tend().await?;
        }
        let mut ids = self.fetch(n).await?;
        if ids.is_empty() && wait {
            // The library's signal list is not raised by a push, and would wake one worker only. Moving a list's last
            // element to its own head takes nothing, and wakes everybody who waits for the list to be filled.
            let active = self.queue.active_jobs_list();
            let _: Option<Vec<u8>> = self.connection.brpoplpush(&active, &active, BLOCK.as_secs_f64()).await?;
            ids = self.fetch(n).await?;
        }
        Ok(ids)
    }

    async fn fetch(&mut self, n: usize) -> RedisResult<Vec<Vec<u8>>> {
        self.queue.batch_size = n;
        let inflight = self.queue.inflight_set_for(&self.worker);
        let ids: Vec<Vec<u8>> = match queries::fetch_next(&mut self.connection, &self.worker, &self.queue).await {
            Ok(tasks) => tasks.iter().filter_map(|task| Some(task.task_id()?.to_string().into_bytes())).collect(),
            Err(error) => {
                let stranded: Vec<Vec<u8>> = self.connection.smembers(&inflight).await?;
                if stranded.is_empty() {
                    return Err(into_redis(error));
                }
                stranded
            }
        };
        if !ids.is_empty() {
            let mut pipe = forget(&self.queue, &ids);
            pipe.del(inflight).ignore();
            // The ids are in our hands. Should the connection end here, they are fetched again when this worker is gone.
            let _: RedisResult<()> = pipe.query_async(&mut self.connection).await;
        }
        Ok(ids)
    }
}

fn into_redis(error: apalis_redis::Error) -> RedisError {
    match error {
        apalis_redis::Error::Database(error) => error,
        other => RedisError::from(std::io::Error::other(other.to_string())),
    }
}
