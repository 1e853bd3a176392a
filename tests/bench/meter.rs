//! What processes and stores consumed, from /proc and from Redis' own counters.

use std::fs;
use std::str::FromStr;

use redis::aio::MultiplexedConnection;
use sqlx::PgPool;

/// Commands of the measurement itself.
const OURS: [&str; 4] = ["info", "keys", "memory|usage", "config|resetstat"];

/// Reads the counters of the two stores.
pub struct Stores {
    redis: MultiplexedConnection,
    redis_pid: u32,
    postmaster: u32,
}

/// Counters at one moment.
pub struct Reading {
    /// CPU of all processes of PostgreSQL, in ms.
    pub postgres_ms: f64,
    /// CPU of Redis, in ms.
    pub redis_ms: f64,
    /// Commands that Redis was given by others than us.
    pub commands: f64,
    /// Bytes in and out of Redis.
    pub bytes: f64,
    /// Bytes of data that Redis holds.
    pub held: f64,
}

impl Stores {
    /// Finds the processes of both stores: they run on this machine.
    pub async fn new(db: &PgPool) -> anyhow::Result<Self> {
        let client = redis::Client::open(harness::env::needed("TEST_REDIS_URL"))?;
        let mut redis = client.get_multiplexed_async_connection().await?;
        let redis_pid = field(&info(&mut redis).await?, "process_id:")?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(db).await?;
        let postmaster = Stat::of(backend.unsigned_abs()).map(|stat| stat.parent);
        let postmaster = postmaster.ok_or_else(|| anyhow::anyhow!("PostgreSQL is not on this machine"))?;
        Ok(Self { redis, redis_pid, postmaster })
    }

    /// The counters now.
    pub async fn read(&mut self) -> anyhow::Result<Reading> {
        let text = info(&mut self.redis).await?;
        let commands = text.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
        let calls = |(name, rest): (&str, &str)| match OURS.contains(&name) {
            true => None,
            false => rest.split(',').next()?.parse::<f64>().ok(),
        };
        let bytes: f64 =
            field::<f64>(&text, "total_net_input_bytes:")? + field::<f64>(&text, "total_net_output_bytes:")?;
        Ok(Reading {
            postgres_ms: cpu_ms(self.postmaster),
            redis_ms: cpu_ms(self.redis_pid),
            commands: commands.filter_map(calls).sum(),
            bytes,
            held: field(&text, "used_memory_dataset:")?,
        })
    }

    /// Keys whose name holds this.
    pub async fn keys(&mut self, part: &str) -> anyhow::Result<usize> {
        let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{part}*")).query_async(&mut self.redis).await?;
        Ok(keys.len())
    }
}

async fn info(redis: &mut MultiplexedConnection) -> anyhow::Result<String> {
    Ok(redis::cmd("INFO").arg("all").query_async(redis).await?)
}

fn field<T: FromStr>(info: &str, name: &str) -> anyhow::Result<T> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.ok_or_else(|| anyhow::anyhow!("Redis does not tell {name}"))
}

/// A line of /proc/PID/stat.
struct Stat {
    parent: u32,
    ticks: f64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold anything.
        let fields: Vec<f64> = text.rsplit(')').next()?.split_whitespace().filter_map(|f| f.parse().ok()).collect();
        // Without the state, which is a letter: parent first; user, system, and both of the children that ended.
        Some(Self { parent: *fields.first()? as u32, ticks: fields.get(10..14)?.iter().sum() })
    }
}

/// CPU of a process, its children and those that have ended, in ms.
pub fn cpu_ms(pid: u32) -> f64 {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stats = pids.filter_map(|child| Some((child, Stat::of(child)?)));
    let ticks: f64 = stats.filter(|(id, stat)| *id == pid || stat.parent == pid).map(|(_, stat)| stat.ticks).sum();
    ticks * 10.0 // a tick is 10 ms on every Linux we run on
}

/// The most memory a process ever had, in MiB.
pub fn peak_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
