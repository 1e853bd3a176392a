//! What jobs say of somebody who wants to be forgotten: payloads of what is over, errors, logs, answers.
//!
//! What still has to be done stays to be done: payloads hold ids.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::ids::JobId;
use crate::platform::jobs::alarms;
use crate::platform::person::Person;

/// So many jobs are read at a time.
const PAGE: i64 = 5000;

/// Empties the jobs of somebody, those about what is theirs, and those that name them; `own` is the one that does it.
/// Where the next page begins; none: all were read.
pub async fn forget(db: &mut PgConnection, who: &Person, own: JobId, after: Option<Uuid>) -> Result<Option<Uuid>> {
    if after.is_none() {
        around(db, who).await?;
    }
    let read = sqlx::query!(
        r#"with page as materialized (
               select id from jobs where $1::uuid is null or id > $1 order by id limit $2
           ), theirs as materialized (
               select j.id from jobs j join page using (id)
               where id <> $3 and (owner_id = $4 or subject_id = any($5) or exists (
                   select from unnest($6::text[]) w
                   where position(lower(w) in lower(concat_ws(' ', payload::text, key_argument, progress::text, result::text,
                                                              last_error, log))) > 0
                      or exists (select from job_attempts a where a.job_id = j.id
                                 and position(lower(w) in lower(concat_ws(' ', a.error, a.log))) > 0)
                      or exists (select from job_effects e where e.job_id = j.id and position(lower(w) in lower(e.reply)) > 0)))
           ), edits as (
               delete from job_edits d using page where d.job_id = page.id and (d.job_id in (select id from theirs) or exists (
                   select from unnest($6::text[]) w where position(lower(w) in lower(concat(before, after))) > 0))
           ), items as (
               update bulk_items set was = null, why = null where job_id in (select id from theirs)
           ), attempts as (
               update job_attempts set error = null, log = null where job_id in (select id from theirs)
           ), effects as (
               update job_effects set reply = '' where done_at is not null and job_id in (select id from theirs)
           ), emptied as (
               update jobs set last_error = null, log = null, result = null, progress = null, traceparent = null,
                      payload = case when state in ('succeeded', 'dead', 'cancelled') then '{}' else payload end
               where id in (select id from theirs)
           )
           select count(*) as "read!", (select id from page order by id desc limit 1) as last from page"#,
        after,
        PAGE,
        own.0,
        who.user.map(|user| user.0),
        &who.subjects,
        &who.words
    );
    let read = read.fetch_one(db).await?;
    Ok(read.last.filter(|_| read.read == PAGE))
}

/// Groups of failures, alarms, and what somebody kept of a search: selections, bulk operations, views.
async fn around(db: &mut PgConnection, who: &Person) -> Result<()> {
    sqlx::query!(
        "with groups as (
             update error_groups g set message = '…', note = null
             from unnest($1::text[]) w where position(lower(w) in lower(concat_ws(' ', message, note))) > 0
         ), operations as (
             update bulk_operations set filter = '…', reason = null, params = '{}'
             from unnest($1::text[]) w where position(lower(w) in lower(concat_ws(' ', filter, reason, params))) > 0
         ), views as (
             delete from saved_views v where owner_id = $2
                or exists (select from unnest($1::text[]) w where position(lower(w) in lower(concat_ws(' ', v.name, v.query))) > 0)
         )
         delete from job_selections
         where exists (select from unnest($1::text[]) w where position(lower(w) in lower(filter::text)) > 0)",
        &who.words,
        who.user.map(|user| user.0)
    )
    .execute(&mut *db)
    .await?;
    alarms::forget(db, &who.words).await
}
