//! A job that is not there: whether somebody discarded it, which policy deleted it, or that there never was one. Said by
//! page and REST in the same words.

use chrono::{DateTime, Duration, Utc};
use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::audit;
use shared::platform::jobs::bulk;
use sqlx::PgConnection;

use crate::app::App;
use crate::dashboard::words::{in_french, say};
use crate::error::ApiError;

/// What to answer when a job was not found; any other error stays what it is.
pub async fn job(app: &App, db: &mut PgConnection, id: JobId, error: Error) -> ApiError {
    if !matches!(error, Error::NotFound(_)) {
        return error.into();
    }
    match discarded(db, id).await {
        Ok(Some(at)) => ApiError::Missing("job_discarded", say!("This job was discarded on {day}.", day = day(at))),
        Ok(None) => pruned(app, id),
        Err(error) => error.into(),
    }
}

/// When somebody deleted it, alone or with others.
async fn discarded(db: &mut PgConnection, id: JobId) -> Result<Option<DateTime<Utc>>, Error> {
    let entries = audit::about(db, "job", &id.to_string(), 20).await?;
    match entries.iter().find(|entry| entry.action == "JOB_DISCARDED") {
        Some(entry) => Ok(Some(entry.occurred_at)),
        None => bulk::discarded(db, id).await,
    }
}

/// An id carries the time of its making (UUID v7, RFC 9562): retention tells the rest.
fn pruned(app: &App, id: JobId) -> ApiError {
    let (now, keep) = (app.platform.clock.now(), &app.platform.config.worker);
    let Some(born) = born(id).filter(|born| *born <= now) else {
        return ApiError::Missing("job_unknown", say!("No job ever had this id."));
    };
    let (finished, dead) = (days(keep.keep_finished), days(keep.keep_dead));
    if now - born < finished.min(dead) {
        let text = say!("No job has this id: one of {day} would still be kept.", day = day(born));
        return ApiError::Missing("job_unknown", text);
    }
    let text = say!(
        "A job of this id was enqueued on {born}. Jobs are deleted {finished} days after they succeeded or were cancelled, \
         {dead} days after their death: it was pruned on {gone} at the earliest.",
        born = day(born),
        finished = keep.keep_finished,
        dead = keep.keep_dead,
        gone = day(born + finished.min(dead)),
    );
    ApiError::Missing("job_pruned", text)
}

fn days(days: u32) -> Duration {
    Duration::days(days.into())
}

/// None for an id that no job of ours could have.
fn born(id: JobId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.0.get_timestamp().filter(|_| id.0.get_version_num() == 7)?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn day(at: DateTime<Utc>) -> String {
    at.format(if in_french() { "%d/%m/%Y" } else { "%-d %B %Y" }).to_string()
}
