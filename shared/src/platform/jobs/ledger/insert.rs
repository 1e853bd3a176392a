//! New rows. A job that is due is queued; one with a concurrency key waits for room ([`super::super::permits`]).

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::kernel::ids::JobId;
use crate::platform::jobs::tickets::Ticket;
use crate::platform::jobs::{NewJob, VERSION};
use crate::platform::tx::Origin;

/// A row that [`insert`] wrote.
pub struct Inserted {
    /// Its id.
    pub id: JobId,
    /// Where it waits.
    pub lane: String,
    /// Where in the lane.
    pub rank: i64,
    /// Due now; otherwise scheduled.
    pub due: bool,
}

impl Inserted {
    /// What announces it, when it is due.
    pub fn ticket(self) -> Option<Ticket> {
        let Self { id, lane, rank, due } = self;
        due.then_some(Ticket { job: id, lane, rank })
    }
}

/// Writes jobs in one statement. Rows whose unique key is taken are left out of the answer.
///
/// The statement is one whose generic plan PostgreSQL keeps: planning it each time costs more than writing the row.
pub async fn insert(db: &mut PgConnection, jobs: &[NewJob], config: &Config, origin: &Origin) -> Result<Vec<Inserted>> {
    let attempts = |job: &NewJob| job.max_attempts.unwrap_or(job.retry.configured(config).max_attempts) as i32;
    let places = places(db, jobs).await?;
    let rows = sqlx::query_as!(
        Inserted,
        r#"
        insert into jobs (id, kind, lane, state, priority, rank, max_attempts, timeout_ms, payload, key_argument,
                          unique_key, subject_type, subject_id, owner_id, run_at, tenant, concurrency_key,
                          concurrency_limit, batch_id, deadline_at, traceparent, created_by, enqueued_version, parent_id)
        select id, kind, lane,
               case when waits then 'blocked' when due > now() then 'scheduled' when key is not null then 'blocked'
                    else 'queued' end,
               priority,
               greatest((date_part('epoch', due) * 1000)::bigint + priority * 60000, tail + 1000) + ahead * 1000,
               max_attempts, timeout_ms, payload, key_argument, unique_key, subject_type, subject_id, owner_id, due,
               tenant, key, key_limit, batch_id, now() + expires_ms * interval '1 millisecond', $23, $24, $25, $26
        from unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::int[], $6::int[], $7::jsonb[], $8::text[],
                    $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::timestamptz[], $14::bigint[], $15::text[],
                    $16::bigint[], $17::bigint[], $18::text[], $19::int[], $20::uuid[], $21::bigint[], $22::bool[])
             as n (id, kind, lane, priority, max_attempts, timeout_ms, payload, key_argument, unique_key, subject_type,
                   subject_id, owner_id, run_at, delay_ms, tenant, tail, ahead, key, key_limit, batch_id, expires_ms,
                   waits),
             lateral (select coalesce(run_at, now() + delay_ms * interval '1 millisecond', now()) as due) as d
        on conflict (kind, unique_key) where unique_key is not null do nothing
        returning id as "id: JobId", lane, rank, state in ('queued', 'blocked') as "due!"
        "#,
        &list(jobs, |j| j.id.0),
        &list(jobs, |j| j.kind.to_owned()),
        &list(jobs, |j| j.lane.name().to_owned()),
        &list(jobs, |j| j.priority),
        &list(jobs, attempts),
        &list(jobs, |j| j.timeout_ms),
        &list(jobs, |j| j.payload.clone()),
        &list(jobs, |j| j.key_argument.clone()) as &[Option<String>],
        &list(jobs, |j| j.unique_key.clone()) as &[Option<String>],
        &list(jobs, |j| j.subject.map(|s| s.0.to_owned())) as &[Option<String>],
        &list(jobs, |j| j.subject.map(|s| s.1)) as &[Option<Uuid>],
        &list(jobs, |j| j.owner.map(|o| o.0)) as &[Option<Uuid>],
        &list(jobs, |j| j.run_at) as &[Option<DateTime<Utc>>],
        &list(jobs, |j| j.delay.map(|d| d.as_millis() as i64)) as &[Option<i64>],
        &list(jobs, |j| j.tenant.clone()) as &[Option<String>],
        &list(&places, |p| p.tail) as &[Option<i64>],
        &list(&places, |p| p.ahead),
        &list(jobs, |j| j.concurrency.as_ref().map(|c| c.0.clone())) as &[Option<String>],
        &list(jobs, |j| j.concurrency.as_ref().map(|c| c.1.max(1) as i32)) as &[Option<i32>],
        &list(jobs, |j| j.batch.map(|b| b.0)) as &[Option<Uuid>],
        &list(jobs, |j| j.expires.map(|d| d.as_millis() as i64)) as &[Option<i64>],
        &list(jobs, |j| j.waits),
        origin.traceparent.as_deref(),
        origin.actor.map(|a| a.0),
        VERSION,
        origin.parent.map(|p| p.0),
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

fn list<R, T>(rows: &[R], column: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}

/// Where a tenant's job goes: behind that tenant's queue, a second of rank for each job in it. Beside a flood of one
/// tenant, everybody else's next job is at the front.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The rank of the last one that waits.
    tail: Option<i64>,
    /// So many of the same tenant and lane go before it in this statement.
    ahead: i64,
}

async fn places(db: &mut PgConnection, jobs: &[NewJob]) -> Result<Vec<Place>> {
    fn queue(job: &NewJob) -> Option<(&str, &str)> {
        job.tenant.as_deref().map(|tenant| (job.lane.name(), tenant))
    }
    let queues: BTreeSet<(&str, &str)> = jobs.iter().filter_map(queue).collect();
    if queues.is_empty() {
        return Ok(vec![Place::default(); jobs.len()]);
    }
    let (lanes, tenants): (Vec<_>, Vec<_>) = queues.iter().map(|(l, t)| ((*l).to_owned(), (*t).to_owned())).unzip();
    let tails = sqlx::query_scalar!(
        "select (select max(rank) from jobs
                 where jobs.lane = q.lane and jobs.tenant = q.tenant and state in ('queued', 'blocked'))
         from unnest($1::text[], $2::text[]) with ordinality as q (lane, tenant, n)
         order by n",
        &lanes,
        &tenants
    )
    .fetch_all(db)
    .await?;
    let mut next: HashMap<_, _> =
        queues.into_iter().zip(tails.into_iter().map(|tail| Place { tail, ahead: 0 })).collect();
    let place = |job| {
        let Some(place) = queue(job).and_then(|queue| next.get_mut(&queue)) else { return Place::default() };
        let mine = *place;
        place.ahead += 1;
        mine
    };
    Ok(jobs.iter().map(place).collect())
}

/// The job that holds a unique key, if any does.
pub async fn holder(db: &mut PgConnection, kind: &str, unique_key: &str) -> Result<Option<JobId>> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: JobId" from jobs where kind = $1 and unique_key = $2"#,
        kind,
        unique_key
    )
    .fetch_optional(db)
    .await?;
    Ok(id)
}
