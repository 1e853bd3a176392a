//! Reading mails and writing what became of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::forget::{fade, fleeting};
use super::{catalogue, job};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, FileId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::text;
use crate::platform::jobs::enqueue_all;
use crate::platform::tx::Tx;

/// Which mails. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmailFilter {
    /// One of the statuses.
    pub status: Option<String>,
    /// The template's name.
    pub template: Option<String>,
    /// Part of the address.
    pub address: Option<String>,
    /// What it is about: the id.
    pub subject: Option<Uuid>,
}

/// A mail in a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct EmailRow {
    /// Its id.
    pub id: EmailId,
    /// Its template.
    pub template: String,
    /// `fr` or `en`.
    pub locale: String,
    /// security, transactional, notification or broadcast.
    pub mail_class: String,
    /// To whom.
    pub to_address: String,
    /// The name beside it.
    pub to_name: Option<String>,
    /// As sent; none before.
    pub subject: Option<String>,
    /// queued, held, sending, sent, bounced, complained, failed, suppressed, expired, uncertain.
    pub status: String,
    /// What the relay said last.
    pub smtp_reply: Option<String>,
    /// Queued.
    pub created_at: DateTime<Utc>,
    /// Accepted by the relay.
    pub sent_at: Option<DateTime<Utc>>,
}

/// One mail.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct EmailView {
    /// The row as in lists.
    #[serde(flatten)]
    pub row: EmailRow,
    /// The sender.
    pub from_address: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What the template gets; no secret is among it.
    pub vars: serde_json::Value,
    /// Constant over all attempts.
    pub message_id: Option<String>,
    /// After it the mail ends as expired.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Past it already, by the database's clock.
    pub expired: bool,
    /// The account.
    pub user_id: Option<UserId>,
    /// What it is about.
    pub subject_type: Option<String>,
    /// Which one.
    pub subject_id: Option<Uuid>,
    /// What is attached, in this order.
    pub attachments: Vec<FileId>,
    /// The whole message in bytes as the relay took it; none before.
    pub message_bytes: Option<i64>,
    /// The job that sends it.
    pub job_id: Option<Uuid>,
    /// The mail that this one repeats.
    pub again_of: Option<EmailId>,
    /// How often it was sent again.
    pub repeats: i64,
}

/// Mails that match, newest first.
pub async fn list(db: &mut PgConnection, filter: &EmailFilter, page: PageRequest) -> Result<Page<EmailRow>> {
    let rows = sqlx::query_as!(
        EmailRow,
        r#"
        select id as "id: EmailId", template, locale, mail_class, to_address::text as "to_address!", to_name, subject,
               status, smtp_reply, created_at, sent_at
        from emails
        where ($1::text is null or status = $1) and ($2::text is null or template = $2)
          and ($3::text is null or to_address::text ilike $3) and ($4::uuid is null or id < $4)
          and ($6::uuid is null or subject_id = $6)
        order by id desc limit $5
        "#,
        filter.status.as_deref().filter(|s| !s.is_empty()),
        filter.template.as_deref().filter(|s| !s.is_empty()),
        filter.address.as_deref().filter(|s| !s.is_empty()).map(text::like),
        page.after,
        page.limit + 1,
        filter.subject
    )
    .fetch_all(db)
    .await?;
    Ok(Page::cut(rows, page, |row| row.id.0))
}

