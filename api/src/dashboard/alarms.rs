//! Alarms: what is raised, what was within the last 30 days, by which bounds, who is told; and a test of the telling.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shared::platform::jobs::alarms::{self, Alarm, Rule};
use shared::platform::mail::catalogue;

use crate::acts::mails::{self, Wanted};
use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::look;
use crate::dashboard::marks::Mark;
use crate::dashboard::note::What;
use crate::dashboard::pulse;
use crate::dashboard::words::{key, say, word};
use crate::error::Answer;

#[derive(Serialize)]
struct Row {
    mark: Mark,
    rule: &'static str,
    text: String,
    href: String,
    raised_at: DateTime<Utc>,
    cleared_at: Option<DateTime<Utc>>,
}

impl Row {
    fn of(alarm: &Alarm) -> Self {
        let mark = match alarm.cleared_at {
            None => Mark::feminine("dead", "alert", "Raised"),
            Some(_) => Mark::feminine("resolved", "calm", "Over"),
        };
        let rule = match alarm.rule {
            Rule::NoWorker => key("No worker"),
            Rule::OldestAge => key("Oldest job"),
            Rule::FailureRate => key("Failure rate"),
            Rule::DeadCount => key("Dead jobs"),
            Rule::Regression => key("Regression"),
        };
        let (href, text) = (alarm.page(), pulse::told(alarm));
        Self { mark, rule: word(rule), text, href, raised_at: alarm.raised_at, cleared_at: alarm.cleared_at }
    }
}

/// `GET /admin/alarms`
pub async fn list(desk: Desk) -> Answer {
    let alarms = alarms::list(&mut *desk.db().await?).await?;
    let raised = alarms.iter().filter(|alarm| alarm.cleared_at.is_none()).count();
    let bounds = &desk.app.platform.config.alarms;
    let sentence = match raised {
        0 => say!("Nothing is raised."),
        1 => say!("1 alarm is raised."),
        n => say!("{n} alarms are raised.", n = n),
    };
    let page = json!({
        "sentence": sentence,
        "rows": alarms.iter().map(Row::of).collect::<Vec<_>>(),
        "oldest_ms": bounds.oldest.as_millis() as u64,
        "failures": bounds.failure_percent,
        "dead": bounds.dead,
        "webhook": bounds.webhook.is_some(),
        "may_act": desk.may_act(),
    });
    desk.page("alarms", Place::Alarms, "Alarms", &page).await
}

/// `POST /admin/alarms/test`: a mail to whoever asks, and a line to the webhook.
pub async fn test(desk: Desk) -> Answer {
    let mut tx = desk.begin().await?;
    let wanted = Wanted { template: catalogue::QUEUE_ALARM.name, locale: look::now().locale, email: None };
    mails::test(&mut tx, wanted, desk.me.user).await?;
    tx.commit().await?;
    let text = say!("This is a test: {name} asked for it.", name = desk.me.name);
    let done = match alarms::try_webhook(&desk.app.platform, &text).await {
        None => What::AlarmMailed,
        Some(true) => What::AlarmTested,
        Some(false) => What::AlarmUntold,
    };
    desk.go("/admin/alarms", done).await
}
