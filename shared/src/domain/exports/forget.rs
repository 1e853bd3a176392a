//! What exports say of somebody who wants to be forgotten: their own, and lists of many people in which they stand.

use sqlx::PgConnection;

use super::{Export, export};
use crate::kernel::Result;
use crate::kernel::ids::{ExportId, FileId, UserId};

/// The files with somebody's personal data, whoever asked for them.
pub async fn files_about(db: &mut PgConnection, user: Option<UserId>) -> Result<Vec<FileId>> {
    let files = sqlx::query_scalar!(
        r#"select file_id as "file!: FileId" from exports where subject_user_id = $1 and file_id is not null"#,
        user.map(|user| user.0)
    );
    Ok(files.fetch_all(db).await?)
}

/// Deletes what somebody asked for, and what was asked for of them; a job that makes one finds nothing to do.
pub async fn forget(db: &mut PgConnection, user: Option<UserId>) -> Result<()> {
    sqlx::query!("delete from exports where requested_by = $1 or subject_user_id = $1", user.map(|user| user.0))
        .execute(db)
        .await?;
    Ok(())
}

/// Filters that name somebody say so no more, and match nobody: one that is open, or made again, must not hold more than
/// was asked for. A search may be a part of a name; from three letters on it names somebody.
pub async fn unname(db: &mut PgConnection, words: &[String]) -> Result<()> {
    sqlx::query!(
        r#"with named as (
               select distinct e.id, f.key from exports e, jsonb_each_text(e.filters) f, unnest($1::text[]) w
               where position(lower(w) in lower(f.value)) > 0
                  or (f.key = 'q' and length(trim(f.value)) > 2 and position(lower(trim(f.value)) in lower(w)) > 0)
           )
           update exports e set filters = e.filters || hidden.filters
           from (select id, jsonb_object_agg(key, '…'::text) as filters from named group by id) hidden where e.id = hidden.id"#,
        words
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lists of rows about people that are being made.
pub async fn lists_being_made(db: &mut PgConnection) -> Result<Vec<ExportId>> {
    let made = sqlx::query_scalar!(
        r#"select id as "id: ExportId" from exports
           where status = 'running' and kind in ('audit_log', 'orders', 'invoices', 'users')"#
    );
    Ok(made.fetch_all(db).await?)
}

/// The files of those that are ready.
pub async fn files_of_lists(db: &mut PgConnection) -> Result<Vec<FileId>> {
    let files = sqlx::query_scalar!(
        r#"select file_id as "file!: FileId" from exports
           where status = 'ready' and kind in ('audit_log', 'orders', 'invoices', 'users') and file_id is not null"#
    );
    Ok(files.fetch_all(db).await?)
}

/// Ends the term of those whose file was destroyed. Gives them.
pub async fn withdraw_lists(db: &mut PgConnection) -> Result<Vec<Export>> {
    let rows = export!(
        "update exports set status = 'expired', expires_at = now()
         where status = 'ready' and kind in ('audit_log', 'orders', 'invoices', 'users') and file_id is null
         returning" ""
    );
    Ok(rows.fetch_all(db).await?)
}
