//! The mails of the house as texts: how each looks with real data, and whether mail programs will like it.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::kernel::Error;
use shared::kernel::ids::EmailId;
use shared::platform::mail::catalogue::{self, Template};
use shared::platform::mail::{self, Check};
use validator::Validate;

use crate::acts::mails::{self, Wanted};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Path, Post, Query, data};
use crate::routes::emails::Sent;
use crate::table::{Access, Table};

/// Everything about them.
pub fn table() -> Table {
    Table::at("/api/v1/admin/email-templates", "emails")
        .get("", Access::Can("jobs.read"), list)
        .says("Every mail of the house")
        .gives::<Vec<TemplateRow>>(200)
        .get("/{name}", Access::Can("jobs.read"), show)
        .says("How a mail looks, with the data of a real one or of its example, and what was looked at in it")
        .queries::<With>()
        .gives::<TemplatePage>(200)
        .post("/{name}/test", Access::Can("jobs.manage"), test)
        .says("Send a mail to my own address")
        .takes::<With>()
        .gives::<Sent>(202)
}

/// A mail's standing orders.
#[derive(Debug, Serialize, JsonSchema)]
struct TemplateRow {
    /// Its name.
    name: &'static str,
    /// security, transactional or notification.
    class: &'static str,
    /// The queue its job waits in.
    queue: &'static str,
    /// Whether it carries a secret link.
    secret: bool,
    /// Seconds after which it is not sent any more.
    deadline_seconds: Option<u64>,
    /// Rather not at all than twice.
    at_most_once: bool,
}

impl From<&Template> for TemplateRow {
    fn from(template: &Template) -> Self {
        Self {
            name: template.name,
            class: template.class.name(),
            queue: template.lane.name(),
            secret: template.link.is_some(),
            deadline_seconds: template.deadline.map(|term| term.as_secs()),
            at_most_once: template.at_most_once,
        }
    }
}

/// With what.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct With {
    /// `fr` (as when absent) or `en`.
    locale: Option<String>,
    /// The mail whose data it gets; those of its example when absent.
    email: Option<EmailId>,
}

/// A mail as its reader would see it.
#[derive(Debug, Serialize, JsonSchema)]
struct TemplatePage {
    /// One line.
    subject: String,
    /// For mail programs without HTML.
    text: String,
    /// For the others.
    html: String,
    /// What was looked at.
    checks: Vec<Check>,
}

async fn list() -> Answer {
    data(&catalogue::ALL.into_iter().map(TemplateRow::from).collect::<Vec<_>>())
}

async fn show(State(app): State<App>, Path(name): Path<String>, Query(with): Query<With>) -> Answer {
    let template = catalogue::find(&name).ok_or(Error::NotFound("template"))?;
    let locale = with.locale.as_deref().unwrap_or("fr");
    let vars = mails::data(&mut *app.db().await?, Wanted { template: &name, locale, email: with.email }).await?;
    let (platform, now) = (&app.platform, app.platform.clock.now());
    let mail = mail::shown(&platform.config, &platform.templates, template, locale, &vars, now)?;
    let checks = mail::checks(&mail, platform.config.frontend_url(), "en");
    data(&TemplatePage { subject: mail.subject, text: mail.text, html: mail.html, checks })
}

async fn test(caller: Caller, Path(name): Path<String>, post: Post<With>) -> Answer {
    let mut tx = post.begin().await?;
    let locale = post.body.locale.as_deref().unwrap_or("fr");
    let id = mails::test(&mut tx, Wanted { template: &name, locale, email: post.body.email }, caller.user).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/emails/{id}")), &Sent { id }).await
}
