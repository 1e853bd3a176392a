//! What the house tells its people. Owns `notifications`.
//!
//! A row is the notification; `notification.dispatch` turns it into mails as audience and preferences say.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{NotificationId, UserId};
use crate::platform::jobs::kinds::DispatchNotification;
use crate::platform::jobs::{Lane, NewJob, enqueue_new};
use crate::platform::tx::Tx;

/// A notification about to be written.
#[derive(Clone, Debug)]
pub struct NewNotification<'a> {
    /// To whom; none: the administrators.
    pub user: Option<UserId>,
    /// info, success, warning, error, message, order, payment, consultation, system.
    pub kind: &'a str,
    /// One line.
    pub title: &'a str,
    /// A few.
    pub message: &'a str,
    /// Where it leads.
    pub action_url: Option<String>,
    /// low, normal, high, urgent.
    pub priority: &'a str,
    /// What it is about.
    pub subject: Option<(&'a str, Uuid)>,
    /// The mail it becomes.
    pub template: &'a str,
    /// What the mail needs besides title, message, action_url, priority and created_at.
    pub vars: Value,
    /// A second notification with this key is not written: this throttles alarms.
    pub dedupe_key: Option<String>,
}

/// Writes a notification and the job that dispatches it. None: one with this key exists already.
pub async fn notify(tx: &mut Tx, n: NewNotification<'_>) -> Result<Option<NotificationId>> {
    let id = NotificationId::new();
    let written = sqlx::query!(
        "insert into notifications (id, user_id, audience, type, title, message, action_url, priority, subject_type,
                                    subject_id, template, vars, dedupe_key)
         values ($1, $2, case when $2::uuid is null then 'admin' else 'user' end, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (dedupe_key) do nothing",
        id.0,
        n.user.map(|u| u.0),
        n.kind,
        n.title,
        n.message,
        n.action_url,
        n.priority,
        n.subject.map(|s| s.0),
        n.subject.map(|s| s.1),
        n.template,
        n.vars,
        n.dedupe_key
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(None);
    }
    let dispatch = NewJob::of(&DispatchNotification { notification: id })?;
    // An alarm about a late lane must not wait in it.
    enqueue_new(tx, if n.priority == "urgent" { dispatch.lane(Lane::EmailHigh) } else { dispatch }).await?;
    Ok(Some(id))
}

/// A notification on its way to a mailbox.
pub struct Notification {
    /// To whom; none: the administrators.
    pub user: Option<UserId>,
    /// The mail it becomes.
    pub template: Option<String>,
    /// Everything the mail needs.
    pub vars: Value,
    /// False when another mail goes out for the same event.
    pub by_email: bool,
}

/// One notification, with the common variables of its mail filled in.
pub async fn get(db: &mut PgConnection, id: NotificationId) -> Result<Notification> {
    let row = sqlx::query!(
        r#"select user_id as "user: UserId", template, by_email,
                  jsonb_build_object('title', title, 'message', message, 'action_url', action_url, 'priority', priority,
                                     'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) || vars as "vars!"
           from notifications where id = $1 and deleted_at is null"#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("notification"))?;
    Ok(Notification { user: row.user, template: row.template, vars: row.vars, by_email: row.by_email })
}

/// Tells the administrators that jobs of a kind die: one notification per kind and hour.
pub async fn dead_jobs(tx: &mut Tx, job: Uuid, kind: &str, lane: &str, attempts: i32, error: &str) -> Result<()> {
    let hour =
        sqlx::query_scalar!(r#"select to_char(now(), 'YYYY-MM-DD"T"HH24') as "hour!""#).fetch_one(&mut **tx).await?;
    let url = format!("{}/admin/jobs?state=dead&kind={kind}", tx.platform().config.http.public_url);
    notify(
        tx,
        NewNotification {
            user: None,
            kind: "error",
            title: &format!("Dead jobs: {kind}"),
            message: error,
            action_url: Some(url.clone()),
            priority: "high",
            subject: Some(("job", job)),
            template: "ops-dead-job",
            vars: serde_json::json!({
                "kind": kind, "queue": lane, "first_job_id": job, "last_error": error, "attempts": attempts,
                "dashboard_url": url, "count": 1,
            }),
            dedupe_key: Some(format!("job-dead:{kind}:{hour}")),
        },
    )
    .await?;
    Ok(())
}
