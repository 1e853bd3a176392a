//! What every case of a ticket source needs: a Redis of its own, workers, probes, and what to ask the ledger.

use std::time::Duration;

use harness::process::eventually;
use harness::redis::RedisServer;
use harness::{Stage, env};
use redis::Value;
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, enqueue_all};
use shared::platform::tx::Tx;
use tokio::process::Child;

pub const OPEN: &str =
    "select count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled') and lane = 'default'";
pub const DONE: &str = "select count(*) from jobs where state = 'succeeded'";
/// A job that was run more than once, or by more than one worker, has a larger fence.
pub const ONCE: &str = "select count(*) from jobs where state = 'succeeded' and fence = 1 and attempt = 1";

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// One source, a Redis of its own, and workers for the lane `default`.
pub struct Fixture {
    pub source: &'static str,
    pub stage: Stage,
    pub redis: RedisServer,
}

impl Fixture {
    pub async fn new(source: &'static str) -> Self {
        let redis = RedisServer::start().await;
        let changes = [("TICKETS", source), ("REDIS_URL", &redis.url), ("LANES", "default:16")];
        Self { source, stage: Stage::new(&changes).await, redis }
    }

    pub async fn probes(&self, count: usize, mode: ProbeMode, n: u64) {
        let probe = Probe { mode, n: Some(n), note: None };
        self.enqueue((0..count).map(|_| NewJob::of(&probe).expect("a job")).collect()).await;
    }

    pub async fn enqueue(&self, jobs: Vec<NewJob>) {
        let mut tx = Tx::begin(&self.stage.platform).await.expect("a transaction");
        enqueue_all(&mut tx, jobs).await.expect("jobs");
        tx.commit().await.expect("a commit");
    }

    /// So many workers, all of them running.
    pub async fn workers<const N: usize>(&self) -> [Child; N] {
        let workers = std::array::from_fn(|_| self.stage.worker());
        self.stage.until(seconds(20), "select count(*) from workers where state = 'running'", N as i64).await;
        workers
    }

    /// Waits until so many are done.
    pub async fn done(&self, count: i64) {
        eventually(seconds(30), &format!("{count} jobs are done"), || async { self.stage.count(DONE).await >= count })
            .await;
    }

    /// Waits until nothing is open, and asks how often each was run.
    pub async fn all_done_once(&self, count: i64) {
        self.stage.until(seconds(60), OPEN, 0).await;
        assert_eq!(self.stage.count(ONCE).await, count, "every job is done, each by one worker, once");
    }

    /// The name of the lane in Redis, with an ending.
    pub fn key(&self, ending: &str) -> String {
        format!("{{{}}}:lane:default{ending}", env::lookup(&self.stage.env, "NAMESPACE").expect("a namespace"))
    }

    /// Sends commands whose words may be any bytes; Redis may refuse them.
    pub async fn say(&self, commands: &[Vec<Vec<u8>>]) {
        let mut connection = self.redis.connection().await.expect("Redis");
        let mut pipe = redis::pipe();
        for words in commands {
            let command = pipe.cmd(std::str::from_utf8(&words[0]).expect("a command"));
            words[1..].iter().for_each(|word| {
                command.arg(word);
            });
        }
        let _: Vec<redis::RedisResult<Value>> = pipe.ignore_errors().query_async(&mut connection).await.expect("sent");
    }

    /// What Redis holds of ours: elements of every key, whatever its type.
    pub async fn entries(&self) -> i64 {
        let count = "local n = 0 for _, key in ipairs(redis.call('keys', '*')) do
                         local size = { list = 'llen', zset = 'zcard', hash = 'hlen', set = 'scard' }
                         local command = size[redis.call('type', key).ok]
                         n = n + (command and redis.call(command, key) or 1)
                     end return n";
        let mut connection = self.redis.connection().await.expect("Redis");
        redis::cmd("EVAL").arg(count).arg(0).query_async(&mut connection).await.expect("a count")
    }

    pub async fn depth(&self) -> u64 {
        self.stage.platform.tickets.depths(&["default"]).await.expect("a depth")[0]
    }
}
