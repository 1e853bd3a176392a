//! What the sweeper asks of the ledger: due jobs become queued, expired leases come back, lost tickets are found.

use sqlx::PgConnection;

use super::tickets::Ticket;
use crate::kernel::Result;
use crate::kernel::ids::JobId;

/// A job whose process died three times under it is quarantined.
const POISON: i16 = 3;
/// What its row says then.
pub const QUARANTINED: &str = "poison: three processes died with this job in hand";

/// The most rows one statement of the sweeper changes.
pub const BATCH: usize = 5000;

/// What a sweep has to do: one question, so that a second in which nothing is to be done costs next to nothing.
pub struct Glance {
    /// Jobs whose time has come.
    pub due: bool,
    /// Jobs beyond their deadline.
    pub expired: bool,
    /// Leases that ran out.
    pub lost: bool,
    /// Fuses that lead to the dead letters.
    pub fused: bool,
    /// Batches that are not finished.
    pub batches: bool,
    /// Jobs that wait for room under a key.
    pub blocked: bool,
    /// Audit entries that have no place in their chain.
    pub unsealed: bool,
    /// Lanes in which jobs wait, and that are not paused.
    pub lanes: Vec<String>,
}

/// Looks.
pub async fn glance(db: &mut PgConnection) -> Result<Glance> {
    let glance = sqlx::query_as!(
        Glance,
        r#"
        select exists (select from jobs where state in ('scheduled', 'retrying') and run_at <= now()) as "due!",
               exists (select from jobs where deadline_at <= now()
                       and state in ('scheduled', 'blocked', 'queued', 'retrying')) as "expired!",
               exists (select from jobs where state = 'running' and lease_until < now()) as "lost!",
               exists (select from job_kinds where fuse = 'dead' and coalesce(fuse_until, 'infinity') > now()) as "fused!",
               exists (select from batches where finished_at is null and sealed_at is not null) as "batches!",
               exists (select from jobs where state = 'blocked') as "blocked!",
               exists (select from audit_pending) as "unsealed!",
               array(select l.name from unnest($1::text[]) as l (name)
                     where exists (select from jobs where state = 'queued' and lane = l.name)
                       and not exists (select from lanes p where p.name = l.name and p.paused_at is not null
                                       and coalesce(p.paused_until, 'infinity') > now())) as "lanes!"
        "#,
        &super::Lane::ALL.map(|lane| lane.name().to_owned())
    )
    .fetch_one(db)
    .await?;
    Ok(glance)
}

/// `scheduled` and `retrying` jobs whose time has come become `queued`, or `blocked` when they need room under a key;
/// at most [`BATCH`] at a time.
pub async fn due(db: &mut PgConnection) -> Result<Vec<Ticket>> {
    let rows = sqlx::query_as!(
        Ticket,
        r#"
        update jobs set state = case when concurrency_key is null then 'queued' else 'blocked' end
        where id = any(array(select id from jobs where state in ('scheduled', 'retrying') and run_at <= now()
                             order by run_at limit $1 for update skip locked))
        returning id as "job: JobId", lane, rank
        "#,
        BATCH as i64
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Jobs that wait beyond their deadline, for their first run or the next, are cancelled: nobody wants them any more.
/// Returns how many.
pub async fn expire(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "update jobs set state = 'cancelled', started_at = null, finished_at = now(), error_code = 'expired',
                fingerprint = null, last_error = 'its deadline passed while it waited'
         where id = any(array(select id from jobs where deadline_at <= now()
                                and state in ('scheduled', 'blocked', 'queued', 'retrying')
                              order by deadline_at limit $1 for update skip locked))
           and state in ('scheduled', 'blocked', 'queued', 'retrying')",
        BATCH as i64
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Waiting jobs of kinds whose fuse leads to the dead letters.
pub async fn fused(db: &mut PgConnection) -> Result<Vec<Lost>> {
    let rows = sqlx::query_as!(
        Lost,
        r#"
        update jobs set state = 'dead', started_at = null, finished_at = now(), error_code = 'fuse',
               fingerprint = null, last_error = 'the fuse of this kind leads to the dead letters'
        where id = any(array(
            select j.id from jobs j
            where j.state = 'queued' and j.kind in (select kind from job_kinds where fuse = 'dead'
                                                    and coalesce(fuse_until, 'infinity') > now())
            order by j.lane, j.rank limit 1000 for update skip locked)) and state = 'queued'
        returning id as "id: JobId", kind, state, attempt, payload::text as "payload!", last_error, lane, rank
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// A job that ended, or came back, in the sweeper's hands.
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
            select id, fence, attempt, worker_id, started_at, log,
                   deaths + case when deaths = 0 or begun then 1 else 0 end as deaths
            from jobs where state = 'running' and lease_until < now()
            order by lease_until limit 5000 for update skip locked
        ), kept as (
            insert into job_attempts (job_id, fence, attempt, worker_id, started_at, outcome, error, log)
            select id, fence, attempt, worker_id, started_at, 'lost', 'the worker died or was cut off', log from gone
        )
        update jobs set state = case when gone.deaths >= $1 then 'dead'
                                     when cancel_requested_at is not null then 'cancelled' else 'queued' end,
               finished_at = case when gone.deaths >= $1 or cancel_requested_at is not null then now() end,
               attempt = jobs.attempt - 1, deaths = gone.deaths::smallint, lease_until = null, log = null,
               last_error = case when gone.deaths >= $1 then $2
                                 else 'the worker died or was cut off' end,
               error_code = case when gone.deaths >= $1 then 'poison' else 'lost' end,
               -- as groups::fingerprint makes it
               fingerprint = case when gone.deaths >= $1 then
                   left(encode(sha256(convert_to(kind || chr(31) || 'poison' || chr(31) || $2, 'UTF8')), 'hex'), 32) end
        from gone where jobs.id = gone.id
        returning jobs.id as "id: JobId", kind, state, jobs.attempt, payload::text as "payload!", last_error, lane, rank
        "#,
        i32::from(POISON),
        QUARANTINED
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
          and kind not in (select kind from job_kinds where fuse <> 'closed' and coalesce(fuse_until, 'infinity') > now())
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

/// Tries to become the one sweeper. The lock is the session's: it ends with the connection, and PostgreSQL ends a
/// session that says nothing for ten seconds, so that a leader that was stopped or cut off does not lead for ever.
pub async fn lead(db: &mut PgConnection) -> Result<bool> {
    // "facteur" in the first bytes; one ledger per database, so one lock per database.
    const KEY: i64 = 0x0066_6163_7465_7572;
    let won = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "won!""#, KEY).fetch_one(&mut *db).await?;
    if won {
        sqlx::query!("set idle_session_timeout = '10s'").execute(db).await?;
    }
    Ok(won)
}
