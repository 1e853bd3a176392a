//! Tickets: ids of committed jobs in Redis, so that a job starts at once and workers do not fight over rows.
//!
//! One sorted set per lane, scored by rank. Nothing here is the truth: a ticket may be lost, doubled or forged, and
//! the ledger's compare-and-set sorts it out. [`Tickets::add`] therefore never waits and never fails; one task sends
//! whatever has come together (one ZADD per lane), and what it cannot send the sweeper repairs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::{mpsc, oneshot};

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::task;

/// Our bound on any answer from Redis that does not block on purpose.
const ANSWER: Duration = Duration::from_millis(1500);
/// Tickets waiting to be sent; beyond this they are dropped and the sweeper's business.
const BACKLOG: usize = 100_000;

/// A job that may be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The job.
    pub job: JobId,
    /// Its lane.
    pub lane: String,
    /// Lower is taken sooner.
    pub rank: i64,
}

enum Message {
    Add(Vec<Ticket>),
    Remove(String, JobId),
    Flush(oneshot::Sender<()>),
}

/// Where committed jobs are announced. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tickets(Option<Arc<Redis>>);

struct Redis {
    client: Client,
    namespace: String,
    outbox: std::sync::OnceLock<mpsc::Sender<Message>>,
}

impl Tickets {
    /// Tickets in the Redis at `url`, or none at all: workers then poll PostgreSQL.
    pub fn new(url: Option<&str>, namespace: &str) -> Result<Self> {
        let Some(url) = url else { return Ok(Self(None)) };
        let client = Client::open(url).map_err(|e| Error::internal(format_args!("REDIS_URL: {e}")))?;
        Ok(Self(Some(Arc::new(Redis { client, namespace: namespace.to_owned(), outbox: std::sync::OnceLock::new() }))))
    }

    /// Whether there is a Redis at all.
    pub fn in_redis(&self) -> bool {
        self.0.is_some()
    }

    /// Announces jobs. Returns at once; a ticket that cannot be sent is a log line.
    pub fn add(&self, tickets: Vec<Ticket>) {
        if !tickets.is_empty() {
            self.send(Message::Add(tickets));
        }
    }

    /// Takes a ticket back (a cancelled job). Best effort, like everything here.
    pub fn remove(&self, lane: &str, job: JobId) {
        self.send(Message::Remove(lane.to_owned(), job));
    }

    /// Waits until everything announced so far was sent or given up, at most `patience`. For short-lived processes.
    pub async fn flush(&self, patience: Duration) {
        let (done, flushed) = oneshot::channel();
        if self.send(Message::Flush(done)) {
            let _ = tokio::time::timeout(patience, flushed).await;
        }
    }

    fn send(&self, message: Message) -> bool {
        let Some(redis) = &self.0 else { return false };
        let outbox = redis.outbox.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(BACKLOG);
            task::spawn("tickets", deliver(redis.client.clone(), redis.namespace.clone(), receiver));
            sender
        });
        let sent = outbox.try_send(message).is_ok();
        if !sent {
            metrics::counter!("facteur_tickets_dropped_total").increment(1);
        }
        sent
    }

    /// A connection of its own that takes tickets from one lane.
    pub async fn taker(&self, lane: &str) -> RedisResult<Option<Taker>> {
        let Some(redis) = &self.0 else { return Ok(None) };
        // A blocking pop answers after its block time: this connection waits longer than any block.
        let connection = connect(&redis.client, BLOCK + ANSWER).await?;
        Ok(Some(Taker { connection, key: key(&redis.namespace, lane) }))
    }

    /// Tickets waiting per lane, in the order asked.
    pub async fn depths(&self, lanes: &[&str]) -> RedisResult<Vec<u64>> {
        let Some(redis) = &self.0 else {
            return Ok(vec![0; lanes.len()]);
        };
        let mut pipe = redis::pipe();
        for lane in lanes {
            pipe.zcard(key(&redis.namespace, lane));
        }
        pipe.query_async(&mut connect(&redis.client, ANSWER).await?).await
    }

    /// Round trip to Redis, and the eviction policy where Redis tells it.
    pub async fn ping(&self) -> RedisResult<Option<String>> {
        let Some(redis) = &self.0 else { return Ok(None) };
        let mut connection = connect(&redis.client, ANSWER).await?;
        let _: String = redis::cmd("PING").query_async(&mut connection).await?;
        let policy: RedisResult<HashMap<String, String>> =
            redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await;
        Ok(policy.ok().and_then(|mut map| map.remove("maxmemory-policy")))
    }

    /// The version of Redis, where it tells.
    pub async fn version(&self) -> RedisResult<Option<String>> {
        let Some(redis) = &self.0 else { return Ok(None) };
        let mut connection = connect(&redis.client, ANSWER).await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        Ok(info.lines().find_map(|line| line.strip_prefix("redis_version:")).map(|version| version.trim().to_owned()))
    }
}

