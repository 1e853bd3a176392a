//! Groups of failures that are the same failure: read, resolved, muted, noted. The engine counts them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::JobRow;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::health::COUNT_CAP;
use crate::platform::tx::Tx;

/// Every state of a group, gravest first.
pub const STATES: [&str; 5] = ["regressed", "new", "known", "muted", "resolved"];
/// The most groups a list shows.
pub const MOST: i64 = 200;
/// The newest jobs shown beside a group.
const FEW: i64 = 10;

/// Which groups. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupFilter {
    /// One of the states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The kind of its jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl GroupFilter {
    /// 422 for a state that does not exist.
    pub fn checked(self) -> Result<Self> {
        match self.state.as_deref() {
            Some(state) if !STATES.contains(&state) => {
                Err(Error::field("state", "choice", format!("should be one of {}", STATES.join(", "))))
            }
            _ => Ok(self),
        }
    }
}

/// A group in a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct GroupRow {
    /// Its key: same kind, same code, same message once numbers and names are taken out.
    pub fingerprint: String,
    /// The kind of its jobs.
    pub kind: String,
    /// A stable word for the failure.
    pub code: String,
    /// What all have in common.
    pub message: String,
    /// new, known, resolved, regressed (came back after it was resolved), muted.
    pub state: String,
    /// Failed runs so far.
    pub count: i64,
    /// Jobs that are retrying or dead of it now, counted up to 10,001.
    pub open: i64,
    /// Of these, the ones that will be tried again by themselves, counted up to 10,001.
    pub retrying: i64,
    /// The first failure.
    pub first_seen: DateTime<Utc>,
    /// The latest.
    pub last_seen: DateTime<Utc>,
    /// The version that first failed so.
    pub first_version: String,
    /// The latest.
    pub last_version: String,
    /// The latest job.
    pub last_job: JobId,
    /// Resolved since.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Muted until; none: until told.
    pub muted_until: Option<DateTime<Utc>>,
    /// What somebody wrote about it.
    pub note: Option<String>,
}

/// A group with its latest jobs.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct GroupView {
    /// The row as in lists.
    #[serde(flatten)]
    pub row: GroupRow,
    /// Who last resolved, muted or noted it.
    pub changed_by: Option<Uuid>,
    /// The newest ten of its open jobs; the latest job when none is open.
    pub jobs: Vec<JobRow>,
}

/// Both readers have these columns; a mute that has ended is told as `known`. `$1`: where counting stops.
macro_rules! groups {
    ($rest:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            GroupRow,
            r#"select fingerprint, kind, code, message, now_state as "state!", count, first_seen, last_seen, first_version,
                      last_version, last_job as "last_job: JobId", resolved_at, note,
                      case when now_state = 'muted' then muted_until end as muted_until,
                      (select count(*) from (select from jobs j where j.fingerprint = g.fingerprint
                         and j.state in ('retrying', 'dead') limit $1) x) as "open!",
                      (select count(*) from (select from jobs j where j.fingerprint = g.fingerprint
                         and j.state = 'retrying' limit $1) x) as "retrying!"
               from error_groups g,
                    lateral (select case when state = 'muted' and muted_until <= now() then 'known' else state end as now_state) n
               where "# + $rest,
            COUNT_CAP + 1,
            $($arg),+
        )
    };
}

/// Groups that match, the latest failure first.
pub async fn list(db: &mut PgConnection, filter: &GroupFilter) -> Result<Vec<GroupRow>> {
    let rows = groups!(
        "($2::text is null or now_state = $2) and ($3::text is null or kind = $3)
         order by last_seen desc, fingerprint limit $4",
        filter.state,
        filter.kind,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// One group.
pub async fn get(db: &mut PgConnection, fingerprint: &str) -> Result<GroupView> {
    let row = groups!("fingerprint = $2", fingerprint).fetch_optional(&mut *db).await?;
    let row = row.ok_or(Error::NotFound("error"))?;
    let changed_by = sqlx::query_scalar!("select changed_by from error_groups where fingerprint = $1", fingerprint)
        .fetch_one(&mut *db)
        .await?;
    let jobs = sqlx::query_as!(
        JobRow,
        r#"
        with open as (select id from jobs where fingerprint = $1 and state in ('retrying', 'dead') order by id desc limit $2)
        select id as "id: JobId", kind, lane, state, key_argument, tenant, attempt, max_attempts, last_error, error_code,
               created_at, run_at, started_at, finished_at, cancel_requested_at is not null as "cancel_requested!"
        from jobs where id in (select id from open union all select $3 where not exists (select from open))
        order by id desc
        "#,
        fingerprint,
        FEW,
        row.last_job.0
    )
    .fetch_all(db)
    .await?;
    Ok(GroupView { row, changed_by, jobs })
}

/// Says that the cause is mended; when the failure comes back, the group has regressed.
pub async fn resolve(tx: &mut Tx, fingerprint: &str) -> Result<()> {
    set(tx, fingerprint, "resolved", None).await
}

/// Says that nobody need hear of it, for a time or until told.
pub async fn mute(tx: &mut Tx, fingerprint: &str, until: Option<DateTime<Utc>>) -> Result<()> {
    set(tx, fingerprint, "muted", until).await
}

/// Says that the failure is known and matters: ends a mute, takes a resolution back, acknowledges what is new.
pub async fn unmute(tx: &mut Tx, fingerprint: &str) -> Result<()> {
    set(tx, fingerprint, "known", None).await
}

async fn set(tx: &mut Tx, fingerprint: &str, state: &str, until: Option<DateTime<Utc>>) -> Result<()> {
    let actor = tx.origin.actor.map(|a| a.0);
    let done = sqlx::query!(
        "update error_groups set state = $2, muted_until = $3, changed_by = $4,
                resolved_at = case when $2 = 'resolved' then now() end
         where fingerprint = $1",
        fingerprint,
        state,
        until,
        actor
    )
    .execute(&mut **tx)
    .await?;
    changed(done.rows_affected())
}

/// Writes what somebody knows about it; none takes the note away.
pub async fn note(tx: &mut Tx, fingerprint: &str, note: Option<&str>) -> Result<()> {
    let actor = tx.origin.actor.map(|a| a.0);
    let done = sqlx::query!(
        "update error_groups set note = $2, changed_by = $3 where fingerprint = $1",
        fingerprint,
        note,
        actor
    )
    .execute(&mut **tx)
    .await?;
    changed(done.rows_affected())
}

fn changed(rows: u64) -> Result<()> {
    if rows == 0 { Err(Error::NotFound("error")) } else { Ok(()) }
}
