//! What the sweeper asks of the ledger: due jobs become queued, expired leases come back, lost tickets are found.

use sqlx::PgConnection;

use super::tickets::Ticket;
use crate::kernel::Result;
use crate::kernel::ids::JobId;

/// A job whose process died three times under it is quarantined.
const POISON: i16 = 3;

/// `scheduled` and `retrying` jobs whose time has come become `queued`, a bounded number at a time.
pub async fn due(db: &mut PgConnection) -> Result<Vec<Ticket>> {
    let rows = sqlx::query_as!(
        Ticket,
        r#"
        update jobs set state = 'queued'
        where id = any(array(select id from jobs where state in ('scheduled', 'retrying') and run_at <= now()
                             order by run_at limit 5000 for update skip locked))
        returning id as "job: JobId", lane, rank
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// A job whose lease ended without a settlement.
pub struct Lost {
    /// The job.
    pub id: JobId,
    /// What it was.
    pub kind: String,
    /// `queued` again, `cancelled` as asked, or `dead`.
    pub state: String,
    /// Runs so far that count.
    pub attempt: i32,
    /// JSON.
    pub payload: String,
    /// What the row says now.
    pub last_error: Option<String>,
    /// Its lane.
    pub lane: String,
    /// Its rank.
    pub rank: i64,
}

/// Leases that ran out: the worker died or hangs. The job is queued again and no attempt is burned, but after three
/// such deaths it is dead (poison). A death counts when the job had certainly begun; the first one always does,
/// and from then on a job notes its beginning.
pub async fn lost(db: &mut PgConnection) -> Result<Vec<Lost>> {
    let rows = sqlx::query_as!(
        Lost,
        r#"
        with gone as (
            select id, fence, attempt, worker_id, started_at,
                   deaths + case when deaths = 0 or begun then 1 else 0 end as deaths
            from jobs where state = 'running' and lease_until < now()
            order by lease_until limit 5000 for update skip locked
        ), kept as (
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome, error)
            select id, fence, attempt, worker_id, started_at, 'lost', 'the worker died or was cut off' from gone
        )
        update jobs set state = case when gone.deaths >= $1 then 'dead'
                                     when cancel_requested_at is not null then 'cancelled' else 'queued' end,
               finished_at = case when gone.deaths >= $1 or cancel_requested_at is not null then now() end,
               attempt = jobs.attempt - 1, deaths = gone.deaths::smallint, lease_until = null,
               last_error = case when gone.deaths >= $1 then 'poison: ' || gone.deaths || ' processes died with this job in hand'
                                 else 'the worker died or was cut off' end,
               error_code = case when gone.deaths >= $1 then 'poison' else 'lost' end,
               fingerprint = md5(kind || ':' || case when gone.deaths >= $1 then 'poison' else 'lost' end)
        from gone where jobs.id = gone.id
        returning jobs.id as "id: JobId", kind, state, jobs.attempt, payload::text as "payload!", last_error, lane, rank
        "#,
        i32::from(POISON)
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The head of a lane: jobs that wait since `seconds` or more. Ticketing one twice is harmless.
pub async fn unticketed(db: &mut PgConnection, lane: &str, seconds: f64, limit: i64) -> Result<Vec<Ticket>> {
    let rows = sqlx::query_as!(
        Ticket,
        r#"
        select id as "job: JobId", lane, rank from jobs
        where state = 'queued' and lane = $1 and run_at <= now() - make_interval(secs => $2)
        order by rank, id limit $3
        "#,
        lane,
        seconds,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Lanes that wait and are not paused, with how many wait (counted up to 10,000).
pub async fn busy_lanes(db: &mut PgConnection) -> Result<Vec<String>> {
    let lanes = sqlx::query_scalar!(
        r#"
        select l.name as "name!" from unnest($1::text[]) as l (name)
        where exists (select from jobs where state = 'queued' and lane = l.name)
          and not exists (select from lanes p where p.name = l.name and p.paused_at is not null
                          and coalesce(p.paused_until, 'infinity') > now())
        "#,
        &super::Lane::ALL.map(|lane| lane.name().to_owned())
    )
    .fetch_all(db)
    .await?;
    Ok(lanes)
}

/// Tries to become the one sweeper. The lock is the session's: it ends with the connection.
pub async fn lead(db: &mut PgConnection) -> Result<bool> {
    // "facteur" in the first bytes; one ledger per database, so one lock per database.
    const KEY: i64 = 0x0066_6163_7465_7572;
    let won = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "won!""#, KEY).fetch_one(db).await?;
    Ok(won)
}
