//! Mails to and about somebody who wants to be forgotten.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{NOBODY, catalogue};
use crate::kernel::Result;
use crate::kernel::ids::EmailId;
use crate::platform::person::Person;

/// So many mails are read at a time.
const PAGE: i64 = 5000;

/// Deletes the mails to somebody, those about what is theirs, and those that have gone out and say an address of theirs; with the first
/// page, what is known of their mailboxes too. Where the next page begins; none: all were read.
pub async fn forget(db: &mut PgConnection, who: &Person, after: Option<Uuid>) -> Result<Option<Uuid>> {
    if after.is_none() {
        sqlx::query!("delete from email_suppressions where address = any($1::text[]::citext[])", &who.addresses)
            .execute(&mut *db)
            .await?;
    }
    let read = sqlx::query!(
        r#"with page as materialized (
               select id from emails where $1::uuid is null or id > $1 order by id limit $2
           ), gone as (
               delete from emails e using page where e.id = page.id and (
                   user_id = $3 or to_address = any($4::text[]::citext[]) or subject_id = any($5)
                   or (status not in ('queued', 'held', 'sending') and exists (
                       select from unnest($6::text[]) w
                       where position(lower(w) in lower(concat_ws(' ', vars::text, subject, to_name, reply_to, smtp_reply))) > 0)))
           ), guests as (
               update emails e set vars = vars - 'invited_by' from page
               where e.id = page.id and vars ->> 'invited_by' = any($7)
           )
           select count(*) as "read!", (select id from page order by id desc limit 1) as last from page"#,
        after,
        PAGE,
        who.user.map(|user| user.0),
        &who.addresses,
        &who.subjects,
        &who.addresses,
        &who.words
    );
    let read = read.fetch_one(db).await?;
    Ok(read.last.filter(|_| read.read == PAGE))
}

/// The mails that are to be forgotten at their end.
pub(super) fn fleeting() -> Vec<String> {
    catalogue::ALL.iter().filter(|one| one.fleeting).map(|one| one.name.to_owned()).collect()
}

/// These mails have come to their end; those that are to be forgotten then are.
pub(super) async fn fade(db: &mut PgConnection, ids: &[EmailId]) -> Result<()> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "update emails set to_address = $3::text::citext, to_name = null, vars = '{}', subject = null, smtp_reply = null
         where id = any($1) and template = any($2) and status not in ('queued', 'held', 'sending')",
        &ids,
        &fleeting(),
        NOBODY
    )
    .execute(db)
    .await?;
    Ok(())
}
