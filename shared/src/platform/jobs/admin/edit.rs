//! A payload changed by hand: checked by the kind, and what was there stays.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::kernel::mask;
use crate::platform::jobs::NewJob;
use crate::platform::jobs::bulk::Action;
use crate::platform::tx::Tx;

/// One change by hand.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Edit {
    /// What was there.
    pub before: Value,
    /// What has been there since.
    pub after: Value,
    /// Who changed it.
    pub edited_by: Option<Uuid>,
    /// When.
    pub edited_at: DateTime<Utc>,
}

/// A job's payload.
pub async fn payload(db: &mut PgConnection, id: JobId) -> Result<Value> {
    sqlx::query_scalar!("select payload from jobs where id = $1", id.0)
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound("job"))
}

/// Every change by hand, oldest first: the first `before` is what was enqueued.
pub async fn edits(db: &mut PgConnection, id: JobId) -> Result<Vec<Edit>> {
    let rows = sqlx::query_as!(
        Edit,
        "select before, after, edited_by, edited_at from job_edits where job_id = $1 order by n",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The right to read payloads without masks.
pub const REVEAL: &str = "payload.reveal";

/// Refuses somebody who `may_reveal` no masked values to replace a payload that has some: they would write blindly.
pub fn editable(payload: &Value, may_reveal: bool) -> Result<()> {
    if !may_reveal && mask::hide(&mut payload.clone()) {
        return Err(Error::Forbidden(REVEAL.into()));
    }
    Ok(())
}

/// Gives a job another payload. 422, field `payload`, when its kind does not take it, or it has a mask where a secret
/// was; 403 as [`editable`] says; 409 while it runs and after it has succeeded. What follows from the payload (argument,
/// subject, owner, tenant) follows; its unique key stays.
pub async fn edit(tx: &mut Tx, id: JobId, after: &Value, may_reveal: bool) -> Result<()> {
    let job = sqlx::query!("select kind, state, payload from jobs where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NotFound("job"))?;
    if !Action::Edit.from().contains(&job.state.as_str()) {
        return Err(Error::conflict("job_state", format!("the job is {} and cannot be edited", job.state)));
    }
    editable(&job.payload, may_reveal)?;
    if mask::stands_in(after) {
        return Err(Error::field("payload", "masked", "has a mask in the place of a secret"));
    }
    let new = NewJob::named_kind(&job.kind, after)?;
    let unknown = |name: &&String| new.payload().get(name.as_str()).is_none() && !after[name.as_str()].is_null();
    if let Some(name) = after.as_object().and_then(|fields| fields.keys().find(unknown)) {
        return Err(Error::field(&format!("payload.{name}"), "unknown_field", "its kind does not know this field"));
    }
    let (about, subject, owner, tenant) = new.facts();
    sqlx::query!(
        "with edit as (insert into job_edits (job_id, n, before, after, edited_by)
             select $1, count(*) + 1, $2, $3, $4 from job_edits where job_id = $1)
         update jobs set payload = $3, key_argument = coalesce($5, key_argument), tenant = coalesce($6, tenant),
                subject_type = coalesce($7, subject_type), subject_id = coalesce($8, subject_id),
                owner_id = coalesce($9, owner_id)
         where id = $1",
        id.0,
        job.payload,
        after,
        tx.origin.actor.map(|actor| actor.0),
        about,
        tenant,
        subject.map(|(kind, _)| kind),
        subject.map(|(_, id)| id),
        owner.map(|owner| owner.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