/// The key of a lane. One hash tag, so that a cluster keeps an installation together.
fn key(namespace: &str, lane: &str) -> String {
    format!("{{{namespace}}}:lane:{lane}")
}

async fn connect(client: &Client, answer: Duration) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Sends what has come together since the last answer, one ZADD per lane.
async fn deliver(client: Client, namespace: String, mut inbox: mpsc::Receiver<Message>) {
    let mut connection = None;
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, 1000).await > 0 {
        let mut lanes: HashMap<String, Vec<(i64, String)>> = HashMap::new();
        let (mut removals, mut flushed) = (Vec::new(), Vec::new());
        for message in batch.drain(..) {
            match message {
                Message::Add(tickets) => {
                    for Ticket { job, lane, rank } in tickets {
                        lanes.entry(lane).or_default().push((rank, job.to_string()));
                    }
                }
                Message::Remove(lane, job) => removals.push((lane, job.to_string())),
                Message::Flush(done) => flushed.push(done),
            }
        }
        let mut pipe = redis::pipe();
        for (lane, members) in &lanes {
            pipe.zadd_multiple(key(&namespace, lane), members).ignore();
        }
        for (lane, member) in &removals {
            pipe.zrem(key(&namespace, lane), member).ignore();
        }
        if !pipe.is_empty()
            && let Err(error) = send(&client, &mut connection, &pipe).await
        {
            connection = None;
            let lost: usize = lanes.values().map(Vec::len).sum();
            metrics::counter!("facteur_tickets_dropped_total").increment(lost as u64);
            tracing::warn!(tickets = lost, %error, "Redis is away: jobs are accepted, PostgreSQL hands them out");
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}

async fn send(client: &Client, held: &mut Option<MultiplexedConnection>, pipe: &redis::Pipeline) -> RedisResult<()> {
    let connection = match held {
        Some(connection) => connection,
        None => held.insert(connect(client, ANSWER).await?),
    };
    pipe.query_async(connection).await
}

/// How long a take waits for the first ticket.
const BLOCK: Duration = Duration::from_secs(1);

/// Takes tickets from one lane over a connection of its own.
pub struct Taker {
    connection: MultiplexedConnection,
    key: String,
}

impl Taker {
    /// Up to `n` tickets, best rank first; with `wait`, up to a second for the first one. What is no id is dropped and
    /// counted: every byte from Redis may be garbage. After an error the taker is to be thrown away.
    pub async fn take(&mut self, n: usize, wait: bool) -> RedisResult<Vec<JobId>> {
        let mut found: Vec<(String, f64)> = self.connection.zpopmin(&self.key, n as isize).await?;
        if found.is_empty() && wait {
            let first: Option<(String, String, f64)> = self.connection.bzpopmin(&self.key, BLOCK.as_secs_f64()).await?;
            found.extend(first.map(|(_, member, score)| (member, score)));
        }
        let taken = found.len();
        let ids: Vec<JobId> = found.into_iter().filter_map(|(member, _)| member.parse().ok()).collect();
        if ids.len() < taken {
            metrics::counter!("facteur_tickets_garbage_total").increment((taken - ids.len()) as u64);
        }
        Ok(ids)
    }
}
