//! What the house tells its people. Owns `notifications`, `notification_marks`.
//!
//! A row is the notification; `notification.dispatch` turns it into mails as audience and preferences say, its readers
//! find it in their [`inbox`], and those who are connected follow it by a [`Trail`].

mod inbox;
mod trail;

pub use inbox::{Notification, NotificationFilter, Reader, delete, forget, hush, list, purge, read, read_all, unread};
pub use trail::{PAGE, Trail};

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{NotificationId, UserId};
use crate::platform::jobs::kinds::DispatchNotification;
use crate::platform::jobs::{Lane, NewJob, enqueue_new};
use crate::platform::realtime::Topic;
use crate::platform::tx::{Signal, Tx};

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
    /// The mail it becomes; none: `admin-<kind>` or `user-<kind>` where there is such a mail.
    pub template: Option<&'a str>,
    /// What the mail needs besides title, message, action_url, priority and created_at.
    pub vars: Value,
    /// False when a mail of its own goes out for the same event.
    pub by_email: bool,
    /// A second notification with this key is not written: this throttles alarms.
    pub dedupe_key: Option<String>,
}

impl Default for NewNotification<'_> {
    /// To the administrators, by mail, of no urgency.
    fn default() -> Self {
        Self {
            user: None,
            kind: "info",
            title: "",
            message: "",
            action_url: None,
            priority: "normal",
            subject: None,
            template: None,
            vars: Value::Object(serde_json::Map::new()),
            by_email: true,
            dedupe_key: None,
        }
    }
}

/// Writes a notification and the job that dispatches it; who is connected hears of it after the commit. None: one with
/// this key exists already.
pub async fn notify(tx: &mut Tx, n: NewNotification<'_>) -> Result<Option<NotificationId>> {
    let id = NotificationId::new();
    let written = sqlx::query!(
        "insert into notifications (id, user_id, audience, type, title, message, action_url, priority, subject_type,
                                    subject_id, template, vars, dedupe_key, by_email)
         values ($1, $2, case when $2::uuid is null then 'admin' else 'user' end, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
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
        n.dedupe_key,
        n.by_email
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(None);
    }
    tx.after_commit(Signal::Live(n.user.map_or(Topic::Admins, Topic::User)));
    let dispatch = NewJob::of(&DispatchNotification { notification: id })?;
    // An alarm about a late lane must not wait in it.
    enqueue_new(tx, if n.priority == "urgent" { dispatch.lane(Lane::EmailHigh) } else { dispatch }).await?;
    Ok(Some(id))
}

/// A notification on its way to a mailbox.
pub struct Outbound {
    /// To whom; none: the administrators.
    pub user: Option<UserId>,
    /// info, success, warning …
    pub kind: String,
    /// low, normal, high, urgent.
    pub priority: String,
    /// The mail it becomes; none: the one of its audience and kind.
    pub template: Option<String>,
    /// Everything the mail needs.
    pub vars: Value,
    /// False when another mail goes out for the same event.
    pub by_email: bool,
}

/// One notification, with the common variables of its mail filled in. Whoever hushes it waits for the mails of it that are
/// being written, and finds them.
pub async fn outbound(db: &mut PgConnection, id: NotificationId) -> Result<Outbound> {
    sqlx::query_as!(
        Outbound,
        r#"select user_id as "user: UserId", type as kind, priority, template, by_email,
                  jsonb_build_object('title', title, 'message', message, 'action_url', action_url, 'priority', priority,
                                     'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) || vars as "vars!"
           from notifications where id = $1 and deleted_at is null for share"#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound("notification"))
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
            template: Some("ops-dead-job"),
            vars: serde_json::json!({
                "kind": kind, "queue": lane, "first_job_id": job, "last_error": error, "attempts": attempts,
                "dashboard_url": url, "count": 1,
            }),
            by_email: true,
            dedupe_key: Some(format!("job-dead:{kind}:{hour}")),
        },
    )
    .await?;
    Ok(())
}
