//! How the queue is doing: lanes with depth, age and what holds them back; workers alive.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::admin::lanes::Rate;
use super::{Lane, VERSION};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::platform::tx::Tx;

/// Depths are counted up to here; more is shown as "10,000+".
pub const COUNT_CAP: i64 = 10_000;

/// One lane, now.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct LaneView {
    /// Its name.
    pub name: String,
    /// Due and waiting, counted up to 10,001.
    pub waiting: i64,
    /// Due, and waiting for room under a key or for their batch, counted up to 10,001.
    pub blocked: i64,
    /// In workers' hands.
    pub running: i64,
    /// Failed and waiting for the next attempt, counted up to 10,001.
    pub retrying: i64,
    /// For later, counted up to 10,001.
    pub scheduled: i64,
    /// Dead, counted up to 10,001.
    pub dead: i64,
    /// How long the oldest waiting job has been due, in seconds.
    pub oldest_seconds: Option<f64>,
    /// Paused since.
    pub paused_at: Option<DateTime<Utc>>,
    /// Paused until; none = until resumed.
    pub paused_until: Option<DateTime<Utc>>,
    /// Why.
    pub pause_reason: Option<String>,
    /// Jobs that run at once over all processes; none: no limit.
    pub concurrency: Option<i32>,
    /// Starts per time over all processes; none: no limit.
    #[schemars(with = "Option<Rate>")]
    pub rate: Option<Json<Rate>>,
    /// What keeps waiting jobs from running: `pause`, `rate`, `concurrency`, `workers` (none alive, or all slots busy),
    /// `fuse` (of the first one's kind), `key` (all that wait are blocked under their keys); none: nothing does.
    pub limited_by: Option<String>,
    /// Workers alive that serve it.
    pub workers: i64,
}

