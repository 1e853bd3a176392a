//! What jobs did outside our database. Evidence, not results: an effect is written down even by a worker that has
//! lost its lease meanwhile, so that whoever runs the job next does not do it again.

use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::JobId;

/// What is known of an effect of this job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it may begin.
    None,
    /// It was begun and nobody knows how it ended.
    Begun,
    /// It was done; the other side's words.
    Done(String),
}

/// What became of an effect in earlier runs.
pub async fn find(db: &mut PgConnection, job: JobId, name: &str) -> Result<Effect> {
    let row = sqlx::query!(
        r#"select done_at is not null as "done!", reply from job_effects where job_id = $1 and name = $2"#,
        job.0,
        name
    )
    .fetch_optional(db)
    .await?;
    Ok(match row {
        None => Effect::None,
        Some(row) if row.done => Effect::Done(row.reply.unwrap_or_default()),
        Some(_) => Effect::Begun,
    })
}

/// Says that the effect is about to be tried. For effects that must not happen twice.
pub async fn begin(db: &mut PgConnection, worker: &str, job: JobId, fence: i32, name: &str) -> Result<()> {
    sqlx::query!(
        "insert into job_effects (job_id, name, fence, worker_id) values ($1, $2, $3, $4)
         on conflict (job_id, name) do update set fence = $3, worker_id = $4, begun_at = now()
         where job_effects.done_at is null",
        job.0,
        name,
        fence,
        worker
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says that the effect happened.
pub async fn done(db: &mut PgConnection, worker: &str, job: JobId, fence: i32, name: &str, reply: &str) -> Result<()> {
    sqlx::query!(
        "insert into job_effects (job_id, name, fence, worker_id, done_at, reply) values ($1, $2, $3, $4, now(), $5)
         on conflict (job_id, name) do update set done_at = now(), reply = $5, fence = $3, worker_id = $4
         where job_effects.done_at is null",
        job.0,
        name,
        fence,
        worker,
        reply
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says that what was begun certainly did not happen.
pub async fn undone(db: &mut PgConnection, job: JobId, name: &str) -> Result<()> {
    sqlx::query!("delete from job_effects where job_id = $1 and name = $2 and done_at is null", job.0, name)
        .execute(db)
        .await?;
    Ok(())
}
