//! Tickets: ids of committed jobs in Redis, so that a job starts at once and workers do not fight over rows.
//!
//! Nothing here is the truth: a ticket may be lost, doubled or forged, and the ledger's compare-and-set sorts it out.
//! [`Tickets::add`] therefore never waits and never fails; one task sends whatever has come together, and what it
//! cannot send the sweeper repairs. How tickets lie in Redis is the source's matter: [`zset`] or [`apalis_queue`].

mod apalis_queue;
mod zset;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::{mpsc, oneshot};

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::TicketSource;
use crate::kernel::ids::JobId;
use crate::kernel::task;

/// Our bound on any answer from Redis that does not block on purpose.
const ANSWER: Duration = Duration::from_millis(1500);
/// How long a take waits for the first ticket.
const BLOCK: Duration = Duration::from_secs(1);
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
    source: TicketSource,
    outbox: OnceLock<mpsc::Sender<Message>>,
}

impl Tickets {
    /// Tickets of this source in the Redis at `url`, or none at all: workers then poll PostgreSQL.
    pub fn new(source: TicketSource, url: Option<&str>, namespace: &str) -> Result<Self> {
        let (Some(url), TicketSource::Redis | TicketSource::ApalisRedis) = (url, source) else { return Ok(Self(None)) };
        let client = Client::open(url).map_err(|e| Error::internal(format_args!("REDIS_URL: {e}")))?;
        let (namespace, outbox) = (namespace.to_owned(), OnceLock::new());
        Ok(Self(Some(Arc::new(Redis { client, namespace, source, outbox }))))
    }

    /// Whether tickets are in a Redis at all.
    pub fn in_redis(&self) -> bool {
        self.0.is_some()
    }

    /// Whether only the head of a long lane has tickets, so that a lane without tickets may still have jobs waiting.
    pub fn bounded(&self) -> bool {
        self.0.as_ref().is_some_and(|redis| redis.source == TicketSource::ApalisRedis)
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
            let (client, namespace) = (redis.client.clone(), redis.namespace.clone());
            task::spawn("tickets", deliver(client, namespace, redis.source, receiver));
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
        // A blocking command answers after its block time: this connection waits longer than any block.
        let connection = connect(&redis.client, BLOCK + ANSWER).await?;
        Ok(Some(match redis.source {
            TicketSource::ApalisRedis => {
                Taker::Apalis(apalis_queue::Taker::new(connection, &redis.namespace, lane).await?.into())
            }
            _ => Taker::Zset(zset::Taker::new(connection, &redis.namespace, lane).await?),
        }))
    }

    /// Tickets waiting per lane, in the order asked. What is no lane of ours counts as empty.
    pub async fn depths(&self, lanes: &[&str]) -> RedisResult<Vec<u64>> {
        let Some(redis) = &self.0 else {
            return Ok(vec![0; lanes.len()]);
        };
        let mut connection = connect(&redis.client, ANSWER).await?;
        match redis.source {
            TicketSource::ApalisRedis => apalis_queue::depths(&mut connection, &redis.namespace, lanes).await,
            _ => zset::depths(&mut connection, &redis.namespace, lanes).await,
        }
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

/// The name of a lane in Redis. One hash tag, so that a cluster keeps an installation together.
fn key(namespace: &str, lane: &str) -> String {
    format!("{{{namespace}}}:lane:{lane}")
}

async fn connect(client: &Client, answer: Duration) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// What has come together since the last answer.
#[derive(Default)]
struct News {
    added: HashMap<String, Vec<(i64, JobId)>>,
    removed: Vec<(String, JobId)>,
}

async fn deliver(client: Client, namespace: String, source: TicketSource, mut inbox: mpsc::Receiver<Message>) {
    let mut connection = None;
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, 1000).await > 0 {
        let (mut news, mut flushed) = (News::default(), Vec::new());
        for message in batch.drain(..) {
            match message {
                Message::Add(tickets) => {
                    for Ticket { job, lane, rank } in tickets {
                        news.added.entry(lane).or_default().push((rank, job));
                    }
                }
                Message::Remove(lane, job) => news.removed.push((lane, job)),
                Message::Flush(done) => flushed.push(done),
            }
        }
        let announced: usize = news.added.values().map(Vec::len).sum();
        if announced + news.removed.len() > 0
            && let Err(error) = send(&client, &mut connection, &namespace, source, news).await
        {
            connection = None;
            metrics::counter!("facteur_tickets_dropped_total").increment(announced as u64);
            tracing::warn!(tickets = announced, %error, "Redis is away: jobs are accepted, PostgreSQL hands them out");
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}

async fn send(
    client: &Client,
    held: &mut Option<MultiplexedConnection>,
    namespace: &str,
    source: TicketSource,
    news: News,
) -> RedisResult<()> {
    let connection = match held {
        Some(connection) => connection,
        None => held.insert(connect(client, ANSWER).await?),
    };
    match source {
        TicketSource::ApalisRedis => apalis_queue::send(connection, namespace, news).await,
        _ => zset::send(connection, namespace, &news).await,
    }
}

/// An id as it stands in Redis: 22 characters instead of 36, because millions may wait.
fn write(job: JobId) -> String {
    URL_SAFE_NO_PAD.encode(job.0.as_bytes())
}

/// Short or long; everything else is garbage.
fn read(id: &[u8]) -> Option<JobId> {
    match id.len() {
        22 => uuid::Uuid::from_slice(&URL_SAFE_NO_PAD.decode(id).ok()?).ok().map(JobId),
        _ => std::str::from_utf8(id).ok()?.parse().ok(),
    }
}

/// Takes tickets from one lane over a connection of its own.
pub enum Taker {
    /// From a sorted set.
    Zset(zset::Taker),
    /// From a queue of apalis-redis.
    Apalis(Box<apalis_queue::Taker>),
}

impl Taker {
    /// Up to `n` tickets; with `wait`, up to a second for the first one. What is no id is dropped and counted: every
    /// byte from Redis may be garbage. After an error the taker is to be thrown away.
    pub async fn take(&mut self, n: usize, wait: bool) -> RedisResult<Vec<JobId>> {
        let found = match self {
            Self::Zset(taker) => taker.take(n, wait).await?,
            Self::Apalis(taker) => taker.take(n, wait).await?,
        };
        let ids: Vec<JobId> = found.iter().filter_map(|id| read(id)).collect();
        if ids.len() < found.len() {
            metrics::counter!("facteur_tickets_garbage_total").increment((found.len() - ids.len()) as u64);
        }
        Ok(ids)
    }
}
