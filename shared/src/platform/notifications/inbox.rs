//! Notifications as their readers see them: what is theirs and, for an administrator, what is for all administrators.
//!
//! Each administrator reads and deletes for themselves (`notification_marks`); the row stays for the others.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{NotificationId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::platform::person::Person;
use crate::platform::realtime::Topic;
use crate::platform::tx::{Signal, Tx};

/// Who reads. There is no way to ask without saying who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Their own notifications.
    pub user: UserId,
    /// And those for the administrators.
    pub admin: bool,
}

/// A notification.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Notification {
    /// Its id. One that is made later is greater.
    pub id: NotificationId,
    /// user: the reader alone; admin: all administrators.
    pub audience: String,
    /// info, success, warning, error, message, order, payment, consultation, system.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line, plain text.
    pub title: String,
    /// A few, plain text.
    pub message: String,
    /// Where it leads.
    pub action_url: Option<String>,
    /// low, normal, high, urgent.
    pub priority: String,
    /// What it is about: order, request, job …
    pub subject_type: Option<String>,
    /// Which one.
    pub subject_id: Option<Uuid>,
    /// When this reader read it.
    pub read_at: Option<DateTime<Utc>>,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
}

/// Which notifications. Everything is optional and narrows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationFilter {
    /// `true`: those not read yet; `false`: those that are.
    pub unread: Option<bool>,
}

/// The rows a reader sees ($1 who, $2 whether an administrator), as a [`Notification`], and what narrows and orders them.
macro_rules! seen {
    ($tail:tt, $reader:expr $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::platform::notifications::Notification,
            r#"select n.id as "id: NotificationId", n.audience, n.type as kind, n.title, n.message, n.action_url, n.priority,
                      n.subject_type, n.subject_id, coalesce(n.read_at, m.read_at) as read_at, n.created_at
               from notifications n left join notification_marks m on m.notification_id = n.id and m.user_id = $1
               where (n.user_id = $1 or ($2 and n.user_id is null)) and n.deleted_at is null and m.deleted_at is null "# + $tail,
            $reader.user.0,
            $reader.admin,
            $($argument),*
        )
    };
}
pub(super) use seen;

/// What somebody sees, newest first.
pub async fn list(
    db: &mut PgConnection,
    reader: Reader,
    filter: &NotificationFilter,
    page: PageRequest,
) -> Result<Page<Notification>> {
    let rows = seen!(
        "and ($3::boolean is null or $3 = (coalesce(n.read_at, m.read_at) is null)) and ($4::uuid is null or n.id < $4)
         order by n.id desc limit $5",
        reader,
        filter.unread,
        page.after,
        page.limit + 1
    );
    Ok(Page::cut(rows.fetch_all(db).await?, page, |row| row.id.0))
}

/// How many somebody has not read.
pub async fn unread(db: &mut PgConnection, reader: Reader) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select (select count(*) from notifications where user_id = $1 and read_at is null and deleted_at is null)
                + (select count(*) from notifications n
                   where $2 and n.user_id is null and n.deleted_at is null and not exists (
                       select from notification_marks m where m.notification_id = n.id and m.user_id = $1)) as "count!""#,
        reader.user.0,
        reader.admin
    );
    Ok(count.fetch_one(db).await?)
}

/// Marks one as read; once is as good as twice. 404 when it is not theirs, or deleted.
pub async fn read(tx: &mut Tx, reader: Reader, id: NotificationId) -> Result<()> {
    let done = sqlx::query_scalar!(
        "with own as (
             update notifications set read_at = coalesce(read_at, now())
             where id = $1 and user_id = $2 and deleted_at is null returning id),
         shared as (
             insert into notification_marks (notification_id, user_id)
             select id, $2 from notifications where $3 and id = $1 and user_id is null and deleted_at is null
             on conflict (notification_id, user_id) do update set read_at = notification_marks.read_at
             where notification_marks.deleted_at is null returning notification_id)
         select id from own union all select notification_id from shared",
        id.0,
        reader.user.0,
        reader.admin
    );
    done.fetch_optional(&mut **tx).await?.ok_or(Error::NotFound("notification"))?;
    tell(tx, reader);
    Ok(())
}

