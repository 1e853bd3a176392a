//! An account without its person: the row stays for what refers to it, nothing in it says whose it was.

use sqlx::PgConnection;

use crate::kernel::Result;
use crate::kernel::ids::UserId;

/// Empties an account: no way to sign in, no name, no right, no session, no preference.
pub async fn forget(db: &mut PgConnection, user: UserId) -> Result<()> {
    let id = user.0;
    sqlx::query!("delete from sessions where user_id = $1", id).execute(&mut *db).await?; // and its refresh tokens
    sqlx::query!("delete from account_tokens where user_id = $1", id).execute(&mut *db).await?;
    sqlx::query!("delete from user_preferences where user_id = $1", id).execute(&mut *db).await?;
    sqlx::query!("delete from group_members where user_id = $1", id).execute(&mut *db).await?;
    sqlx::query!("delete from permission_grants where user_id = $1", id).execute(&mut *db).await?;
    sqlx::query!(
        "update users set email = null, username = null, password_hash = null, first_name = '', last_name = '',
                role = 'user', status = 'anonymised', locale = 'fr', phone = null, avatar_file_id = null,
                employee_number = null, department = null, job_title = null, totp_secret_enc = null, failed_logins = 0,
                last_failure_at = null, locked_until = null, last_seen_at = null, updated_at = now()
         where id = $1",
        id
    )
    .execute(db)
    .await?;
    Ok(())
}
