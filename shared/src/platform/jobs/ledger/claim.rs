//! Claims: compare-and-set `queued → running`, in batches, with a lease and a higher fence.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};

use super::LEASE_SECONDS;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::VERSION;

/// A job in a worker's hands.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub id: JobId,
    /// What it is.
    pub kind: String,
    /// Where it waited.
    pub lane: String,
    /// This run's number, 1 = the first.
    pub attempt: i32,
    /// Runs that count.
    pub max_attempts: i32,
    /// Must be named when settling.
    pub fence: i32,
    /// Processes that died with it.
    pub deaths: i16,
    /// This run's bound.
    pub timeout_ms: i32,
    /// JSON.
    pub payload: String,
    /// Since it was enqueued, in seconds.
    pub age: f64,
    /// Since it was due, in milliseconds.
    pub waited_ms: f64,
    /// The key whose room it holds.
    pub concurrency_key: Option<String>,
    /// W3C trace context of what enqueued it.
    pub traceparent: Option<String>,
}

/// The claim on the ids that `$pick` names; `$1 $2 $3` are the picker's. Pauses and fuses hold at once, even for
/// tickets that were already taken; `$closed` says what else keeps a lane shut.
macro_rules! claim {
    ($db:expr, $worker:expr, $pick:tt, $closed:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Claimed,
            "update jobs set state = 'running', attempt = attempt + 1, fence = fence + 1, begun = false, worker_id = $4,
                    lease_until = statement_timestamp() + make_interval(secs => $5), started_at = statement_timestamp(), ran_version = $6
             where " + $pick + "
               and (deadline_at is null or deadline_at > now())
               and lane not in (select name from lanes
                                where paused_at is not null and coalesce(paused_until, 'infinity') > now()" + $closed + r#")
               and kind not in (select kind from job_kinds
                                where fuse <> 'closed' and coalesce(fuse_until, 'infinity') > now())
             returning id as "id: JobId", kind, lane, attempt, max_attempts, fence, deaths, timeout_ms,
                       payload::text as "payload!", date_part('epoch', now() - created_at) as "age!",
                       date_part('epoch', now() - run_at) * 1000 as "waited_ms!", concurrency_key,
                       traceparent"#,
            $($arg,)+
            $worker,
            LEASE_SECONDS,
            VERSION,
        )
        .fetch_all($db)
        .await
    };
}

/// Takes the jobs named by tickets. Tickets that are stale, doubled or of a kind this process does not know yield
/// nothing, and so does a lane with a limit: its jobs go by [`claim_rationed`].
pub async fn claim(
    db: impl PgExecutor<'_>,
    worker: &str,
    lane: &str,
    kinds: &[String],
    ids: &[JobId],
) -> Result<Vec<Claimed>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let pick = claim!(
        db,
        worker,
        "id = any($1) and kind = any($2) and lane = $3 and state || '' = 'queued'",
        "or concurrency is not null or rate is not null",
        &ids,
        kinds,
        lane
    );
    Ok(pick?)
}

/// Takes the jobs at the head of a lane: the ticket source that needs no Redis.
pub async fn claim_next(
    db: impl PgExecutor<'_>,
    worker: &str,
    lane: &str,
    kinds: &[String],
    limit: i64,
) -> Result<Vec<Claimed>> {
    let pick = claim!(
        db,
        worker,
        "id = any(array(select id from jobs where state = 'queued' and kind = any($2) and lane = $3
                        order by rank, id limit $1 for update skip locked)) and state || '' = 'queued'",
        "or concurrency is not null or rate is not null",
        limit,
        kinds,
        lane
    );
    Ok(pick?)
}

/// What a limited lane gives.
pub struct Ration {
    /// The jobs claimed.
    pub jobs: Vec<Claimed>,
    /// The limit was reached: ask again after this long.
    pub wait: Option<Duration>,
}

/// Takes jobs at the head of a lane with a limit on concurrency or rate over all processes. The lane's row is
/// locked meanwhile, so the processes ask one after the other and the limit is exact.
#[expect(clippy::disallowed_methods, reason = "a claim tells nothing after its commit")]
pub async fn claim_rationed(db: &PgPool, worker: &str, lane: &str, kinds: &[String], most: i64) -> Result<Ration> {
    let mut tx = db.begin().await?;
    let Room { jobs: room, wait, step } = room(&mut tx, lane, most).await?;
    if room <= 0 {
        return Ok(Ration { jobs: Vec::new(), wait });
    }
    let jobs = claim!(
        &mut *tx,
        worker,
        "id = any(array(select id from jobs where state = 'queued' and kind = any($2) and lane = $3
                        order by rank, id limit $1 for update skip locked)) and state || '' = 'queued'",
        "",
        room,
        kinds,
        lane
    )?;
    if let Some(step) = step {
        sqlx::query!(
            "update lanes set rate_at = greatest(rate_at, clock_timestamp()) + make_interval(secs => $2) where name = $1",
            lane,
            step * jobs.len() as f64
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    let reached = jobs.len() as i64 == room;
    Ok(Ration { jobs, wait: wait.filter(|_| reached) })
}

struct Room {
    /// As many may be claimed now.
    jobs: i64,
    /// When a limit and not the asker set that number: ask again after this long.
    wait: Option<Duration>,
    /// Seconds of the rate that a job takes.
    step: Option<f64>,
}

/// Locks the lane's row, then counts: what the process before has claimed is seen.
async fn room(tx: &mut PgConnection, lane: &str, most: i64) -> Result<Room> {
    let limits = sqlx::query!(
        r#"select concurrency, rate, extract(epoch from coalesce(rate_window, '1 second'))::float8 as "window!",
                  extract(epoch from greatest(rate_at - clock_timestamp(), '0'))::float8 as ahead
           from lanes where name = $1 for update"#,
        lane
    )
    .fetch_optional(&mut *tx)
    .await?;
    let mut room = Room { jobs: most, wait: None, step: None };
    let Some(limits) = limits else { return Ok(Room { jobs: 0, ..room }) };
    if let Some(concurrency) = limits.concurrency {
        let running =
            sqlx::query_scalar!(r#"select count(*) as "n!" from jobs where state = 'running' and lane = $1"#, lane)
                .fetch_one(tx)
                .await?;
        let free = i64::from(concurrency) - running;
        if free < room.jobs {
            (room.jobs, room.wait) = (free, Some(Duration::from_millis(50)));
        }
    }
    if let Some(rate) = limits.rate {
        // GCRA: the bucket is the time at which it will be full again, `ahead` of now.
        let (ahead, step) = (limits.ahead.unwrap_or(0.0), limits.window / f64::from(rate.max(1)));
        let tokens = ((limits.window - ahead) / step + 1e-6).floor() as i64;
        if tokens < room.jobs {
            let next = ahead + (tokens.max(0) + 1) as f64 * step - limits.window;
            (room.jobs, room.wait) = (tokens, Some(Duration::from_secs_f64(next.clamp(0.005, 1.0))));
        }
        room.step = Some(step);
    }
    Ok(room)
}
