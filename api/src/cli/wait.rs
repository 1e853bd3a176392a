//! Waiting for a job that was just enqueued: its result, or why there is none.

use std::time::Duration;

use shared::kernel::Error;
use shared::kernel::ids::JobId;
use shared::platform::Platform;
use shared::platform::jobs::admin::{self, JobView};
use tokio::time::Instant;

use super::complain;
use super::exit::{DATA, Failure, UNAVAILABLE};
use super::text::plain;

/// How often it is asked for.
const PACE: Duration = Duration::from_millis(250);

/// Until it has succeeded. A failed attempt is told while the next one is waited for.
pub async fn until_done(platform: &Platform, id: JobId, most: Duration) -> Result<JobView, Failure> {
    platform.tickets.flush(Duration::from_secs(2)).await;
    let until = Instant::now() + most;
    let mut told = 0;
    loop {
        let mut db = platform.db.acquire().await.map_err(Error::from)?;
        let job = admin::get(&mut db, id).await?;
        drop(db);
        let error = plain(job.row.last_error.as_deref().unwrap_or("nobody knows why"));
        match job.row.state.as_str() {
            "succeeded" => return Ok(job),
            "dead" => return Err(Failure::new(UNAVAILABLE, format!("the job {id} failed for good: {error}"))),
            "cancelled" => return Err(Failure::new(DATA, format!("the job {id} was cancelled: {error}"))),
            "retrying" if told < job.row.attempt => {
                told = job.row.attempt;
                complain(format_args!("attempt {told} failed, it will be tried again: {error}"));
            }
            _ => {}
        }
        if Instant::now() + PACE >= until {
            let (state, seconds) = (&job.row.state, most.as_secs());
            let hint = if job.row.attempt == 0 { "does a worker run? " } else { "" };
            let text = format!("the job is {state} after {seconds} s; {hint}It goes on: facteur jobs show {id}");
            return Err(Failure::new(UNAVAILABLE, text));
        }
        tokio::time::sleep(PACE).await;
    }
}