/// Marks as read whatever somebody had not read; what arrives meanwhile stays unread. Returns how many: of two at once,
/// each counts what it marked itself.
pub async fn read_all(tx: &mut Tx, reader: Reader) -> Result<i64> {
    // In the order of ids, so that two at once wait for each other and never in a circle.
    let updated = sqlx::query_scalar!(
        r#"with own as (
               update notifications set read_at = now() where id in (
                   select id from notifications where user_id = $1 and read_at is null and deleted_at is null
                   order by id for update) returning id),
           shared as (
               insert into notification_marks (notification_id, user_id)
               select n.id, $1 from notifications n
               where $2 and n.user_id is null and n.deleted_at is null and not exists (
                   select from notification_marks m where m.notification_id = n.id and m.user_id = $1)
               order by n.id
               on conflict (notification_id, user_id) do nothing returning notification_id)
           select (select count(*) from own) + (select count(*) from shared) as "count!""#,
        reader.user.0,
        reader.admin
    )
    .fetch_one(&mut **tx)
    .await?;
    if updated > 0 {
        tell(tx, reader);
    }
    Ok(updated)
}

/// Takes one out of somebody's sight. 404 when it is not theirs, or gone already.
pub async fn delete(tx: &mut Tx, reader: Reader, id: NotificationId) -> Result<()> {
    let done = sqlx::query_scalar!(
        "with own as (
             update notifications set deleted_at = now()
             where id = $1 and user_id = $2 and deleted_at is null returning id),
         shared as (
             insert into notification_marks (notification_id, user_id, deleted_at)
             select id, $2, now() from notifications where $3 and id = $1 and user_id is null and deleted_at is null
             on conflict (notification_id, user_id) do update set deleted_at = now()
             where notification_marks.deleted_at is null returning notification_id)
         select id from own union all select notification_id from shared",
        id.0,
        reader.user.0,
        reader.admin
    );
    done.fetch_optional(&mut **tx).await?.ok_or(Error::NotFound("notification"))?;
    tell(tx, reader);
    Ok(())
}

/// Other windows of the same person count anew.
fn tell(tx: &mut Tx, reader: Reader) {
    tx.after_commit(Signal::Live(Topic::User(reader.user)));
}

/// Forgets notifications 90 days after they were read or deleted (those for all administrators: after the first of them
/// did), and after a year whatever became of them. A bounded number at a time; returns how many.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from notifications where id in (
             (select id from notifications where coalesce(deleted_at, read_at) < now() - interval '90 days' limit 1000)
             union all
             (select notification_id from notification_marks where read_at < now() - interval '90 days' limit 1000)
             union all
             (select id from notifications where created_at < now() - interval '1 year' limit 1000))"
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// What was told somebody, and what was told others about what is theirs or with an address of theirs. From now on none
/// of it becomes a mail, and nobody sees it.
pub async fn hush(db: &mut PgConnection, who: &Person) -> Result<Vec<Uuid>> {
    let hushed = sqlx::query_scalar!(
        "update notifications set deleted_at = coalesce(deleted_at, now())
         where user_id = $1 or subject_id = any($2) or exists (
             select from unnest($3::text[]) w where position(lower(w) in lower(concat_ws(' ', title, message, vars::text))) > 0)
         returning id",
        who.user.map(|user| user.0),
        &who.subjects,
        &who.addresses
    );
    Ok(hushed.fetch_all(db).await?)
}

/// Deletes these, and what somebody has marked.
pub async fn forget(db: &mut PgConnection, who: &Person, hushed: &[Uuid]) -> Result<()> {
    sqlx::query!("delete from notification_marks where user_id = $1", who.user.map(|user| user.0))
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from notifications where id = any($1)", hushed).execute(db).await?;
    Ok(())
}
