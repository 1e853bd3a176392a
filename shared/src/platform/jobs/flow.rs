//! How lanes and kinds flow: what comes in and goes out per minute, how long jobs wait and run.
//!
//! All of it is read from bounded samples, so that it costs the same over a thousand rows and over a million: the newest
//! 200 jobs of each kind that succeeded, the newest 20,000 that were enqueued, the minutes that workers add up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::{Lane, kinds};
use crate::kernel::Result;

/// Jobs of each kind that percentiles are made of.
const SAMPLE: i64 = 200;
/// Fewer are told, and no basis for a decision.
pub const FEW: i64 = 20;
/// Jobs that arrivals are counted among.
const NEWEST: i64 = 20_000;
/// The time over which rates are taken, in seconds.
const WINDOW: f64 = 300.0;

/// Half of all take at most `p50`, and so on; in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Spread {
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// How one lane or kind flows.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Flow {
    /// Jobs enqueued per minute, over the last five.
    pub arriving: f64,
    /// Jobs that ended per minute, over the last five.
    pub leaving: f64,
    /// Jobs that the percentiles are made of, the newest that succeeded; below 20 they say little.
    pub samples: i64,
    /// From due to started; none without a sample.
    pub wait: Option<Spread>,
    /// From started to ended; none without a sample.
    pub run: Option<Spread>,
}

impl Flow {
    /// How long until so many waiting jobs are worked off at this pace, in seconds; none: they do not get fewer.
    pub fn drains_in(&self, waiting: i64) -> Option<f64> {
        let gain = self.leaving - self.arriving;
        (waiting > 0 && gain > 0.0).then(|| waiting as f64 / gain * 60.0)
    }
}

/// How everything flows.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Flows {
    /// By name; lanes in which nothing happened are missing.
    pub lanes: BTreeMap<String, Flow>,
    /// By name.
    pub kinds: BTreeMap<String, Flow>,
    /// Jobs enqueued in each minute of the last hour, oldest first, as far back as they are counted.
    #[serde(skip)]
    pub arrivals: Vec<(DateTime<Utc>, i64)>,
}

impl Flows {
    /// Of a lane.
    pub fn lane(&self, name: &str) -> Flow {
        self.lanes.get(name).cloned().unwrap_or_default()
    }

    /// Of a kind.
    pub fn kind(&self, name: &str) -> Flow {
        self.kinds.get(name).cloned().unwrap_or_default()
    }
}

/// Reads it.
pub async fn read(db: &mut PgConnection) -> Result<Flows> {
    let mut flows = Flows::default();
    for lane in Lane::ALL {
        flows.lanes.insert(lane.name().to_owned(), Flow::default());
    }
    spreads(db, &mut flows).await?;
    arriving(db, &mut flows).await?;
    leaving(db, &mut flows).await?;
    Ok(flows)
}

async fn spreads(db: &mut PgConnection, flows: &mut Flows) -> Result<()> {
    let names: Vec<String> = kinds::ALL.iter().map(|kind| kind.name.to_owned()).collect();
    let rows = sqlx::query!(
        r#"select s.kind as "kind?", s.lane as "lane?", count(*) as "samples!",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (order by wait) as "wait!: Vec<f64>",
                  percentile_cont(array[0.5, 0.95, 0.99]) within group (order by run) as "run!: Vec<f64>"
           from (select k.kind, j.lane,
                        greatest(extract(epoch from j.started_at - j.run_at), 0)::float8 * 1000 as wait,
                        greatest(extract(epoch from j.finished_at - j.started_at), 0)::float8 * 1000 as run
                 from unnest($1::text[]) k (kind) cross join lateral
                      (select lane, run_at, started_at, finished_at from jobs
                       where state = 'succeeded'
                         -- an equality would let the planner walk down the primary key for a kind that never ran
                         and (jobs.kind, id) >= (k.kind, '00000000-0000-0000-0000-000000000000'::uuid)
                         and (jobs.kind, id) <= (k.kind, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                       order by jobs.kind desc, id desc limit $2) j
                 where j.started_at is not null and j.finished_at is not null) s
           group by grouping sets ((s.kind), (s.lane))"#,
        &names,
        SAMPLE
    )
    .fetch_all(db)
    .await?;
    let spread = |of: &[f64]| match of {
        [p50, p95, p99] => Some(Spread { p50: *p50, p95: *p95, p99: *p99 }),
        _ => None,
    };
    for row in rows {
        let flow = match (row.kind, row.lane) {
            (Some(kind), None) => flows.kinds.entry(kind).or_default(),
            (None, Some(lane)) => flows.lanes.entry(lane).or_default(),
            _ => continue,
        };
        (flow.samples, flow.wait, flow.run) = (row.samples, spread(&row.wait), spread(&row.run));
    }
    Ok(())
}

/// Counts the newest jobs of the last hour; where they are too many, only as far back as they reach.
async fn arriving(db: &mut PgConnection, flows: &mut Flows) -> Result<()> {
    let rows = sqlx::query!(
        r#"with newest as materialized (
               select lane, kind, created_at from jobs
               where id >= (lpad(to_hex((extract(epoch from now() - interval '1 hour') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
                 and created_at > now() - interval '1 hour'
               order by id desc limit $1)
           select date_trunc('minute', created_at) as "minute!", lane as "lane!", kind as "kind!", count(*) as "n!",
                  count(*) filter (where created_at > now() - interval '5 minutes') as "late!",
                  (select count(*) from newest) as "all!",
                  (select extract(epoch from now() - min(created_at))::float8 from newest) as "reach!"
           from newest group by 1, 2, 3 order by 1"#,
        NEWEST
    )
    .fetch_all(db)
    .await?;
    let Some(first) = rows.first() else { return Ok(()) };
    let cut = first.all >= NEWEST;
    let window = if cut { first.reach.clamp(1.0, WINDOW) } else { WINDOW };
    let cut_at = first.minute;
    for row in rows {
        let per_minute = row.late as f64 * 60.0 / window;
        flows.lanes.entry(row.lane).or_default().arriving += per_minute;
        flows.kinds.entry(row.kind).or_default().arriving += per_minute;
        // The minute in which the count was cut is not whole.
        if cut && row.minute == cut_at {
            continue;
        }
        match flows.arrivals.last_mut() {
            Some((minute, n)) if *minute == row.minute => *n += row.n,
            _ => flows.arrivals.push((row.minute, row.n)),
        }
    }
    Ok(())
}

async fn leaving(db: &mut PgConnection, flows: &mut Flows) -> Result<()> {
    let rows = sqlx::query!(
        r#"select lane, kind, sum(succeeded + dead)::float8 as "ended!",
                  (240 + extract(epoch from now() - date_trunc('minute', now())))::float8 as "seconds!"
           from job_stats where minute >= date_trunc('minute', now()) - interval '4 minutes' group by lane, kind"#
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let per_minute = row.ended * 60.0 / row.seconds;
        flows.lanes.entry(row.lane).or_default().leaving += per_minute;
        flows.kinds.entry(row.kind).or_default().leaving += per_minute;
    }
    Ok(())
}
