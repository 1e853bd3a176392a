//! Bulk operations as administrators see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Action, Params, UNDO_MINUTES};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BulkId, JobId};
use crate::kernel::page::{Page, PageRequest};

/// One operation.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct BulkView {
    /// Its id; `bulk:` of it lists its jobs.
    pub id: BulkId,
    /// What is done with each job.
    pub action: Action,
    /// What the action needs besides.
    #[schemars(with = "Params")]
    pub params: Json<Params>,
    /// The filter as it was asked; of jobs that were chosen by hand, how many.
    pub filter: String,
    /// The jobs were chosen one by one.
    pub by_hand: bool,
    /// draft, running, paused, done, cancelled, undone.
    pub state: String,
    /// Jobs per second; none: all at once.
    pub per_second: Option<i32>,
    /// It begins then.
    pub not_before: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
    /// Who chose the jobs.
    pub created_by: Option<Uuid>,
    /// When they were chosen: later ones are not meant.
    pub created_at: DateTime<Utc>,
    /// Who said so.
    pub started_by: Option<Uuid>,
    /// Begun.
    pub started_at: Option<DateTime<Utc>>,
    /// Nothing is left to do since.
    pub finished_at: Option<DateTime<Utc>>,
    /// Undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// Jobs that were chosen, and would be or were changed.
    pub total: i64,
    /// Of those: not yet.
    pub pending: i64,
    /// Changed.
    pub done: i64,
    /// They had moved on when their turn came.
    pub skipped: i64,
    /// Their state does not allow it; known beforehand.
    pub refused: i64,
    /// Back where they were.
    pub undone: i64,
    /// Of those that are meant: have already done something outside.
    pub with_effects: i64,
    /// It may be undone until then.
    pub undo_until: Option<DateTime<Utc>>,
}

/// How many of one kind in one state.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Tally {
    /// The kind.
    pub kind: String,
    /// The state when they were chosen.
    pub state: String,
    /// What became of them.
    pub outcome: String,
    /// How many.
    pub count: i64,
}

/// One job of an operation.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Item {
    /// The job.
    pub job_id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its state when it was chosen.
    pub state: String,
    /// pending, refused, done, skipped, undone, kept (it had moved on before it could be undone).
    pub outcome: String,
    /// Why it was refused, skipped or kept.
    pub why: Option<String>,
    /// What it is known by.
    pub about: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// Both readers have these columns; `$1`: minutes in which it may be undone.
macro_rules! operations {
    ($rest:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            BulkView,
            r#"select o.id as "id: BulkId", o.action as "action: Action", o.params as "params: Json<Params>", o.filter, o.by_hand, o.state,
                      o.per_second, o.not_before, o.reason, o.created_by, o.created_at, o.started_by, o.started_at,
                      o.finished_at, o.undone_at, n.total as "total!", n.pending as "pending!", n.done as "done!",
                      n.skipped as "skipped!", n.refused as "refused!", n.undone as "undone!", n.effects as "with_effects!",
                      case when o.action <> 'discard' and o.undone_at is null and n.done > 0
                           then coalesce(o.finished_at, now()) + $1 * interval '1 minute' end as undo_until
               from bulk_operations o cross join lateral (
                   -- what was counted at its end; otherwise all of its items are
                   select c.* from jsonb_to_record(o.counted) as c (state text, total bigint, pending bigint, done bigint,
                                                                    skipped bigint, refused bigint, undone bigint, effects bigint)
                   where c.state = o.state
                   union all
                   select o.state, count(*) filter (where outcome <> 'refused'), count(*) filter (where outcome = 'pending'),
                          count(*) filter (where outcome in ('done', 'kept')), count(*) filter (where outcome = 'skipped'),
                          count(*) filter (where outcome = 'refused'), count(*) filter (where outcome = 'undone'),
                          count(*) filter (where outcome <> 'refused' and o.state = 'draft'
                                           and exists (select from job_effects e where e.job_id = i.job_id))
                   from bulk_items i where i.operation_id = o.id
                   having (o.counted->>'state') is distinct from o.state) n
               where "# + $rest,
            UNDO_MINUTES as f64,
            $($arg),+
        )
    };
}

/// Those that were started, newest first.
pub async fn list(db: &mut PgConnection, page: PageRequest) -> Result<Page<BulkView>> {
    let rows = operations!(
        "o.state <> 'draft' and ($2::uuid is null or o.id < $2) order by o.id desc limit $3",
        page.after,
        page.limit + 1
    )
    .fetch_all(db)
    .await?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// One operation.
pub async fn get(db: &mut PgConnection, id: BulkId) -> Result<BulkView> {
    operations!("o.id = $2", id.0).fetch_optional(db).await?.ok_or(Error::NotFound("bulk operation"))
}

/// Counts the jobs of an operation that has just ended, so that nobody need count them again.
pub(super) async fn count(db: &mut PgConnection, id: BulkId) -> Result<()> {
    let n = get(db, id).await?;
    let counted = serde_json::json!({
        "state": n.state, "total": n.total, "pending": n.pending, "done": n.done, "skipped": n.skipped,
        "refused": n.refused, "undone": n.undone, "effects": n.with_effects,
    });
    sqlx::query!("update bulk_operations set counted = $2 where id = $1", id.0, counted).execute(db).await?;
    Ok(())
}

/// Its jobs by kind and state, the most first.
pub async fn tallies(db: &mut PgConnection, id: BulkId) -> Result<Vec<Tally>> {
    let rows = sqlx::query_as!(
        Tally,
        r#"select kind, state, outcome, count(*) as "count!" from bulk_items where operation_id = $1
           group by kind, state, outcome order by count(*) desc, kind, state"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Its jobs, newest first: all, or of one outcome.
pub async fn items(db: &mut PgConnection, id: BulkId, outcome: Option<&str>, page: PageRequest) -> Result<Page<Item>> {
    let rows = sqlx::query_as!(
        Item,
        r#"select i.job_id as "job_id: JobId", i.kind, i.state, i.outcome, i.why, j.key_argument as "about?", i.at
           from bulk_items i left join jobs j on j.id = i.job_id
           where i.operation_id = $1 and ($2::text is null or i.outcome = $2) and ($3::uuid is null or i.job_id < $3)
           order by i.job_id desc limit $4"#,
        id.0,
        outcome,
        page.after,
        page.limit + 1
    )
    .fetch_all(db)
    .await?;
    Ok(Page::cut(rows, page, |row| row.job_id.0))
}

/// When an operation deleted this job; none: none did, or it was long ago.
pub async fn discarded(db: &mut PgConnection, job: JobId) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!(
        r#"select coalesce(i.at, o.started_at, o.created_at) as "at!" from bulk_items i
           join bulk_operations o on o.id = i.operation_id
           where i.job_id = $1 and i.outcome in ('done', 'undone') and o.action = 'discard' limit 1"#,
        job.0
    )
    .fetch_optional(db)
    .await?;
    Ok(at)
}

/// The newest operations that changed a job.
pub async fn of_job(db: &mut PgConnection, job: JobId) -> Result<Vec<BulkId>> {
    let ids = sqlx::query_scalar!(
        r#"select operation_id as "id: BulkId" from bulk_items where job_id = $1 and outcome in ('done', 'undone')
           order by operation_id desc limit 5"#,
        job.0
    );
    Ok(ids.fetch_all(db).await?)
}