/// All lanes, most urgent first.
pub async fn lanes(db: &mut PgConnection) -> Result<Vec<LaneView>> {
    let rows = sqlx::query_as!(
        LaneView,
        r#"
        select name as "name!", waiting as "waiting!", blocked as "blocked!", running as "running!", retrying as "retrying!",
               scheduled as "scheduled!", dead as "dead!", oldest_seconds, concurrency, workers as "workers!",
               case when paused then paused_at end as paused_at, case when paused then paused_until end as paused_until,
               case when paused then pause_reason end as pause_reason,
               case when rate is not null then jsonb_build_object('count', rate, 'seconds', rate_seconds::int) end
                   as "rate: Json<Rate>",
               case when paused then 'pause'
                    when waiting = 0 then case when keyed then 'key' end
                    -- as the claim counts what the bucket holds
                    when (rate_seconds - ahead) * rate / rate_seconds < 1 - 1e-6 then 'rate'
                    when running >= concurrency then 'concurrency'
                    when workers = 0 then 'workers'
                    when fused then 'fuse'
                    -- nothing else is in its way: it would have been taken by a free slot
                    when oldest_seconds > 1 then 'workers' end as limited_by
        from (
            select l.name, l.n, p.concurrency, p.rate, p.paused_at, p.paused_until, p.pause_reason,
              p.paused_at is not null and coalesce(p.paused_until, 'infinity') > now() as paused,
              extract(epoch from coalesce(p.rate_window, '1 second'))::float8 as rate_seconds,
              extract(epoch from greatest(p.rate_at - now(), '0'))::float8 as ahead,
              (select count(*) from (select from jobs where state = 'queued' and lane = l.name limit $2) x) as waiting,
              (select count(*) from (select from jobs where state = 'blocked' and lane = l.name limit $2) x) as blocked,
              exists (select from jobs where state = 'blocked' and lane = l.name and concurrency_key is not null) as keyed,
              (select count(*) from jobs where state = 'running' and lane = l.name) as running,
              (select count(*) from (select from jobs where state = 'retrying' and lane = l.name limit $2) x) as retrying,
              (select count(*) from (select from jobs where state = 'scheduled' and lane = l.name limit $2) x) as scheduled,
              (select count(*) from (select from jobs where state = 'dead' and lane = l.name limit $2) x) as dead,
              extract(epoch from now() - head.run_at)::float8 as oldest_seconds,
              head.kind in (select kind from job_kinds where fuse <> 'closed' and coalesce(fuse_until, 'infinity') > now())
                  as fused,
              (select count(*) from workers w where l.name = any(w.lanes) and w.state = 'running'
                 and w.seen_at > now() - interval '15 seconds') as workers
            from unnest($1::text[]) with ordinality as l (name, n)
            left join lanes p on p.name = l.name
            left join lateral (select kind, run_at from jobs where state = 'queued' and lane = l.name
                               order by rank, id limit 1) head on true
            offset 0 -- a fence: each count is taken once, wherever it is used
        ) q
        order by n
        "#,
        &Lane::ALL.map(|lane| lane.name().to_owned()),
        COUNT_CAP + 1
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// A worker process.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct WorkerView {
    /// Host, pid and a random part: fresh at every start.
    pub id: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: i32,
    /// Its version.
    pub version: String,
    /// The lanes it serves.
    pub lanes: Vec<String>,
    /// Jobs it can run at once.
    pub slots: i32,
    /// Jobs it runs.
    pub running: i32,
    /// Memory.
    pub rss_bytes: Option<i64>,
    /// running, draining, stopped or lost.
    pub state: String,
    /// Since.
    pub started_at: DateTime<Utc>,
    /// Last heartbeat.
    pub seen_at: DateTime<Utc>,
    /// Somebody asked it to finish what it has and stop.
    pub stop_requested_at: Option<DateTime<Utc>>,
}

/// Workers alive, and those gone within the last hour.
pub async fn workers(db: &mut PgConnection) -> Result<Vec<WorkerView>> {
    let rows = sqlx::query_as!(
        WorkerView,
        r#"select id, host, pid, version, lanes, slots, running, rss_bytes,
                  case when state in ('running', 'draining') and seen_at < now() - interval '15 seconds' then 'lost'
                       else state end as "state!", started_at, seen_at, stop_requested_at
           from workers where seen_at > now() - interval '1 hour' order by started_at desc, id limit 500"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// What a lost worker still holds, and when all of it is free again at the latest.
#[derive(Clone, Debug, Serialize)]
pub struct Leases {
    /// Whose.
    pub worker: String,
    /// So many jobs.
    pub jobs: i64,
    /// The end of the last lease.
    pub until: DateTime<Utc>,
}

/// What these workers hold.
pub async fn leases(db: &mut PgConnection, workers: &[String]) -> Result<Vec<Leases>> {
    let rows = sqlx::query_as!(
        Leases,
        r#"select worker_id as "worker!", count(*) as "jobs!", max(lease_until) as "until!" from jobs
           where state = 'running' and worker_id = any($1) and lease_until is not null group by worker_id"#,
        workers
    );
    Ok(rows.fetch_all(db).await?)
}

/// A worker's heartbeat; the first one registers it.
pub struct Beat<'a> {
    /// Its id.
    pub id: &'a str,
    /// The machine.
    pub host: &'a str,
    /// The lanes it serves.
    pub lanes: &'a [String],
    /// Jobs it can run at once.
    pub slots: i32,
    /// Jobs it runs.
    pub running: i32,
    /// Memory.
    pub rss_bytes: Option<i64>,
    /// running, draining or stopped.
    pub state: &'a str,
}

/// Asks a worker to finish what it has and stop; it hears of it at its next heartbeat, within two seconds. 409 when it is
/// not running.
pub async fn stop(tx: &mut Tx, id: &str) -> Result<()> {
    let asked = sqlx::query!(
        "update workers set stop_requested_at = coalesce(stop_requested_at, now())
         where id = $1 and state = 'running' and seen_at > now() - interval '15 seconds'",
        id
    )
    .execute(&mut **tx)
    .await?;
    if asked.rows_affected() == 1 {
        return Ok(());
    }
    let known = sqlx::query_scalar!("select state from workers where id = $1", id).fetch_optional(&mut **tx).await?;
    Err(known
        .map_or(Error::NotFound("worker"), |_| Error::conflict("worker_state", "the worker does not run any more")))
}

/// Writes a heartbeat; whether somebody asked this worker to stop.
pub async fn beat(db: &mut PgConnection, b: &Beat<'_>) -> Result<bool> {
    let asked = sqlx::query_scalar!(
        "insert into workers (id, host, pid, version, lanes, slots, running, rss_bytes, state)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update set running = $7, rss_bytes = $8, state = $9, seen_at = now()
         returning stop_requested_at is not null as \"asked!\"",
        b.id,
        b.host,
        std::process::id() as i32,
        VERSION,
        b.lanes,
        b.slots,
        b.running,
        b.rss_bytes,
        b.state
    )
    .fetch_one(db)
    .await?;
    Ok(asked)
}

/// Forgets workers gone for a day.
pub async fn forget_workers(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!("delete from workers where seen_at < now() - interval '1 day'").execute(db).await?;
    Ok(done.rows_affected())
}
