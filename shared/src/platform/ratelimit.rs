//! Token buckets shared by all API processes, in Redis; in memory while Redis is away.
//!
//! One algorithm, GCRA: a bucket is the time at which it will be full again. Without Redis each process counts for
//! itself, so nothing opens: a login is still limited, only per process. PostgreSQL is never asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Rate;

/// An answer slower than this is no answer: a caller is not kept waiting for a counter.
const ANSWER: Duration = Duration::from_millis(100);
/// After a failure Redis is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Buckets kept in memory at most; beyond this the fullest ones are forgotten first.
const MEMORY: usize = 100_000;

/// Redis' clock decides, so that all processes agree. Answers how long to wait, in ms; 0 = taken.
const GCRA: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local step, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = full + step * math.max(cost, 1) - burst - now
if wait > 0 then return math.ceil(wait) end
if cost > 0 then
  redis.call('SET', KEYS[1], full + step * cost, 'PX', math.ceil(full + step * cost - now) + 1000)
end
return 0";

/// The buckets.
#[derive(Clone)]
pub struct RateLimits(Arc<Inner>);

struct Inner {
    client: Option<Client>,
    namespace: String,
    script: Script,
    connection: tokio::sync::Mutex<Held>,
    memory: Mutex<HashMap<String, Instant>>,
}

#[derive(Default)]
struct Held {
    connection: Option<MultiplexedConnection>,
    retry_at: Option<Instant>,
}

impl RateLimits {
    /// Buckets in this Redis, or in memory alone.
    pub fn new(url: Option<&str>, namespace: &str) -> Result<Self> {
        let client = url.map(Client::open).transpose().map_err(|e| Error::internal(format_args!("REDIS_URL: {e}")))?;
        Ok(Self(Arc::new(Inner {
            client,
            namespace: namespace.to_owned(),
            script: Script::new(GCRA),
            connection: tokio::sync::Mutex::default(),
            memory: Mutex::default(),
        })))
    }

    /// Takes one token. 429 when there is none.
    pub async fn take(&self, bucket: &str, rate: Rate) -> Result<()> {
        self.ask(bucket, rate, 1).await
    }

    /// 429 when there is no token; takes none. For what counts failures only.
    pub async fn check(&self, bucket: &str, rate: Rate) -> Result<()> {
        self.ask(bucket, rate, 0).await
    }

    async fn ask(&self, bucket: &str, rate: Rate, cost: u32) -> Result<()> {
        let wait = match self.redis(bucket, rate, cost).await {
            Some(wait) => wait,
            None => self.memory(bucket, rate, cost),
        };
        if wait.is_zero() { Ok(()) } else { Err(Error::TooMany { retry_after: wait }) }
    }

    async fn redis(&self, bucket: &str, rate: Rate, cost: u32) -> Option<Duration> {
        let mut connection = self.connection().await?;
        let mut call = self.0.script.key(format!("{{{}}}:rate:{bucket}", self.0.namespace));
        call.arg(rate.per.as_millis() as f64 / f64::from(rate.count)).arg(rate.per.as_millis() as u64).arg(cost);
        let answer = tokio::time::timeout(ANSWER, call.invoke_async::<u64>(&mut connection)).await;
        if let Ok(Ok(wait)) = answer {
            return Some(Duration::from_millis(wait));
        }
        tracing::warn!("Redis is away: rate limits are counted per process");
        let mut held = self.0.connection.lock().await;
        *held = Held { connection: None, retry_at: Some(Instant::now() + PAUSE) };
        None
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        let client = self.0.client.as_ref()?;
        let mut held = self.0.connection.lock().await;
        if held.connection.is_none() && held.retry_at.is_none_or(|at| at <= Instant::now()) {
            let config =
                AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
            held.connection = client.get_multiplexed_async_connection_with_config(&config).await.ok();
            held.retry_at = Some(Instant::now() + PAUSE);
        }
        held.connection.clone()
    }

    fn memory(&self, bucket: &str, rate: Rate, cost: u32) -> Duration {
        let now = Instant::now();
        let mut buckets = self.0.memory.lock().expect("no code panics while holding this lock");
        if buckets.len() >= MEMORY {
            buckets.retain(|_, full| *full > now);
        }
        if buckets.len() >= MEMORY {
            // Still crowded: somebody floods us with names. Nobody new gets in until buckets refill.
            return rate.per;
        }
        let step = rate.per / rate.count;
        let full = buckets.get(bucket).copied().unwrap_or(now).max(now);
        let wait = (full + step * cost.max(1)).saturating_duration_since(now + rate.per);
        if wait.is_zero() && cost > 0 {
            buckets.insert(bucket.to_owned(), full + step * cost);
        }
        wait
    }
}
