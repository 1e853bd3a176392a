//! Mails: what was sent to whom and how it went, and how a mail looks to its reader.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::kernel::ids::EmailId;
use shared::platform::files::{self, Disposition, File};
use shared::platform::mail::{self, EmailFilter, EmailRow, EmailView};
use shared::platform::templates::RenderedMail;
use validator::Validate;

use crate::acts::mails;
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
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
        .post("/{id}/resend", Access::Can("jobs.manage"), resend)
        .says("Send a mail again, rendered anew, as a mail of its own; 409 for an address that gets none")
        .gives::<Sent>(202)
        .put("/{id}/vars", Access::Can("jobs.manage"), mend)
        .says(
            "Mend the data of a mail that was not sent, and try again; 422 when its template does not render with them",
        )
        .takes::<Vars>()
        .gives::<Mended>(200)
        .post("/release", Access::Can("jobs.manage"), release)
        .says("Send what was held while sending was switched off, 1,000 at most; 409 while it is")
        .gives::<Released>(202)
}

/// A mail on its way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// The mail.
    pub id: EmailId,
}

/// What a template gets.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Vars {
    /// All of it: what is absent is gone.
    vars: serde_json::Map<String, Value>,
}

/// What was mended.
#[derive(Debug, Serialize, JsonSchema)]
struct Mended {
    /// The names of the fields that changed.
    fields: Vec<String>,
}

/// Mails on their way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Released {
    /// So many.
    pub mails: usize,
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

async fn resend(Path(id): Path<EmailId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let id = mails::again(&mut tx, id, None).await?;
    post.accepted(tx, Some(format!("/api/v1/admin/emails/{id}")), &Sent { id }).await
}

async fn mend(Path(id): Path<EmailId>, post: Post<Vars>) -> Answer {
    let mut tx = post.begin().await?;
    let fields = mails::mend(&mut tx, id, Value::Object(post.body.vars.clone())).await?;
    post.ok(tx, &Mended { fields }).await
}

async fn release(post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let mails = mails::release_held(&mut tx).await?;
    post.accepted(tx, None, &Released { mails }).await
}
