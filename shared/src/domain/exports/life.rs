//! An export's life: every step is a compare-and-set, so that a late run and a cancellation cannot undo each other.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Checkpoint, Export, ExportStatus, NewExport, export};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{ExportId, FileId, JobId, UserId};

/// Writes a wish. None: this person has one of this kind open already.
pub async fn insert(
    db: &mut PgConnection,
    id: ExportId,
    by: UserId,
    job: JobId,
    new: &NewExport,
) -> Result<Option<Export>> {
    let row = export!(
        "insert into exports (id, kind, format, filters, columns, excel, locale, requested_by, subject_user_id, job_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (requested_by, kind) where status in ('requested', 'running') do nothing
         returning" "",
        id.0,
        new.kind.name(),
        new.format.name(),
        new.filters,
        &new.columns,
        new.excel,
        new.locale,
        by.0,
        new.subject.map(|user| user.0),
        job.0
    );
    Ok(row.fetch_optional(db).await?)
}

/// An export that a run has taken in hand.
pub struct Started {
    /// What is wanted.
    pub export: Export,
    /// What earlier runs have stored.
    pub checkpoint: Option<Checkpoint>,
}

/// A run takes it in hand: from now on no other one may write. What failed begins anew when its job is retried, unless
/// this person has another one of this kind open. None: it is not open any more, or a later run has it.
pub async fn start(db: &mut PgConnection, id: ExportId, run: i32) -> Result<Option<Started>> {
    let row = sqlx::query!(
        r#"
        update exports e
        set status = 'running', run = $2, started_at = coalesce(started_at, now()), error = null, finished_at = null,
            snapshots = case status when 'failed' then 1 else snapshots + 1 end
        where id = $1 and run <= $2 and (status in ('requested', 'running') or status = 'failed' and not exists (
            select from exports o where o.requested_by = e.requested_by and o.kind = e.kind
                                    and o.status in ('requested', 'running')))
        returning checkpoint as "checkpoint: Json<Checkpoint>"
        "#,
        id.0,
        run
    );
    let Some(row) = row.fetch_optional(&mut *db).await? else { return Ok(None) };
    let export = export!("select" "from exports where id = $1", id.0).fetch_one(db).await?;
    Ok(Some(Started { export, checkpoint: row.checkpoint.map(|kept| kept.0) }))
}

/// Keeps what is stored by now, and how many rows there are in all. False: this run may not go on.
pub async fn keep(db: &mut PgConnection, id: ExportId, run: i32, kept: &Checkpoint, total: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update exports set checkpoint = $3, rows_done = $4, rows_total = $5
         where id = $1 and run = $2 and status = 'running'",
        id.0,
        run,
        Json(kept) as _,
        kept.rows,
        total
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// The file is there. None: this run may not say so.
pub async fn ready(
    db: &mut PgConnection,
    id: ExportId,
    run: i32,
    (file, expires_at): (FileId, Option<DateTime<Utc>>),
    (size, sha256): (i64, &str),
) -> Result<Option<Export>> {
    let row = export!(
        "update exports set status = 'ready', file_id = $3, expires_at = $4, size = $5, sha256 = $6, finished_at = now(),
                            checkpoint = null, error = null
         where id = $1 and run = $2 and status = 'running'
         returning" "",
        id.0,
        run,
        file.0,
        expires_at,
        size,
        sha256
    );
    Ok(row.fetch_optional(db).await?)
}

/// Ends an open export without a file: `failed` or `cancelled`. None: it is not open any more.
pub async fn end(
    db: &mut PgConnection,
    id: ExportId,
    status: ExportStatus,
    why: Option<&str>,
) -> Result<Option<Export>> {
    let row = export!(
        "update exports set status = $2, error = $3, finished_at = now(), checkpoint = null
         where id = $1 and status in ('requested', 'running')
         returning" "",
        id.0,
        status.name(),
        why
    );
    Ok(row.fetch_optional(db).await?)
}

/// Takes the file of a finished export away before its term. Returns which one; 409 when there is none.
pub async fn revoke(db: &mut PgConnection, id: ExportId) -> Result<FileId> {
    let file = sqlx::query_scalar!(
        r#"
        update exports e set status = 'expired', file_id = null, expires_at = now()
        from exports o where e.id = $1 and o.id = e.id and e.status = 'ready' and e.file_id is not null
        returning o.file_id as "file!: FileId"
        "#,
        id.0
    );
    let none = || Error::conflict("export_state", "there is no file to take away");
    file.fetch_optional(db).await?.ok_or_else(none)
}

/// Counts a download.
pub async fn downloaded(db: &mut PgConnection, id: ExportId) -> Result<()> {
    sqlx::query!("update exports set downloads = downloads + 1 where id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Open exports whose job has ended without a word (cancelled or discarded by hand) are cancelled: they would stand in
/// the way of the next one. Of one person, or of all. Returns how many.
pub async fn close_orphans(db: &mut PgConnection, of: Option<UserId>) -> Result<u64> {
    let done = sqlx::query!(
        "update exports e set status = 'cancelled', finished_at = now(), checkpoint = null
         where status in ('requested', 'running') and ($1::uuid is null or requested_by = $1)
           and not exists (select from jobs j where j.id = e.job_id and j.state not in ('succeeded', 'dead', 'cancelled'))",
        of.map(|user| user.0)
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Says of those past their term that they are; their files go with all files past theirs. Returns how many.
pub async fn expire(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "update exports set status = 'expired', file_id = null where status = 'ready' and expires_at <= now()"
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Forgets exports a year after their end, a bounded number at a time. Returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from exports where id = any(array(
             select id from exports where status in ('failed', 'expired', 'cancelled')
               and finished_at < now() - interval '365 days' limit 1000))"
    );
    Ok(done.execute(db).await?.rows_affected())
}
