//! Mails: every one that was queued, what became of it, and how it looks.

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::domain::identity::permissions::Permissions;
use shared::kernel::Error;
use shared::kernel::ids::{EmailId, FileId};
use shared::platform::files::{self, Disposition, File};
use shared::platform::mail::{self, EmailFilter, EmailRow, EmailView, catalogue};
use shared::platform::templates::{RenderedMail, Templates};

use crate::acts::mails;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::{Fact, size};
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::{Select, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::note::{Note, What};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{key, say, word};
use crate::dashboard::{PEOPLE, framed, mask, relations};
use crate::download;
use crate::error::{Answer, ApiError};
use crate::extract::{Paging, Path, Query};

const STATUSES: [&str; 10] =
    ["queued", "held", "sending", "sent", "bounced", "complained", "failed", "suppressed", "expired", "uncertain"];

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    mail: &'a EmailRow,
    mark: Mark,
}

/// The filter as the URL says it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Given {
    fn href(&self) -> String {
        with("/admin/emails", &serde_urlencoded::to_string(self).unwrap_or_default())
    }

    fn chips(&self) -> Vec<Chip> {
        let chip = |words: Option<String>, rest: Self| words.map(|words| Chip { words, href: rest.href() });
        let status = self.status.as_deref().map(|status| marks::email(status).word.to_lowercase());
        let template = self.template.as_ref().map(|template| say!("mail {template}", template = template));
        let address = self.address.as_ref().map(|address| say!("to “{address}”", address = address));
        [
            chip(status, Self { status: None, ..self.clone() }),
            chip(template, Self { template: None, ..self.clone() }),
            chip(address, Self { address: None, ..self.clone() }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn selects(&self) -> Vec<Select> {
        let statuses = STATUSES.map(|status| (status.to_owned(), marks::email(status).word.to_owned()));
        let templates = catalogue::ALL.map(|template| (template.name.to_owned(), template.name.to_owned()));
        vec![
            Select::new("status", "Every status", statuses, self.status.as_deref()),
            Select::new("template", "Every mail", templates, self.template.as_deref()),
        ]
    }
}

/// `GET /admin/emails`
pub async fn list(desk: Desk, Query(given): Query<Given>, Paging(request): Paging) -> Result<Response, ApiError> {
    let filter = EmailFilter {
        status: given.status.clone(),
        template: given.template.clone(),
        address: given.address.clone(),
        subject: None,
    };
    let page = mail::list(&mut *desk.db().await?, &filter, request).await?;
    let rows: Vec<Row<'_>> = page.rows.iter().map(|mail| Row { mark: marks::email(&mail.status), mail }).collect();
    let narrowed = given != Given::default();
    let empty = Empty {
        icon: "emails",
        title: word(if narrowed { "No mail matches." } else { "No mail yet." }).into(),
        text: word(if narrowed {
            "Others may be hidden by the filters."
        } else {
            "Each mail is a row here before it is sent."
        }),
        href: narrowed.then(|| "/admin/emails".to_owned()),
        action: word("Clear them"),
    };
    let query = serde_urlencoded::to_string(&given).unwrap_or_default();
    let view = json!({
        "held": given.status.as_deref() == Some("held") && !rows.is_empty(),
        "sending": desk.app.platform.config.mail.enabled,
        "may_act": desk.may_act(),
        "mailbox": desk.app.is_development() && desk.app.platform.config.mail.folder.is_some(),
        "address": given.address,
        "selects": given.selects(),
        "chips": given.chips(),
        "rows": rows,
        "empty": empty,
        "pager": Pager::new("/admin/emails", &query, request, &page),
    });
    desk.page("emails", Place::Emails, "E-mails", &view).await
}

/// `GET /admin/emails/{id}`
pub async fn show(desk: Desk, Path(id): Path<EmailId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let mail = mail::get(&mut db, id).await?;
    let attachments = attachments(&files::find_many(&mut db, &mail.attachments).await?, &mail);
    let about = match mail.subject_type.as_deref().zip(mail.subject_id) {
        Some((kind, id)) => Some(relations::subject(&mut db, &desk.me.permissions, kind, id).await?),
        None => None,
    };
    drop(db);
    desk.opened("ADMIN_ACCESS", "email", id).await?;
    let preview = rendered(&desk, &mail);
    let missing = preview.as_ref().err().and_then(|error| missing(&mail, &error.to_string()));
    let subject = mail.row.subject.clone().or_else(|| preview.as_ref().ok().map(|mail| mail.subject.clone()));
    let subject = subject.unwrap_or_else(|| mail.row.template.clone());
    let view = json!({
        "mail": mail.row,
        "may_act": desk.may_act(),
        "repeats": mail.repeats,
        "fine": mail.row.status == "sent",
        "mark": marks::email(&mail.row.status),
        "subject": subject,
        "job": mail.job_id.map(|job| format!("/admin/jobs/{job}")),
        "preview": preview.is_ok(),
        "missing": missing,
        "broken": preview.is_err(),
        "unsent": mail.row.status == "failed",
        "no_preview": preview.as_ref().err().map(ToString::to_string),
        "mendable": desk.may_act() && matches!(&*mail.row.status, "queued" | "held" | "failed" | "uncertain"),
        "text": preview.ok().map(|mail| mail.text),
        "attachments": attachments,
        "facts": facts(&mail, about, &desk.me.permissions),
        "vars": mask::shown(&mail.vars).0,
    });
    desk.page("email", Place::Emails, &subject, &view).await
}

/// `GET /admin/emails/{id}/preview.html`
pub async fn preview(desk: Desk, Path(id): Path<EmailId>) -> Result<Response, ApiError> {
    let mail = mail::get(&mut *desk.db().await?, id).await?;
    let html = match rendered(&desk, &mail) {
        Ok(mail) => mail.html,
        Err(error) => format!("<p>No preview: {}.</p>", error.to_string().replace('&', "&amp;").replace('<', "&lt;")),
    };
    Ok(framed::mail(html))
}

/// `GET /admin/emails/{id}/attachments/{file}`: a file, for as long as the mail names it.
pub async fn attachment(
    desk: Desk,
    Path((id, file)): Path<(EmailId, FileId)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    if !mail::get(&mut db, id).await?.attachments.contains(&file) {
        return Err(Error::NotFound("file").into());
    }
    let file = files::get(&mut db, file).await?;
    drop(db); // a slow reader holds no connection
    download::serve(&desk.app.platform, &file, Disposition::Inline, &method, &headers).await
}

/// The variable that an error names and the mail's data lacks, with what stands there in the template's sample.
fn missing(mail: &EmailView, error: &str) -> Option<Value> {
    let sample = Templates::sample(&mail.row.template)?;
    let lacks = |name: &&String| mail.vars.get(name).is_none() && error.contains(&format!("`{name}`"));
    let name = sample.as_object()?.keys().find(lacks)?;
    Some(json!({ "name": name, "sample": sample[name].to_string() }))
}

/// How often whoever asks has seen the mail repeated.
#[derive(Deserialize)]
pub struct Seen {
    repeats: Option<i64>,
}

/// `POST /admin/emails/{id}/again`
pub async fn again(desk: Desk, Path(id): Path<EmailId>, Sent(seen): Sent<Seen>) -> Answer {
    let mut tx = desk.begin().await?;
    let new = match mails::again(&mut tx, id, seen.repeats).await {
        Err(Error::Conflict { .. }) => return desk.go(&format!("/admin/emails/{id}"), What::MailRefused).await,
        new => new?,
    };
    tx.commit().await?;
    desk.go(&format!("/admin/emails/{new}"), What::MailAgain).await
}

/// What the template gets, as JSON.
#[derive(Deserialize)]
pub struct Edited {
    vars: String,
}

/// `POST /admin/emails/{id}/vars`
pub async fn mend(desk: Desk, Path(id): Path<EmailId>, Sent(form): Sent<Edited>) -> Answer {
    let page = format!("/admin/emails/{id}");
    let Ok(mut vars @ Value::Object(_)) = serde_json::from_str::<Value>(&form.vars) else {
        return desk.go(&page, What::DataRefused).await;
    };
    let mut tx = desk.begin().await?;
    mask::restore(&mut vars, &mail::get(&mut tx, id).await?.vars);
    match mails::mend(&mut tx, id, vars).await {
        Err(Error::Conflict { .. } | Error::Invalid(_)) => return desk.go(&page, What::DataRefused).await,
        done => drop(done?),
    }
    tx.commit().await?;
    desk.go(&page, What::DataMended).await
}

/// `POST /admin/emails/release`
pub async fn release(desk: Desk) -> Answer {
    let mut tx = desk.begin().await?;
    let n = match mails::release_held(&mut tx).await {
        Err(Error::Conflict { .. }) => return desk.go("/admin/emails?status=held", What::MailRefused).await,
        n => n?,
    };
    tx.commit().await?;
    desk.go("/admin/emails?status=queued", Note { what: What::Released, n, m: 0 }).await
}

/// What is attached, and what was and is gone.
fn attachments(files: &[File], mail: &EmailView) -> Vec<Value> {
    let line = |id: &FileId| match files.iter().find(|file| file.id == *id) {
        Some(file) => json!({
            "name": file.name,
            "content_type": file.content_type,
            "size": size(file.size as u64),
            "href": format!("/admin/emails/{}/attachments/{id}", mail.row.id),
        }),
        None => json!({ "name": id, "content_type": word("deleted, or expired"), "size": "", "href": null }),
    };
    mail.attachments.iter().map(line).collect()
}

/// The mail with its secrets masked.
fn rendered(desk: &Desk, mail: &EmailView) -> Result<RenderedMail, Error> {
    mail::preview(&desk.app.platform.config, &desk.app.platform.templates, mail)
}

fn facts(mail: &EmailView, about: Option<Fact>, may: &Permissions) -> Vec<Fact> {
    let code = |name, value: &Option<String>| value.as_ref().map(|value| Fact::code(name, value));
    let account = |user| {
        let known = may.can(PEOPLE).then(|| Fact::link("Account", user, format!("/admin/users/{user}")));
        known.unwrap_or_else(|| Fact::code("Account", user))
    };
    let suppressed = (mail.row.status == "suppressed").then(|| {
        let address = form_urlencoded::byte_serialize(mail.row.to_address.as_bytes()).collect::<String>();
        Fact::link("Suppressed", word("why, and until when"), format!("/admin/suppressions?address={address}"))
    });
    let to = match &mail.row.to_name {
        Some(name) if !name.is_empty() => format!("{name} <{}>", mail.row.to_address),
        _ => mail.row.to_address.clone(),
    };
    let facts = [
        Some(Fact::text("To", to)),
        mail.from_address.as_ref().map(|from| Fact::text("From", from)),
        mail.reply_to.as_ref().map(|to| Fact::text("Answers to", to)),
        Some(Fact::text("Class", &mail.row.mail_class)),
        Some(Fact::text("Language", &mail.row.locale)),
        Some(Fact::at("Queued", mail.row.created_at)),
        mail.row.sent_at.map(|at| Fact::at("Sent", at)),
        mail.deadline_at.map(|at| Fact::at("Expires", at)),
        mail.message_bytes.map(|bytes| Fact::text("Size", size(bytes as u64))),
        code(key("Message-ID"), &mail.message_id),
        suppressed,
        mail.user_id.map(account),
        mail.again_of.map(|first| Fact::link("Repeats", first, format!("/admin/emails/{first}"))),
        (mail.repeats > 0).then(|| Fact::text("Sent again", mail.repeats)),
        about,
    ];
    facts.into_iter().flatten().collect()
}
