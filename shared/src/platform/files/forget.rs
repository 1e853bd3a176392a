//! Files of somebody who wants to be forgotten: nobody reads them from now on, and their bytes go at once.

use sqlx::PgConnection;

use super::lock;
use crate::kernel::Result;
use crate::kernel::ids::{FileId, UserId};
use crate::platform::Platform;
use crate::platform::tx::Tx;

/// Ends the term of somebody's files, and of these; invoices stay. Gives those whose rows are still there.
pub async fn expire(db: &mut PgConnection, user: Option<UserId>, also: &[FileId]) -> Result<Vec<FileId>> {
    let also: Vec<_> = also.iter().map(|file| file.0).collect();
    let ended = sqlx::query_scalar!(
        r#"update files set expires_at = least(expires_at, now()) where kind <> 'invoice' and (user_id = $1 or id = any($2))
           returning id as "id: FileId""#,
        user.map(|user| user.0),
        &also
    );
    Ok(ended.fetch_all(db).await?)
}

/// Deletes these rows and the bytes that no other row names. May be done again.
pub async fn destroy(platform: &Platform, files: &[FileId]) -> Result<()> {
    for file in files {
        let mut tx = Tx::begin(platform).await?;
        let sha256 = sqlx::query_scalar!("select sha256 from files where id = $1", file.0);
        let Some(sha256) = sha256.fetch_optional(&mut *tx).await? else { continue };
        // Whoever stores the same bytes shares this lock until their row is there.
        sqlx::query!("select pg_advisory_xact_lock($1)", lock(&sha256)).execute(&mut *tx).await?;
        sqlx::query!("delete from files where id = $1", file.0).execute(&mut *tx).await?;
        let named = sqlx::query_scalar!(r#"select exists (select from files where sha256 = $1) as "named!""#, sha256);
        if !named.fetch_one(&mut *tx).await? {
            platform.files.delete(&sha256).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
