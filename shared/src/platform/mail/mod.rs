//! Mail. Owns `emails`, `email_suppressions`.
//!
//! Every mail is a row before it is a message: [`queue`] writes it, with its job, in the caller's transaction. Who
//! sends it is `worker/src/jobs/send_email.rs`. No secret is ever in `vars`: links are minted at send time.

mod again;
pub mod catalogue;
mod forget;
mod outbox;
pub mod preview;
pub mod suppression;

pub use again::again;
pub use forget::forget;
pub use outbox::{
    EmailFilter, EmailRow, EmailView, abandon, finish, get, list, purge, release_held, sent, set_vars, start,
};
pub use preview::{Check, checks, preview, shown};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::kernel::ids::{EmailId, FileId, UserId};
use crate::platform::files;
use crate::platform::jobs::kinds::SendEmail;
use crate::platform::jobs::{Lane, NewJob, enqueue_new};
use crate::platform::mail::catalogue::Template;
use crate::platform::tx::Tx;

/// Whom a mail goes to.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// The name beside it.
    pub name: Option<String>,
    /// `fr` or `en`.
    pub locale: String,
    /// The account, so that erasure finds the mail.
    pub user: Option<UserId>,
}

/// A mail about to be queued.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    /// Which.
    pub template: &'static Template,
    /// To whom.
    pub to: Recipient,
    /// What the template needs, without secrets.
    pub vars: Value,
    /// One event, one mail per person: a second mail with this key is not written.
    pub dedupe_key: String,
    /// What it is about.
    pub subject: Option<(&'static str, Uuid)>,
    /// Where answers go.
    pub reply_to: Option<&'a str>,
    /// What is attached, in this order: [`MOST_ATTACHED`] bytes together at most. Read when the mail is sent.
    pub attachments: Vec<FileId>,
}

/// What may be attached to a mail, in bytes: its encoding adds a third, and many servers take no more than that.
pub const MOST_ATTACHED: u64 = 10 * 1024 * 1024;

/// The address of those who were forgotten (RFC 2606: nobody is there, ever).
pub const NOBODY: &str = "nobody@erased.invalid";

/// Writes a mail and the job that sends it. None: a mail with this key exists already, or nobody is there to read it.
///
/// 404 for an attachment that does not exist, 409 `attachments_too_large` for too many bytes of them.
pub async fn queue(tx: &mut Tx, mail: NewMail<'_>) -> Result<Option<EmailId>> {
    let lane = mail.template.lane;
    queue_in(tx, mail, lane).await
}

/// The same where its job waits in another lane than the template's.
pub async fn queue_in(tx: &mut Tx, mail: NewMail<'_>, lane: Lane) -> Result<Option<EmailId>> {
    if mail.to.address == NOBODY {
        return Ok(None);
    }
    attachable(tx, &mail.attachments).await?;
    let id = EmailId::new();
    let config = tx.platform().config.clone();
    let from = &config.mail.from_email;
    let template = mail.template;
    let written = sqlx::query!(
        "insert into emails (id, template, locale, mail_class, to_address, to_name, from_address, reply_to, vars, dedupe_key,
                             status, message_id, deadline_at, user_id, subject_type, subject_id, attachments)
         values ($1, $2, $3, $4, $5::text::citext, $6, $7, $8, $9, $10, $11, $12, now() + make_interval(secs => $13), $14, $15, $16,
                 $17)
         on conflict (dedupe_key) do nothing",
        id.0,
        template.name,
        mail.to.locale,
        template.class.name(),
        mail.to.address,
        mail.to.name,
        from,
        mail.reply_to,
        mail.vars,
        mail.dedupe_key,
        first_status(&config),
        message_id(&config, id),
        template.deadline.map(|d| d.as_secs_f64()),
        mail.to.user.map(|u| u.0),
        mail.subject.map(|s| s.0),
        mail.subject.map(|s| s.1),
        json!(mail.attachments)
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(None);
    }
    if config.mail.enabled {
        enqueue_new(tx, job(&config, id, template, &mail.to.address, mail.to.user)?.lane(lane)).await?;
    }
    Ok(Some(id))
}

/// Where a mail begins: it is held while sending is switched off.
const fn first_status(config: &Config) -> &'static str {
    if config.mail.enabled { "queued" } else { "held" }
}

/// Its name at the relay, the same in all attempts.
fn message_id(config: &Config, id: EmailId) -> String {
    let domain = config.mail.from_email.rsplit('@').next().unwrap_or("localhost");
    format!("<{id}@{domain}>")
}

/// A mail that can never be sent is not queued.
async fn attachable(tx: &mut Tx, attachments: &[FileId]) -> Result<()> {
    if attachments.is_empty() {
        return Ok(());
    }
    let files = files::find_many(tx, attachments).await?;
    if files.len() < attachments.len() {
        return Err(Error::NotFound("file"));
    }
    let bytes: i64 = files.iter().map(|file| file.size).sum();
    if bytes as u64 > MOST_ATTACHED {
        let text = format!("the attachments have {bytes} bytes together, a mail takes {MOST_ATTACHED}");
        return Err(Error::conflict("attachments_too_large", text));
    }
    Ok(())
}

fn job(config: &Config, id: EmailId, template: &Template, to: &str, user: Option<UserId>) -> Result<NewJob> {
    let new = NewJob::of(&SendEmail { email: id })?;
    let new = new.lane(template.lane).named(template.name).about(Some(("email", id.0)), user);
    Ok(match (config.mail.domain_concurrency, to.rsplit_once('@')) {
        (limit @ 1.., Some((_, domain))) => new.keyed(&format!("mail:{}", domain.to_ascii_lowercase()), limit),
        _ => new,
    })
}

/// What every template gets, laid under the mail's own variables.
pub fn vars(config: &Config, locale: &str, own: &Value) -> Value {
    let mut vars = json!({
        "app_name": config.mail.from_name,
        "locale": locale,
        "frontend_url": config.frontend_url(),
    });
    if let (Some(vars), Some(own)) = (vars.as_object_mut(), own.as_object()) {
        vars.extend(own.clone());
    }
    vars
}
