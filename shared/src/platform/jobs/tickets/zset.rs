//! Tickets in one sorted set per lane, scored by rank: one ZADD per batch, one ZPOPMIN per take.

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult, Value};

use super::{BLOCK, News, key, write};

/// One ZADD per lane.
pub async fn send(connection: &mut MultiplexedConnection, namespace: &str, news: &News) -> RedisResult<()> {
    let mut pipe = redis::pipe();
    for (lane, tickets) in &news.added {
        let members: Vec<(i64, String)> = tickets.iter().map(|(rank, job)| (*rank, write(*job))).collect();
        pipe.zadd_multiple(key(namespace, lane), &members).ignore();
    }
    for (lane, job) in &news.removed {
        pipe.zrem(key(namespace, lane), write(*job)).ignore();
    }
    pipe.query_async(connection).await
}

/// Members per lane.
pub async fn depths(connection: &mut MultiplexedConnection, namespace: &str, lanes: &[&str]) -> RedisResult<Vec<u64>> {
    let mut pipe = redis::pipe();
    for lane in lanes {
        pipe.zcard(key(namespace, lane));
    }
    // One lane's key may be of a wrong type: the others are counted all the same.
    let counts: Vec<RedisResult<u64>> = pipe.ignore_errors().query_async(connection).await?;
    Ok(counts.into_iter().map(Result::unwrap_or_default).collect())
}

/// Takes from one lane.
pub struct Taker {
    connection: MultiplexedConnection,
    key: String,
}

impl Taker {
    /// A key of a wrong type would fail every command on it: the lane begins anew.
    pub async fn new(mut connection: MultiplexedConnection, namespace: &str, lane: &str) -> RedisResult<Self> {
        let key = key(namespace, lane);
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await?;
        if kind != "zset" && kind != "none" {
            let _: Value = connection.del(&key).await?;
        }
        Ok(Self { connection, key })
    }

    /// Up to `n`, best rank first; with `wait`, up to a second for the first one.
    pub async fn take(&mut self, n: usize, wait: bool) -> RedisResult<Vec<Vec<u8>>> {
        let mut found: Vec<(Vec<u8>, f64)> = self.connection.zpopmin(&self.key, n as isize).await?;
        if found.is_empty() && wait {
            let first: Option<(String, Vec<u8>, f64)> =
                self.connection.bzpopmin(&self.key, BLOCK.as_secs_f64()).await?;
            found.extend(first.map(|(_, member, score)| (member, score)));
        }
        Ok(found.into_iter().map(|(member, _)| member).collect())
    }
}
