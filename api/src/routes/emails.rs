//! Mails: what was sent to whom and how it went, and how a mail looks to its reader.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use shared::kernel::ids::EmailId;
use shared::platform::files::{self, Disposition, File};
use shared::platform::mail::{self, EmailFilter, EmailRow, EmailView};
use shared::platform::templates::RenderedMail;

use crate::app::App;
use crate::error::Answer;
use crate::extract::{Paging, Path, Query, data, listed};
use crate::table::{Access, Table};

/// Everything about mails.
pub fn table() -> Table {
    Table::at("/api/v1/admin/emails", "emails")
        .get("", Access::Can("jobs.read"), list)
        .says("Mails that match, newest first")
        .queries::<EmailFilter>()
        .paged()
        .gives::<EmailRow>(200)
        .get("/{id}", Access::Can("jobs.read"), show)
        .says("One mail, with a preview whose secret link is masked")
        .gives::<EmailPage>(200)
        .opens("ADMIN_ACCESS", "email")
}

/// A mail and how it looks.
#[derive(Debug, Serialize, JsonSchema)]
struct EmailPage {
    /// The mail.
    #[serde(flatten)]
    email: EmailView,
    /// What is attached and still there, each with an address that works for a while.
    files: Vec<Attached>,
    /// As its reader sees it; none when its template does not render.
    preview: Option<EmailPreview>,
}

/// A file that is attached.
#[derive(Debug, Serialize, JsonSchema)]
struct Attached {
    /// The file.
    #[serde(flatten)]
    file: File,
    /// Where it can be read without signing in, until `FILE_URL_TTL` has passed.
    url: String,
}

/// A mail as its reader sees it.
#[derive(Debug, Serialize, JsonSchema)]
struct EmailPreview {
    /// One line.
    subject: String,
    /// For mail programs without HTML.
    text: String,
    /// For the others. It fetches nothing; show it in a sandboxed frame.
    html: String,
}

async fn list(State(app): State<App>, Query(filter): Query<EmailFilter>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&mail::list(&mut db, &filter, page).await?)
}

async fn show(State(app): State<App>, Path(id): Path<EmailId>) -> Answer {
    let mut db = app.db().await?;
    let email = mail::get(&mut db, id).await?;
    let found = files::find_many(&mut db, &email.attachments).await?;
    let url = |file: &File| files::signed_url(&app.platform, file.id, Disposition::Attachment);
    let files = found.into_iter().map(|file| Attached { url: url(&file), file }).collect();
    let rendered = mail::preview(&app.platform.config, &app.platform.templates, &email);
    if let Err(error) = &rendered {
        tracing::warn!(email.id = %id, %error, "a mail has no preview");
    }
    let preview = rendered.ok().map(|RenderedMail { subject, text, html }| EmailPreview { subject, text, html });
    data(&EmailPage { email, files, preview })
}
