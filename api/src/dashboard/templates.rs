//! The mails of the house as texts: how each looks with real data, in both languages, and what was looked at in it.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::kernel::Error;
use shared::kernel::ids::EmailId;
use shared::kernel::page::PageRequest;
use shared::platform::mail::catalogue::{self, Template};
use shared::platform::mail::{self, EmailFilter};
use shared::platform::templates::{LOCALES, RenderedMail};

use crate::acts::mails::{self, Wanted};
use crate::dashboard::desk::Desk;
use crate::dashboard::forms::Sent;
use crate::dashboard::frame::Place;
use crate::dashboard::framed;
use crate::dashboard::note::What;
use crate::dashboard::words::{locale, say, word};
use crate::error::{Answer, ApiError};
use crate::extract::{Path, Query};

/// Real mails whose data one may choose.
const CHOICES: i64 = 10;

#[derive(Serialize)]
struct Row {
    name: &'static str,
    class: &'static str,
    queue: &'static str,
    secret: bool,
    subject: String,
}

/// `GET /admin/templates`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let row = |template: &'static Template| {
        let sample =
            mail_of(&desk, template, locale(), &shared::platform::templates::Templates::sample(template.name)?);
        Some(Row {
            name: template.name,
            class: template.class.name(),
            queue: template.lane.name(),
            secret: template.link.is_some(),
            subject: sample.map(|mail| mail.subject).unwrap_or_default(),
        })
    };
    let rows: Vec<_> = catalogue::ALL.into_iter().filter_map(row).collect();
    desk.page("templates", Place::Emails, "Mail templates", &json!({ "rows": rows })).await
}

fn mail_of(desk: &Desk, template: &Template, locale: &str, vars: &serde_json::Value) -> Result<RenderedMail, Error> {
    let platform = &desk.app.platform;
    mail::shown(&platform.config, &platform.templates, template, locale, vars, platform.clock.now())
}

/// With what a template is shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct With {
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<EmailId>,
}

impl With {
    fn locale(&self) -> &'static str {
        LOCALES.into_iter().find(|known| Some(*known) == self.locale.as_deref()).unwrap_or(LOCALES[0])
    }

    fn query(&self) -> String {
        serde_urlencoded::to_string(self).unwrap_or_default()
    }
}

async fn rendered(desk: &Desk, name: &str, with: &With) -> Result<RenderedMail, ApiError> {
    let template = catalogue::find(name).ok_or(Error::NotFound("template"))?;
    let wanted = Wanted { template: name, locale: with.locale(), email: with.email };
    let vars = mails::data(&mut *desk.db().await?, wanted).await?;
    Ok(mail_of(desk, template, with.locale(), &vars)?)
}

/// `GET /admin/templates/{name}`
pub async fn show(desk: Desk, Path(name): Path<String>, Query(with): Query<With>) -> Result<Response, ApiError> {
    let template = catalogue::find(&name).ok_or(Error::NotFound("template"))?;
    let filter = EmailFilter { template: Some(name.clone()), ..EmailFilter::default() };
    let recent = PageRequest { limit: CHOICES, ..PageRequest::default() };
    let recent = mail::list(&mut *desk.db().await?, &filter, recent).await?.rows;
    let choice = |id: Option<EmailId>, words: String| json!({ "value": id.map(|id| id.to_string()).unwrap_or_default(), "words": words, "chosen": id == with.email });
    let example = std::iter::once(choice(None, say!("Its example")));
    let real = recent.iter().map(|mail| {
        let subject = mail.subject.as_deref().unwrap_or_else(|| word("not sent yet"));
        choice(Some(mail.id), format!("{}, {}: {subject}", mail.created_at.format("%-d %b %H:%M"), mail.to_address))
    });
    let mail = rendered(&desk, &name, &with).await;
    let (mail, error) = match mail {
        Ok(mail) => (Some(mail), None),
        Err(ApiError::Error(Error::Internal(error))) => (None, Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let page = json!({
        "name": name, "query": with.query(), "email": with.email, "locale": with.locale(), "error": error,
        "locales": LOCALES.map(|locale| json!({ "value": locale, "chosen": locale == with.locale() })),
        "choices": example.chain(real).collect::<Vec<_>>(),
        "checks": mail.as_ref().map(|mail| mail::checks(mail, desk.app.platform.config.frontend_url(), locale())).unwrap_or_default(),
        "subject": mail.as_ref().map(|mail| &mail.subject), "text": mail.as_ref().map(|mail| &mail.text),
        "class": template.class.name(), "queue": template.lane.name(), "secret": template.link.is_some(),
        "may_act": desk.may_act(),
    });
    desk.page("template", Place::Emails, &name, &page).await
}

/// `GET /admin/templates/{name}/preview.html`
pub async fn preview(desk: Desk, Path(name): Path<String>, Query(with): Query<With>) -> Result<Response, ApiError> {
    Ok(framed::mail(rendered(&desk, &name, &with).await?.html))
}

/// `POST /admin/templates/{name}/test`
pub async fn test(desk: Desk, Path(name): Path<String>, Sent(with): Sent<With>) -> Answer {
    let mut tx = desk.begin().await?;
    let wanted = Wanted { template: &name, locale: with.locale(), email: with.email };
    let id = mails::test(&mut tx, wanted, desk.me.user).await?;
    tx.commit().await?;
    desk.go(&format!("/admin/emails/{id}"), What::TestSent).await
}
