//! Retry all that match: first a preview that freezes the ids, then exactly those.

use serde::Serialize;
use uuid::Uuid;

use super::list::matches;
use super::{Field, Is, JobFilter, Term, Word, requeue};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::tx::Tx;

/// The most one preview selects; what is beyond waits for the next one.
const MOST: i64 = 10_000;
/// States from which a job may be brought back.
const RETRYABLE: [&str; 4] = ["dead", "cancelled", "retrying", "scheduled"];

/// What would be retried.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Preview {
    /// Name this to retry exactly these jobs.
    pub selection: Uuid,
    /// How many.
    pub count: usize,
    /// More match than one selection holds (10,000).
    pub more: bool,
    /// The newest ten.
    pub sample: Vec<JobId>,
    /// Per kind.
    pub kinds: Vec<KindCount>,
}

/// How many of one kind.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct KindCount {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: usize,
}

/// What was retried.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Applied {
    /// Brought back to `queued`.
    pub retried: usize,
    /// Changed since the preview: already retried, running, or gone.
    pub skipped: usize,
    /// What had been asked for.
    pub filter: serde_json::Value,
}

/// Freezes the jobs that match: of the filter's state; without one all of an error group, else the dead.
pub async fn preview(tx: &mut Tx, filter: &JobFilter) -> Result<Preview> {
    let mut terms = filter.terms()?;
    if !terms.iter().any(|term| matches!(term.field, Field::State | Field::Group)) {
        terms.push(Term::word(Field::State, "dead"));
    }
    // What cannot be brought back matches too when the text says so; it is not chosen.
    let back = RETRYABLE.map(|state| Word { text: state.to_owned(), quoted: true });
    terms.push(Term::new(Field::State, Is::Words(back.to_vec())));
    let rows = matches(tx, &terms, MOST + 1).await?;
    let more = rows.len() as i64 > MOST;
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    let mut ids = Vec::new();
    for row in rows.into_iter().take(MOST as usize) {
        ids.push(row.id.0);
        *kinds.entry(row.kind).or_default() += 1;
    }
    let selection = Uuid::now_v7();
    sqlx::query!(
        "insert into job_selections (id, action, filter, job_ids, created_by) values ($1, 'retry', $2, $3, $4)",
        selection,
        serde_json::to_value(filter).map_err(anyhow::Error::from)?,
        &ids,
        tx.origin.actor.map(|a| a.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(Preview {
        selection,
        count: ids.len(),
        more,
        sample: ids.iter().take(10).copied().map(JobId).collect(),
        kinds: kinds.into_iter().map(|(kind, count)| KindCount { kind, count }).collect(),
    })
}

/// Retries what a preview froze, once.
pub async fn apply(tx: &mut Tx, selection: Uuid) -> Result<Applied> {
    let row =
        sqlx::query!("select job_ids, filter, applied_at from job_selections where id = $1 for update", selection)
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(Error::NotFound("selection"))?;
    if row.applied_at.is_some() {
        return Err(Error::conflict("selection_applied", "this selection was already retried"));
    }
    let ids: Vec<JobId> = row.job_ids.into_iter().map(JobId).collect();
    let revived = requeue(tx, &ids).await?;
    sqlx::query!("update job_selections set applied_at = now() where id = $1", selection).execute(&mut **tx).await?;
    Ok(Applied { retried: revived.len(), skipped: ids.len() - revived.len(), filter: row.filter })
}
