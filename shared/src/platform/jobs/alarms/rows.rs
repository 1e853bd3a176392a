//! The rows of alarms: noted, raised, told, cleared, forgotten.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;

use super::rules::{Finding, Rule};
use crate::kernel::Result;
use crate::kernel::text;
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::{Signal, Tx};

/// A second look within this many seconds is the first one, by somebody else.
const TOO_SOON: f64 = 8.0;
/// A second look after this many seconds is a first one.
const TOO_LATE: f64 = 30.0;
/// Alarms in a list.
const LISTED: i64 = 200;

/// An alarm, open or past.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Alarm {
    /// Which rule.
    pub rule: Rule,
    /// A lane, a kind, the fingerprint of an error, or `all`.
    pub subject: String,
    /// A sentence.
    pub message: String,
    /// What was measured: seconds, percent, jobs.
    pub value: Option<f64>,
    /// When it was raised and told.
    pub raised_at: DateTime<Utc>,
    /// When its rule last held.
    pub seen_at: DateTime<Utc>,
    /// When it was over; none: it is not.
    pub cleared_at: Option<DateTime<Utc>>,
}

impl Alarm {
    /// The page of the dashboard that shows what it is about.
    pub fn page(&self) -> String {
        let subject = &self.subject;
        match self.rule {
            Rule::NoWorker => "/admin/workers".into(),
            Rule::OldestAge => format!("/admin/jobs?state=queued&lane={subject}&sort=-age"),
            Rule::FailureRate => format!("/admin/errors?kind={subject}"),
            Rule::DeadCount => format!("/admin/jobs?state=dead&kind={subject}"),
            Rule::Regression => format!("/admin/errors/{subject}"),
        }
    }
}

/// Alarms, open ones first, then the newest. A first look is none yet: its row was closed in the moment it was made.
pub async fn list(db: &mut PgConnection) -> Result<Vec<Alarm>> {
    let alarms = sqlx::query_as!(
        Alarm,
        r#"select rule as "rule: Rule", subject, message, value, raised_at, seen_at, cleared_at from alarms
           where raised_at is distinct from cleared_at
           order by cleared_at is not null, raised_at desc, rule, subject limit $1"#,
        LISTED
    )
    .fetch_all(db)
    .await?;
    Ok(alarms)
}

/// What is wrong now.
pub async fn open(db: &mut PgConnection) -> Result<Vec<Alarm>> {
    let mut alarms = list(db).await?;
    alarms.retain(|alarm| alarm.cleared_at.is_none());
    Ok(alarms)
}

/// Notes what holds, raises what held at the look before too, and tells it. Returns what was told.
pub(super) async fn raise(tx: &mut Tx, findings: &[Finding]) -> Result<Vec<Alarm>> {
    let mut told = Vec::new();
    for finding in findings {
        let known = sqlx::query!(
            r#"select cleared_at is null as "open!", extract(epoch from now() - seen_at)::float8 as "seconds!"
               from alarms where rule = $1 and subject = $2"#,
            finding.rule.name(),
            finding.subject
        )
        .fetch_optional(&mut **tx)
        .await?;
        let raises = match known {
            Some(row) if !row.open && row.seconds < TOO_SOON => continue,
            Some(row) => !row.open && row.seconds < TOO_LATE,
            None => false,
        };
        if let Some(alarm) = write(tx, finding, raises).await? {
            tell(tx, &alarm).await?;
            told.push(alarm);
        }
    }
    Ok(told)
}

/// Writes that the rule holds; `raises` opens the alarm. Returns it when it is to be told: not twice within an hour.
async fn write(tx: &mut Tx, finding: &Finding, raises: bool) -> Result<Option<Alarm>> {
    let alarm = sqlx::query_as!(
        Alarm,
        r#"
        insert into alarms as a (rule, subject, message, value, cleared_at)
        values ($1, $2, $3, $4, case when $5 then null else now() end)
        on conflict (rule, subject) do update set
            message = $3, value = $4, seen_at = now(),
            cleared_at = case when $5 then null else a.cleared_at end,
            raised_at = case when $5 and a.cleared_at is not null
                               and (a.raised_at = a.cleared_at or a.raised_at < now() - interval '1 hour')
                             then now() else a.raised_at end
        returning rule as "rule: Rule", subject, message, value, raised_at, seen_at, cleared_at
        "#,
        finding.rule.name(),
        finding.subject,
        finding.message,
        finding.value,
        raises
    )
    .fetch_one(&mut **tx)
    .await?;
    // All times of a transaction are the same: raised now, and not a moment ago.
    Ok(Some(alarm).filter(|alarm| raises && alarm.raised_at == alarm.seen_at))
}

/// Ends what has not held for a while, and forgets what is long over. A regression is over when somebody has dealt with
/// its group.
pub(super) async fn clear(tx: &mut Tx) -> Result<()> {
    sqlx::query!(
        "update alarms a set cleared_at = now()
         where cleared_at is null and seen_at < now() - make_interval(secs => $1)
           and not (rule = 'regression'
                    and exists (select from error_groups g where g.fingerprint = a.subject and g.state = 'regressed'))",
        TOO_LATE
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "delete from alarms where cleared_at < now() - interval '30 days'
            or (raised_at = cleared_at and seen_at < now() - interval '1 hour')"
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An error group that was resolved has come back: raised and told at once, in the settlement's own transaction.
pub async fn regressed(tx: &mut Tx, fingerprint: &str, kind: &str, message: &str) -> Result<()> {
    let message = format!("An error that was resolved is back: {kind}: {}", text::cut(message, 300));
    let finding = Finding { rule: Rule::Regression, subject: fingerprint.to_owned(), message, value: None };
    if let Some(alarm) = write(tx, &finding, true).await? {
        tell(tx, &alarm).await?;
    }
    Ok(())
}

/// To the log, by mail to the administrators, and after the commit to the webhook.
async fn tell(tx: &mut Tx, alarm: &Alarm) -> Result<()> {
    tx.after_commit(Signal::Alarm(alarm.clone()));
    let (rule, subject) = (alarm.rule.name(), &*alarm.subject);
    // The mail needs a worker; this line does not.
    if alarm.rule == Rule::NoWorker {
        tracing::error!(rule, subject, "{}", alarm.message);
    } else {
        tracing::warn!(rule, subject, "{}", alarm.message);
    }
    let url = format!("{}{}", tx.platform().config.http.public_url, alarm.page());
    let new = NewNotification {
        user: None,
        kind: "error",
        title: &format!("Alarm: {subject}"),
        message: &alarm.message,
        action_url: Some(url.clone()),
        priority: "urgent",
        subject: None,
        template: Some("ops-queue-alarm"),
        vars: json!({ "rule": rule, "target": subject, "value": alarm.value.map(f64::round), "dashboard_url": url }),
        by_email: true,
        dedupe_key: Some(format!("alarm:{rule}:{subject}:{}", alarm.raised_at.to_rfc3339())),
    };
    notifications::notify(tx, new).await?;
    Ok(())
}

/// Forgets what alarms say where it is one of these words.
pub async fn forget(db: &mut PgConnection, words: &[String]) -> Result<()> {
    sqlx::query!(
        "update alarms a set message = '…' from unnest($1::text[]) w where position(lower(w) in lower(message)) > 0",
        words
    )
    .execute(db)
    .await?;
    Ok(())
}
