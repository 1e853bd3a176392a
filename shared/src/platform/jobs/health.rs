//! How the queue is doing: lanes with depth and age, workers alive, pause and resume.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

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
    /// Workers alive that serve it.
    pub workers: i64,
}

/// All lanes, most urgent first.
pub async fn lanes(db: &mut PgConnection) -> Result<Vec<LaneView>> {
    let rows = sqlx::query_as!(
        LaneView,
        r#"
        select l.name as "name!",
          (select count(*) from (select from jobs where state = 'queued' and lane = l.name limit $2) x) as "waiting!",
          (select count(*) from jobs where state = 'running' and lane = l.name) as "running!",
          (select count(*) from (select from jobs where state = 'retrying' and lane = l.name limit $2) x) as "retrying!",
          (select count(*) from (select from jobs where state = 'scheduled' and lane = l.name limit $2) x) as "scheduled!",
          (select count(*) from (select from jobs where state = 'dead' and lane = l.name limit $2) x) as "dead!",
          (select extract(epoch from now() - run_at)::float8 from jobs where state = 'queued' and lane = l.name
           order by rank, id limit 1) as "oldest_seconds?",
          case when coalesce(p.paused_until, 'infinity') > now() then p.paused_at end as "paused_at?",
          case when p.paused_until > now() then p.paused_until end as "paused_until?",
          case when coalesce(p.paused_until, 'infinity') > now() then p.pause_reason end as "pause_reason?",
          (select count(*) from workers w where l.name = any(w.lanes) and w.state = 'running'
             and w.seen_at > now() - interval '15 seconds') as "workers!"
        from unnest($1::text[]) with ordinality as l (name, n) left join lanes p on p.name = l.name
        order by l.n
        "#,
        &Lane::ALL.map(|lane| lane.name().to_owned()),
        COUNT_CAP + 1
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Stops a lane on all workers at once; what runs finishes.
pub async fn pause(tx: &mut Tx, lane: &str, until: Option<DateTime<Utc>>, reason: Option<&str>) -> Result<()> {
    lane.parse::<Lane>().map_err(|_| Error::NotFound("lane"))?;
    let actor = tx.origin.actor.map(|a| a.0);
    sqlx::query!(
        "insert into lanes (name, paused_at, paused_until, paused_by, pause_reason) values ($1, now(), $2, $3, $4)
         on conflict (name) do update set paused_at = now(), paused_until = $2, paused_by = $3, pause_reason = $4",
        lane,
        until,
        actor,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lanes paused now.
pub async fn paused(db: &mut PgConnection) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        "select name from lanes where paused_at is not null and coalesce(paused_until, 'infinity') > now()"
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Lets a lane run again; the sweeper tickets what waits within a second.
pub async fn resume(tx: &mut Tx, lane: &str) -> Result<()> {
    lane.parse::<Lane>().map_err(|_| Error::NotFound("lane"))?;
    sqlx::query!(
        "update lanes set paused_at = null, paused_until = null, paused_by = null, pause_reason = null where name = $1",
        lane
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
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
}

/// Workers alive, and those gone within the last hour.
pub async fn workers(db: &mut PgConnection) -> Result<Vec<WorkerView>> {
    let rows = sqlx::query_as!(
        WorkerView,
        r#"select id, host, pid, version, lanes, slots, running, rss_bytes,
                  case when state in ('running', 'draining') and seen_at < now() - interval '15 seconds' then 'lost'
                       else state end as "state!", started_at, seen_at
           from workers where seen_at > now() - interval '1 hour' order by started_at desc, id limit 500"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
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

/// Writes a heartbeat.
pub async fn beat(db: &mut PgConnection, b: &Beat<'_>) -> Result<()> {
    sqlx::query!(
        "insert into workers (id, host, pid, version, lanes, slots, running, rss_bytes, state)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update set running = $7, rss_bytes = $8, state = $9, seen_at = now()",
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
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets workers gone for a day.
pub async fn forget_workers(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!("delete from workers where seen_at < now() - interval '1 day'").execute(db).await?;
    Ok(done.rows_affected())
}
