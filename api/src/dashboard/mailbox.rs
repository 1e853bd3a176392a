//! A developer's mailbox: the `.eml` files that stand for sent mail where there is no relay. Development only; anywhere
//! else these addresses do not exist, for the files hold live activation links.

use std::path::PathBuf;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders};
use serde::Serialize;
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::platform::files::Disposition;
use uuid::Uuid;

use crate::dashboard::desk::Desk;
use crate::dashboard::eml::{pieces, readable};
use crate::dashboard::facts::size;
use crate::dashboard::frame::Place;
use crate::dashboard::framed;
use crate::dashboard::words::word;
use crate::download;
use crate::error::ApiError;
use crate::extract::Path;

/// The newest files shown.
const MOST: usize = 200;
/// A larger file is no mail of ours.
const LARGEST: u64 = 25 * 1024 * 1024;

#[derive(Serialize)]
struct Row {
    name: String,
    subject: String,
    to: String,
    at: Option<DateTime<Utc>>,
    size: String,
}

/// `GET /admin/mailbox`
pub async fn list(desk: Desk) -> Result<Response, ApiError> {
    let folder = folder(&desk)?;
    let mut names = Vec::new();
    // A folder that does not exist yet holds no mail yet.
    if let Ok(mut entries) = tokio::fs::read_dir(&folder).await {
        while let Some(entry) = entries.next_entry().await.map_err(Error::internal)? {
            names.extend(entry.file_name().into_string().ok().filter(|name| is_mail(name)));
        }
    }
    // Names are UUIDs of version 7: their order is the order of queueing.
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.truncate(MOST);
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        let Ok(bytes) = read(&folder, &name).await else {
            continue;
        };
        let size = size(bytes.len() as u64);
        let mail = MessageParser::default().parse_headers(&bytes[..]).unwrap_or_default();
        let at = mail.date().and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0));
        rows.push(Row { subject: subject(&mail), to: people(mail.to()), at, size, name });
    }
    let page = json!({ "folder": folder.display().to_string(), "rows": rows });
    desk.page("mailbox", Place::Mailbox, "Mailbox", &page).await
}

/// `GET /admin/mailbox/{name}`
pub async fn show(desk: Desk, Path(name): Path<String>) -> Result<Response, ApiError> {
    let bytes = read(&folder(&desk)?, &name).await?;
    let mail = parse(&bytes)?;
    let text = mail.body_text(0).unwrap_or_default();
    let pieces = pieces(&text);
    let mut links: Vec<&str> = pieces.iter().filter_map(|piece| piece.href).collect();
    links.dedup();
    let headers = mail.headers().iter().map(|header| {
        let raw = bytes.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
        json!({ "name": header.name.as_str(), "value": readable(&String::from_utf8_lossy(raw), &header.value) })
    });
    let page = json!({
        "name": name,
        "subject": subject(&mail),
        "to": people(mail.to()),
        "email": name.strip_suffix(".eml").map(|id| format!("/admin/emails/{id}")),
        "html": mail.html_body_count() > 0,
        "links": links,
        "attachments": attachments(&mail, &name),
        "text": pieces,
        "headers": headers.collect::<Vec<_>>(),
    });
    desk.page("message", Place::Mailbox, &subject(&mail), &page).await
}

/// `GET /admin/mailbox/{name}/body.html`
pub async fn body(desk: Desk, Path(name): Path<String>) -> Result<Response, ApiError> {
    let bytes = read(&folder(&desk)?, &name).await?;
    let mail = parse(&bytes)?;
    let html = mail.body_html(0).ok_or(Error::NotFound("page"))?;
    Ok(framed::mail(html.into_owned()))
}

/// `GET /admin/mailbox/{name}/attachments/{number}`, counted from 0
pub async fn attachment(desk: Desk, Path((name, number)): Path<(String, u32)>) -> Result<Response, ApiError> {
    let bytes = read(&folder(&desk)?, &name).await?;
    let mail = parse(&bytes)?;
    let part = mail.attachment(number).ok_or(Error::NotFound("page"))?;
    let mut response = part.contents().to_vec().into_response();
    download::dress(&mut response, called(part), &media(part), Disposition::Inline);
    Ok(response)
}

fn attachments(mail: &Message<'_>, file: &str) -> Vec<Value> {
    let line = |(number, part): (usize, &MessagePart<'_>)| {
        json!({
            "name": called(part),
            "content_type": media(part),
            "size": size(part.contents().len() as u64),
            "href": format!("/admin/mailbox/{file}/attachments/{number}"),
        })
    };
    mail.attachments().enumerate().map(line).collect()
}

fn called<'a>(part: &'a MessagePart<'_>) -> &'a str {
    part.attachment_name().unwrap_or_else(|| word("attachment"))
}

fn media(part: &MessagePart<'_>) -> String {
    let kind = part.content_type().map(|kind| (kind.ctype(), kind.subtype().unwrap_or("octet-stream")));
    kind.map_or_else(|| "application/octet-stream".into(), |(kind, subtype)| format!("{kind}/{subtype}"))
}

/// The folder, on a developer's machine; elsewhere there is no such page.
fn folder(desk: &Desk) -> Result<PathBuf, Error> {
    let folder = desk.app.platform.config.mail.folder.clone();
    folder.filter(|_| desk.app.is_development()).ok_or(Error::NotFound("page"))
}

/// Exactly `<uuid>.eml`, as we write it: no path, no other file.
fn is_mail(name: &str) -> bool {
    let id = name.strip_suffix(".eml").unwrap_or_default();
    Uuid::parse_str(id).is_ok_and(|parsed| parsed.to_string() == id)
}

async fn read(folder: &std::path::Path, name: &str) -> Result<Vec<u8>, Error> {
    if !is_mail(name) {
        return Err(Error::NotFound("page"));
    }
    let path = folder.join(name);
    let about = tokio::fs::symlink_metadata(&path).await.map_err(|_| Error::NotFound("page"))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(Error::NotFound("page"));
    }
    tokio::fs::read(&path).await.map_err(|_| Error::NotFound("page"))
}

fn parse(bytes: &[u8]) -> Result<Message<'_>, Error> {
    MessageParser::default().parse(bytes).ok_or(Error::NotFound("page"))
}

fn subject(mail: &Message<'_>) -> String {
    mail.subject().unwrap_or_else(|| word("(no subject)")).to_owned()
}

fn people(to: Option<&Address<'_>>) -> String {
    let addresses = to.map(|to| to.iter().filter_map(|one| one.address()).collect::<Vec<_>>());
    addresses.unwrap_or_default().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mails_of_ours_have_a_name() {
        assert!(is_mail("0198c0de-0000-7000-8000-000000000001.eml"));
        for name in ["../x.eml", "0198C0DE-0000-7000-8000-000000000001.eml", "a.eml", ".eml", "x"] {
            assert!(!is_mail(name), "{name}");
        }
    }
}
