//! Batches as administrators see them: how far each has come, and the job that runs when all are final.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::STATES;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BatchId, JobId};
use crate::kernel::page::{Page, PageRequest};
use crate::platform::jobs::health::COUNT_CAP;

/// Which batches.
#[derive(Clone, Copy, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchFilter {
    /// Only those that are not finished, or only those that are.
    pub open: Option<bool>,
}

/// One batch.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct BatchView {
    /// Its id; `?batch=` of it lists its jobs.
    pub id: BatchId,
    /// What it is for.
    pub name: String,
    /// Opened.
    pub created_at: DateTime<Utc>,
    /// Nothing is added any more since.
    pub sealed_at: Option<DateTime<Utc>>,
    /// All of its jobs were final then.
    pub finished_at: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub created_by: Option<Uuid>,
    /// The job that runs when all are final.
    pub callback_id: Option<JobId>,
    /// Jobs per state: now, each counted up to 10,001, while it is open; as they were when it finished.
    #[schemars(with = "BTreeMap<String, i64>")]
    pub counts: Json<BTreeMap<String, i64>>,
}

/// Both readers have these columns. `$1`: the states, `$2`: where counting stops.
macro_rules! batches {
    ($rest:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            BatchView,
            r#"select id as "id: BatchId", name, created_at, sealed_at, finished_at, created_by,
                      callback_id as "callback_id: JobId",
                      coalesce(case when finished_at is null
                          then (select jsonb_object_agg(s.state, c.n) from unnest($1::text[]) as s (state),
                                    lateral (select count(*) as n from (select from jobs j where j.batch_id = b.id
                                             and j.state = s.state limit $2) x) as c where c.n > 0)
                          else jsonb_strip_nulls(jsonb_build_object('succeeded', nullif(succeeded, 0),
                               'dead', nullif(dead, 0), 'cancelled', nullif(cancelled, 0))) end,
                          '{}') as "counts!: Json<BTreeMap<String, i64>>"
               from batches b where "# + $rest,
            &STATES.map(str::to_owned),
            COUNT_CAP + 1,
            $($arg),+
        )
    };
}

/// Batches, newest first.
pub async fn list(db: &mut PgConnection, filter: BatchFilter, page: PageRequest) -> Result<Page<BatchView>> {
    let rows = batches!(
        "($3::bool is null or (finished_at is null) = $3) and ($4::uuid is null or id < $4) order by id desc limit $5",
        filter.open,
        page.after,
        page.limit + 1
    )
    .fetch_all(db)
    .await?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// One batch.
pub async fn get(db: &mut PgConnection, id: BatchId) -> Result<BatchView> {
    batches!("id = $3", id.0).fetch_optional(db).await?.ok_or(Error::NotFound("batch"))
}
