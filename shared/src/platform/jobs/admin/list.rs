//! Lists of jobs, newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::JobFilter;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::text;

/// A job in a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub kind: String,
    /// Where it waits.
    pub lane: String,
    /// Where it stands.
    pub state: String,
    /// What an operator knows it by.
    pub key_argument: Option<String>,
    /// Whose work it is.
    pub tenant: Option<String>,
    /// Runs so far that count.
    pub attempt: i32,
    /// Runs that count.
    pub max_attempts: i32,
    /// The last failure.
    pub last_error: Option<String>,
    /// A stable word for it.
    pub error_code: Option<String>,
    /// Enqueued.
    pub created_at: DateTime<Utc>,
    /// Due.
    pub run_at: DateTime<Utc>,
    /// The last start.
    pub started_at: Option<DateTime<Utc>>,
    /// The end.
    pub finished_at: Option<DateTime<Utc>>,
    /// A running job that was asked to stop.
    pub cancel_requested: bool,
}

/// The filter's conditions stand once, for every query that has them.
macro_rules! matching {
    ($row:ty, $columns:tt, $filter:expr, $after:expr, $limit:expr, $db:expr) => {
        sqlx::query_as!(
            $row,
            "select "
                + $columns
                + r#"
             from jobs
             where ($1::text is null or state = $1) and ($2::text is null or kind = $2)
               and ($3::text is null or lane = $3) and ($4::int is null or attempt >= $4)
               and ($5::bigint is null or created_at <= now() - $5 * interval '1 second')
               and ($6::bigint is null or created_at >= now() - $6 * interval '1 second')
               and ($7::uuid is null or subject_id = $7)
               and ($8::text is null or key_argument ilike $8 or last_error ilike $8)
               and ($9::text is null or (fingerprint = $9 and state in ('retrying', 'dead')))
               and ($10::uuid is null or batch_id = $10)
               and ($11::text is null or tenant = $11) and ($12::text is null or concurrency_key = $12)
               and ($13::uuid is null or id < $13)
             order by id desc limit $14"#,
            $filter.state,
            $filter.kind,
            $filter.lane,
            $filter.attempt,
            $filter.older,
            $filter.younger,
            $filter.subject,
            $filter.q.as_deref().map(text::like),
            $filter.error,
            $filter.batch,
            $filter.tenant,
            $filter.key,
            $after as Option<Uuid>,
            $limit
        )
        .fetch_all($db)
        .await
    };
}

/// Jobs that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &JobFilter, page: PageRequest) -> Result<Page<JobRow>> {
    let rows = matching!(
        JobRow,
        r#"id as "id: JobId", kind, lane, state, key_argument, tenant, attempt, max_attempts, last_error, error_code,
           created_at, run_at, started_at, finished_at, cancel_requested_at is not null as "cancel_requested!""#,
        filter,
        page.after,
        page.limit + 1,
        db
    )?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// A job that matches.
pub(super) struct Match {
    /// Its id.
    pub id: JobId,
    /// What it is.
    pub kind: String,
}

/// The newest jobs that match, by id and kind alone.
pub(super) async fn matches(db: &mut PgConnection, filter: &JobFilter, limit: i64) -> Result<Vec<Match>> {
    Ok(matching!(Match, r#"id as "id: JobId", kind"#, filter, None, limit, db)?)
}
