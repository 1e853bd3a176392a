//! The life of an operation after its preview: started, worked off step by step, paused, resumed, ended.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use validator::Validate;

use super::acts;
use super::freeze::jobs;
use super::read::count;
use super::{Action, BulkView, FREELY, LARGE, Params, get};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::BulkId;
use crate::platform::jobs::kinds::RunBulk;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::tx::Tx;

/// How fast, when, and why.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Jobs per second, 1 to 10,000; none: all at once.
    #[validate(range(min = 1, max = 10_000))]
    pub per_second: Option<i32>,
    /// Not before then.
    pub not_before: Option<DateTime<Utc>>,
    /// Why; needed beyond 100 jobs.
    #[validate(length(max = 300))]
    pub reason: Option<String>,
    /// What takes work away from every job there is wants its own name typed: `cancel`, `kill`, `discard`.
    pub word: Option<String>,
}

/// What whoever starts an operation may do besides.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// Change more than [`LARGE`] jobs at once.
    pub large: bool,
    /// Replace masked values.
    pub reveal: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many were handled, and there may be more; so many are handled per second.
    More(usize, Option<i32>),
    /// Nothing is left, or nobody wants more now.
    Over,
}

/// Starts a draft. 422 without a reason or the word where they are needed, 403 beyond 10,000 jobs without the right, 409
/// when it was started before.
pub async fn start(tx: &mut Tx, id: BulkId, pace: &Pace, rights: Rights) -> Result<BulkView> {
    pace.validate()?;
    lock(tx, id, "draft").await?;
    let view = get(tx, id).await?;
    let reason = pace.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if view.total == 0 {
        return Err(Error::conflict("bulk_empty", "none of these jobs allows it"));
    }
    if view.total > FREELY && reason.is_none() {
        return Err(Error::field("reason", "required", format!("is needed beyond {FREELY} jobs")));
    }
    if view.total > LARGE && !rights.large {
        return Err(Error::Forbidden("bulk.large".into()));
    }
    let name = view.action.name();
    let unbounded = view.filter.is_empty() && view.action.is_destructive();
    if unbounded && pace.word.as_deref().map(str::trim) != Some(name) {
        return Err(Error::field("word", "required", format!("type `{name}`: there is no filter, every job is meant")));
    }
    sqlx::query!(
        "update bulk_operations set per_second = $2, not_before = $3, reason = $4, started_by = $5, started_at = now(),
                may_reveal = $6
         where id = $1",
        id.0,
        pace.per_second,
        pace.not_before,
        reason,
        tx.origin.actor.map(|actor| actor.0),
        rights.reveal
    )
    .execute(&mut **tx)
    .await?;
    go(tx, id, pace.not_before).await?;
    get(tx, id).await
}

/// Stops working it off, until somebody resumes it.
pub async fn pause(tx: &mut Tx, id: BulkId) -> Result<()> {
    lock(tx, id, "running").await?;
    set(tx, id, "paused").await
}

/// Goes on with it.
pub async fn resume(tx: &mut Tx, id: BulkId) -> Result<()> {
    lock(tx, id, "paused").await?;
    go(tx, id, None).await
}

/// Ends it: what is done stays done, what is not stays undone.
pub async fn end(tx: &mut Tx, id: BulkId) -> Result<()> {
    let state = state(tx, id).await?;
    if !matches!(state.as_str(), "running" | "paused") {
        return Err(Error::conflict("bulk_state", format!("it is {state} already")));
    }
    set(tx, id, "cancelled").await
}

/// Handles the next jobs of an operation, at most so many, in one transaction with what becomes of them.
pub async fn step(tx: &mut Tx, id: BulkId, most: i64) -> Result<Step> {
    let operation = sqlx::query!(
        r#"select action as "action: Action", params as "params: Json<Params>", per_second, state, started_by,
                  may_reveal
           from bulk_operations where id = $1 for update"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(operation) = operation.filter(|operation| operation.state == "running") else {
        return Ok(Step::Over);
    };
    let ids = sqlx::query_scalar!(
        "select job_id from bulk_items where operation_id = $1 and outcome = 'pending' order by job_id limit $2",
        id.0,
        operation.per_second.map_or(most, |n| most.min(n.into()))
    )
    .fetch_all(&mut **tx)
    .await?;
    if ids.is_empty() {
        set(tx, id, "done").await?;
        return Ok(Step::Over);
    }
    let handled = ids.len();
    // Whoever started it is who changes the jobs.
    tx.origin.actor = operation.started_by.map(crate::kernel::ids::UserId);
    acts::act(tx, id, (operation.action, &operation.params), operation.may_reveal, &jobs(ids)).await?;
    Ok(Step::More(handled, operation.per_second))
}

async fn state(tx: &mut Tx, id: BulkId) -> Result<String> {
    sqlx::query_scalar!("select state from bulk_operations where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NotFound("bulk operation"))
}

/// Holds the row, which must be in this state.
async fn lock(tx: &mut Tx, id: BulkId, wanted: &str) -> Result<()> {
    match state(tx, id).await? {
        state if state == wanted => Ok(()),
        state => Err(Error::conflict("bulk_state", format!("it is {state}, not {wanted}"))),
    }
}

async fn go(tx: &mut Tx, id: BulkId, not_before: Option<DateTime<Utc>>) -> Result<()> {
    let turn = sqlx::query_scalar!(
        "update bulk_operations set state = 'running', turn = turn + 1 where id = $1 returning turn",
        id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let job = NewJob::of(&RunBulk { operation: id, turn })?;
    enqueue_new(
        tx,
        match not_before {
            Some(at) => job.at(at),
            None => job,
        },
    )
    .await?;
    Ok(())
}

async fn set(tx: &mut Tx, id: BulkId, state: &str) -> Result<()> {
    sqlx::query!(
        "update bulk_operations set state = $2, finished_at = case when $2 = 'paused' then finished_at else now() end where id = $1",
        id.0,
        state
    )
    .execute(&mut **tx)
    .await?;
    if state == "paused" { Ok(()) } else { count(tx, id).await }
}