/// One mail.
pub async fn get(db: &mut PgConnection, id: EmailId) -> Result<EmailView> {
    let r = sqlx::query!(
        r#"
        select template, locale, mail_class, to_address::text as "to_address!", to_name, subject, status, smtp_reply,
               created_at, sent_at, from_address, reply_to, vars, message_id, deadline_at,
               coalesce(deadline_at < now(), false) as "expired!", user_id as "user_id: UserId", subject_type, subject_id,
               attachments as "attachments: Json<Vec<FileId>>", message_bytes,
               (select j.id from jobs j where j.subject_id = emails.id and j.kind = 'email.send' order by j.id desc limit 1) as job_id,
               again_of as "again_of: EmailId", (select count(*) from emails later where later.again_of = emails.id) as "repeats!"
        from emails where id = $1
        "#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("email"))?;
    Ok(EmailView {
        row: EmailRow {
            id,
            template: r.template,
            locale: r.locale,
            mail_class: r.mail_class,
            to_address: r.to_address,
            to_name: r.to_name,
            subject: r.subject,
            status: r.status,
            smtp_reply: r.smtp_reply,
            created_at: r.created_at,
            sent_at: r.sent_at,
        },
        from_address: r.from_address,
        reply_to: r.reply_to,
        vars: r.vars,
        message_id: r.message_id,
        deadline_at: r.deadline_at,
        expired: r.expired,
        user_id: r.user_id,
        subject_type: r.subject_type,
        subject_id: r.subject_id,
        attachments: r.attachments.0,
        message_bytes: r.message_bytes,
        job_id: r.job_id,
        again_of: r.again_of,
        repeats: r.repeats,
    })
}

/// Changes what the template gets, of a mail that was not sent. 409 `sent` for one that has reached its end.
pub async fn set_vars(db: &mut PgConnection, id: EmailId, vars: &serde_json::Value) -> Result<()> {
    let done = sqlx::query!(
        "update emails set vars = $2 where id = $1 and status in ('queued', 'held', 'failed', 'uncertain')",
        id.0,
        vars
    );
    match done.execute(db).await?.rows_affected() {
        0 => Err(Error::conflict("sent", "this mail is being sent, or has reached its end")),
        _ => Ok(()),
    }
}

/// The mail is being handed to the relay. False: it has reached an end already and must not be sent.
pub async fn start(db: &mut PgConnection, id: EmailId) -> Result<bool> {
    let done = sqlx::query!(
        "update emails set status = 'sending' where id = $1 and status in ('queued', 'sending', 'failed', 'held', 'uncertain')",
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What became of a mail, with the relay's words. `sent` is never overwritten.
pub async fn finish(
    db: &mut PgConnection,
    id: EmailId,
    status: &str,
    subject: Option<&str>,
    reply: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "update emails set status = $2, subject = coalesce($3, subject), smtp_reply = coalesce($4, smtp_reply),
                sent_at = case when $2 = 'sent' then now() else sent_at end
         where id = $1 and status <> 'sent'",
        id.0,
        status,
        subject,
        reply
    )
    .execute(&mut *db)
    .await?;
    fade(db, &[id]).await
}

/// The relay took the mail: with this subject, so many bytes, these words of its.
pub async fn sent(db: &mut PgConnection, id: EmailId, subject: &str, bytes: usize, reply: &str) -> Result<()> {
    sqlx::query!(
        "update emails set status = 'sent', sent_at = now(), subject = $2, message_bytes = $3, smtp_reply = $4
         where id = $1 and status <> 'sent'",
        id.0,
        subject,
        bytes as i64,
        reply
    )
    .execute(&mut *db)
    .await?;
    fade(db, &[id]).await
}

/// Mails held while sending was switched off get their jobs, a bounded number at a time. Returns how many.
pub async fn release_held(tx: &mut Tx) -> Result<usize> {
    let rows = sqlx::query!(
        r#"update emails set status = 'queued'
           where id = any(array(select id from emails where status = 'held' order by id limit 1000 for update skip locked))
           returning id as "id: EmailId", template, to_address::text as "to!", user_id as "user: UserId""#
    )
    .fetch_all(&mut **tx)
    .await?;
    let config = tx.platform().config.clone();
    let mut jobs = Vec::with_capacity(rows.len());
    for row in &rows {
        let template = catalogue::find(&row.template)
            .ok_or_else(|| Error::internal(format_args!("held mail {}: no template {}", row.id, row.template)))?;
        jobs.push(job(&config, row.id, template, &row.to, row.user)?);
    }
    enqueue_all(tx, jobs).await?;
    Ok(rows.len())
}

/// Deletes mails 90 days after they were queued, a bounded number at a time; those still to be sent stay.
pub async fn purge(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from emails where id = any(array(
             select id from emails where created_at < now() - interval '90 days'
               and status not in ('queued', 'held', 'sending') order by created_at limit 2000))"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Mails whose job was cancelled or discarded: nobody will send them, so they say so. A retried job still may. One to
/// somebody who is forgotten is not held for longer than the month that the law leaves.
pub async fn abandon(db: &mut PgConnection) -> Result<u64> {
    let left = sqlx::query_scalar!(
        r#"update emails set status = 'failed', smtp_reply = coalesce(smtp_reply, 'its job was cancelled')
           where id = any(array(
               select e.id from emails e
               where e.status in ('queued', 'sending') and e.created_at < now() - interval '1 hour'
                 and not exists (select from jobs j where j.subject_id = e.id and j.kind = 'email.send'
                                 and j.state in ('scheduled', 'queued', 'running', 'retrying'))
                 or e.status = 'held' and e.template = any($1) and e.created_at < now() - interval '30 days'
               order by e.id limit 2000))
           returning id as "id: EmailId""#,
        &fleeting()
    );
    let left = left.fetch_all(&mut *db).await?;
    fade(db, &left).await?;
    Ok(left.len() as u64)
}
