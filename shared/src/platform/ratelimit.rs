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
/// Whoever is ready to wait for a token also waits longer to hear of it: two processes that count for themselves are
/// twice as fast as they should be.
const LATE_ANSWER: Duration = Duration::from_secs(1);
/// After a failure Redis is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Buckets kept in memory at most; beyond this the fullest ones are forgotten first.
const MEMORY: usize = 100_000;

/// Redis' clock decides, so that all processes agree. Whoever is ready to wait so long (ms) has the token that will be
/// there then. Answers in ms: 0 or less, taken, and there after so long; more, refused, and how long it would be.
const GCRA: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local step, burst, cost, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = full + step * math.max(cost, 1) - burst - now
if wait > most then return math.ceil(wait) end
if cost > 0 then
  redis.call('SET', KEYS[1], full + step * cost, 'PX', math.ceil(full + step * cost - now) + 1000)
end
return -math.ceil(math.max(wait, 0))";

/// How long until the token that was taken is there; or how long it would be.
type Wait = std::result::Result<Duration, Duration>;

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
        self.ask(bucket, rate, 1, Duration::ZERO).await.map(|_| ())
    }

    /// Takes the next token, now or later: how long until it is there. Those who ask first have theirs first. 429 when
    /// that is longer than `most`, and then nothing is taken.
    pub async fn reserve(&self, bucket: &str, rate: Rate, most: Duration) -> Result<Duration> {
        self.ask(bucket, rate, 1, most).await
    }

    /// 429 when there is no token; takes none. For what counts failures only.
    pub async fn check(&self, bucket: &str, rate: Rate) -> Result<()> {
        self.ask(bucket, rate, 0, Duration::ZERO).await.map(|_| ())
    }

    async fn ask(&self, bucket: &str, rate: Rate, cost: u32, most: Duration) -> Result<Duration> {
        let wait = match self.redis(bucket, rate, cost, most).await {
            Some(wait) => wait,
            None => self.memory(bucket, rate, cost, most),
        };
        wait.map_err(|retry_after| Error::TooMany { retry_after })
    }

    async fn redis(&self, bucket: &str, rate: Rate, cost: u32, most: Duration) -> Option<Wait> {
        let mut connection = self.connection().await?;
        let mut call = self.0.script.key(format!("{{{}}}:rate:{bucket}", self.0.namespace));
        call.arg(rate.per.as_millis() as f64 / f64::from(rate.count)).arg(rate.per.as_millis() as u64).arg(cost);
        call.arg(most.as_millis() as u64);
        let patience = most.clamp(ANSWER, LATE_ANSWER);
        let answer = tokio::time::timeout(patience, call.invoke_async::<i64>(&mut connection)).await;
        if let Ok(Ok(wait)) = answer {
            let time = Duration::from_millis(wait.unsigned_abs());
            return Some(if wait > 0 { Err(time) } else { Ok(time) });
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
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(ANSWER))
                .set_response_timeout(Some(LATE_ANSWER));
            held.connection = client.get_multiplexed_async_connection_with_config(&config).await.ok();
            held.retry_at = Some(Instant::now() + PAUSE);
        }
        held.connection.clone()
    }

    fn memory(&self, bucket: &str, rate: Rate, cost: u32, most: Duration) -> Wait {
        let now = Instant::now();
        let mut buckets = self.0.memory.lock().expect("no code panics while holding this lock");
        if buckets.len() >= MEMORY {
            buckets.retain(|_, full| *full > now);
        }
        if buckets.len() >= MEMORY {
            // Still crowded: somebody floods us with names. Nobody new gets in until buckets refill.
            return Err(rate.per);
        }
        let step = rate.per / rate.count;
        let full = buckets.get(bucket).copied().unwrap_or(now).max(now);
        let wait = (full + step * cost.max(1)).saturating_duration_since(now + rate.per);
        if wait > most {
            return Err(wait);
        }
        if cost > 0 {
            buckets.insert(bucket.to_owned(), full + step * cost);
        }
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RateLimits;
    use crate::kernel::Error;
    use crate::kernel::config::Rate;

    #[tokio::test]
    async fn whoever_waits_has_the_next_token_and_whoever_would_wait_too_long_takes_none() {
        let limits = RateLimits::new(None, "test").expect("limits without Redis");
        let rate = Rate { count: 1, per: Duration::from_mins(1) };
        let long = Duration::from_secs(150);
        assert_eq!(limits.reserve("b", rate, long).await.expect("at once"), Duration::ZERO);
        for minute in [60.0, 120.0] {
            let wait = limits.reserve("b", rate, long).await.expect("in turn").as_secs_f64();
            assert!(wait <= minute && wait > minute - 10.0, "{wait}");
        }
        for _ in 0..2 {
            let Err(Error::TooMany { retry_after }) = limits.reserve("b", rate, long).await else {
                panic!("a fourth token within 150 s")
            };
            assert!(retry_after > long && retry_after <= rate.per * 3, "{retry_after:?}: a refusal takes nothing");
        }
        assert!(limits.take("b", rate).await.is_err(), "who does not wait has none");
    }
}
