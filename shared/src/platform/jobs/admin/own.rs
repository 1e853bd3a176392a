//! What a person may see of a job of theirs: enough to follow it, nothing about the house.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{JobId, UserId};

/// A job in the eyes of the person it is about, or who asked for it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct OwnJob {
    /// Its id.
    pub id: JobId,
    /// What it is, `noun.verb`.
    pub kind: String,
    /// scheduled, blocked (waits for others), queued, running, retrying, succeeded, dead, cancelled.
    pub state: String,
    /// Runs so far.
    pub attempt: i32,
    /// Runs at most.
    pub max_attempts: i32,
    /// A stable word for the last failure.
    pub error_code: Option<String>,
    /// How far it has come, where its kind tells.
    pub progress: Option<serde_json::Value>,
    /// What it gave back, where its kind does.
    pub result: Option<serde_json::Value>,
    /// Enqueued.
    pub created_at: DateTime<Utc>,
    /// Due.
    pub run_at: DateTime<Utc>,
    /// The last start.
    pub started_at: Option<DateTime<Utc>>,
    /// The end.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One job of this person's. Somebody else's does not exist.
pub async fn own(db: &mut PgConnection, user: UserId, id: JobId) -> Result<OwnJob> {
    sqlx::query_as!(
        OwnJob,
        r#"
        select id as "id: JobId", kind, state, attempt, max_attempts, error_code, progress, result, created_at, run_at,
               started_at, finished_at
        from jobs where id = $1 and (owner_id = $2 or created_by = $2)
        "#,
        id.0,
        user.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("job"))
}
