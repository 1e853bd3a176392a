//! The first step: which jobs are meant, as of now.

use serde::Deserialize;
use sqlx::QueryBuilder;
use uuid::Uuid;
use validator::Validate;

use super::{Action, MOST, Params};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{BulkId, JobId};
use crate::platform::jobs::admin::{JobFilter, Question, filter_text};
use crate::platform::jobs::kinds::RunBulk;
use crate::platform::jobs::{Job, Lane};
use crate::platform::tx::Tx;

/// What is about to be done, and with which jobs.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewBulk {
    /// What is done with each.
    pub action: Action,
    /// What the action needs besides.
    #[serde(default)]
    pub params: Params,
    /// Those that match; without a filter and without ids all of them.
    #[serde(default)]
    pub filter: JobFilter,
    /// Only these, of those that match.
    #[serde(default)]
    #[validate(length(max = 1000))]
    pub ids: Option<Vec<Uuid>>,
}

/// Writes down the jobs that match at this moment: a draft, with what is refused already marked. 422 when they are more
/// than 200,000.
pub async fn freeze(tx: &mut Tx, new: &NewBulk) -> Result<BulkId> {
    let (id, terms) = (BulkId(Uuid::now_v7()), new.filter.clone().checked()?.terms()?);
    check(new.action, &new.params)?;
    let said = match &new.ids {
        Some(ids) => format!("{} chosen by hand", ids.len()),
        None => filter_text(&terms),
    };
    sqlx::query!(
        "insert into bulk_operations (id, action, params, filter, created_by, by_hand) values ($1, $2, $3, $4, $5, $6)",
        id.0,
        new.action.name(),
        serde_json::to_value(&new.params).map_err(anyhow::Error::from)?,
        said,
        tx.origin.actor.map(|actor| actor.0),
        new.ids.is_some()
    )
    .execute(&mut **tx)
    .await?;
    // One statement sees one moment. The jobs that work off bulk operations are nobody's target.
    let mut q = QueryBuilder::new("insert into bulk_items (operation_id, job_id, kind, state, outcome, why) select ");
    q.push_bind(id.0).push(", id, kind, state, case when state = any(").push_bind(words(new.action));
    q.push(") then 'pending' else 'refused' end, case when not state = any(").push_bind(words(new.action));
    q.push(") then state end from jobs where kind <> ").push_bind(RunBulk::KIND);
    if let Some(ids) = &new.ids {
        q.push(" and id = any(").push_bind(ids.clone()).push(")");
    }
    Question(&terms).push(&mut q);
    q.push(" limit ").push_bind(MOST + 1);
    let chosen = q.build().persistent(false).execute(&mut **tx).await?.rows_affected();
    if chosen > MOST as u64 {
        return Err(Error::field("filter", "range", format!("matches more than {MOST} jobs: narrow it")));
    }
    Ok(id)
}

fn words(action: Action) -> Vec<String> {
    action.from().iter().map(|state| (*state).to_owned()).collect()
}

fn check(action: Action, params: &Params) -> Result<()> {
    let bad = |field: &str, message: &str| Err(Error::field(&format!("params.{field}"), "required", message));
    match action {
        Action::Priority if !params.priority.is_some_and(|p| (-100..=100).contains(&p)) => {
            bad("priority", "should be -100 to 100")
        }
        Action::Queue
            if !params.queue.as_deref().is_some_and(|name| Lane::ALL.iter().any(|lane| lane.name() == name)) =>
        {
            bad("queue", "should be one of the queues")
        }
        Action::Edit if params.patch.as_ref().is_none_or(Vec::is_empty) => bad("patch", "needs at least one step"),
        _ => Ok(()),
    }
}

/// Ids as rows have them.
pub(super) fn jobs(ids: Vec<Uuid>) -> Vec<JobId> {
    ids.into_iter().map(JobId).collect()
}
