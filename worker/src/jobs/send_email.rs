//! `email.send`: renders a mail and hands it to the relay.
//!
//! Before the effect: is it still to be sent, in time, wanted, not accepted in an earlier run, and is the job still
//! ours? After it: the relay's answer is written down at once, then the job's success. Between the relay's 250 and the
//! first of these lies the only window in which a mail can repeat; it then carries the same Message-ID. A mail that is
//! `at_most_once` is left to a person instead.

use serde_json::Value;
use shared::domain::identity;
use shared::kernel::{Error, Result as HouseResult};
use shared::platform::files::{self, File, FileError};
use shared::platform::jobs::kinds::SendEmail;
use shared::platform::mail::{self, EmailView, MOST_ATTACHED, catalogue, suppression};
use shared::platform::tx::Tx;

use crate::cx::{self, Cx};
use crate::failure::{Blame, Failure};
use crate::registry::Run;
use crate::smtp::{Enclosure, Letter, Refusal, Taken};

/// The name of the effect.
const SMTP: &str = "smtp";

impl Run for SendEmail {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let email = mail::get(&mut tx, self.email).await?;
        if !mail::start(&mut tx, self.email).await? {
            return cx.complete_in(tx).await; // it has reached its end before
        }
        if let Some(reply) = cx.done_before(&mut tx, SMTP).await? {
            return end(&cx, tx, &email, "sent", Some(&reply)).await;
        }
        if email.expired {
            return end(&cx, tx, &email, "expired", None).await;
        }
        if let Some(reason) = suppression::reason(&mut tx, &email.row.to_address).await? {
            return end(&cx, tx, &email, "suppressed", Some(&reason)).await;
        }
        let mut letter = render(&mut tx, &email).await?;
        let files = attached(&mut tx, &email).await?;
        tx.commit().await?;
        letter.attachments = enclosures(&cx, files).await?;
        let once = catalogue::find(&email.row.template).is_some_and(|template| template.at_most_once);
        if once {
            let mut tx = cx.begin().await?;
            cx.begin_effect(&mut tx, SMTP).await?;
            tx.commit().await?;
        }
        cx.still_mine().await?;
        let subject = letter.subject.clone();
        let answer = cx.smtp.send(letter).await;
        if let Ok(taken) = &answer {
            cx.effect_done(SMTP, &told(&email, taken.reply.clone())).await;
        }

        let mut tx = cx.begin().await?;
        match answer {
            Ok(Taken { reply, bytes }) => {
                mail::sent(&mut tx, self.email, &subject, bytes, &reply).await?;
                cx.complete_in(tx).await
            }
            Err(Refusal::Permanent(reply)) => {
                let reply = told(&email, reply);
                cx.log(&reply);
                // 5.1.x is about the address itself (RFC 3463): nothing will ever arrive there.
                if reply.contains("5.1.") && !is_fleeting(&email) {
                    suppression::add(&mut tx, &email.row.to_address, "bounce", &reply).await?;
                }
                end(&cx, tx, &email, "bounced", Some(&reply)).await
            }
            // Nothing was handed over: the relay did not take it, or did not let us in.
            Err(Refusal::Login(reply)) => {
                cx.effect_undone(&mut tx, SMTP).await?;
                retry(tx, &email, "smtp_login", reply).await
            }
            Err(Refusal::Temporary(reply)) => {
                cx.effect_undone(&mut tx, SMTP).await?;
                retry(tx, &email, "smtp_temporary", told(&email, reply)).await
            }
            Err(Refusal::Unknown(reply)) if once => Err(cx::uncertain(&reply)),
            Err(Refusal::Unknown(reply)) => retry(tx, &email, "smtp_unknown", told(&email, reply)).await,
        }
    }

    async fn died(self, tx: &mut Tx, error: &str) -> HouseResult<()> {
        let status = if error.starts_with(cx::UNCERTAIN) { "uncertain" } else { "failed" };
        mail::finish(tx, self.email, status, None, Some(error)).await
    }
}

fn is_fleeting(email: &EmailView) -> bool {
    catalogue::find(&email.row.template).is_some_and(|template| template.fleeting)
}

/// What the relay said, as it may be kept: of a mail that is to be forgotten only the codes, for relays repeat addresses.
fn told(email: &EmailView, reply: String) -> String {
    if !is_fleeting(email) {
        return reply;
    }
    let code = |word: &&str| word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let codes: Vec<&str> = reply.split_whitespace().take(3).filter(code).collect();
    format!("the relay said {}", codes.join(" "))
}

/// An end without a delivery is a result, not a failure: it never counts as a dead job.
async fn end(cx: &Cx, mut tx: Tx, email: &EmailView, status: &str, reply: Option<&str>) -> Result<(), Failure> {
    mail::finish(&mut tx, email.row.id, status, None, reply).await?;
    cx.complete_in(tx).await
}

async fn retry(mut tx: Tx, email: &EmailView, code: &str, reply: String) -> Result<(), Failure> {
    mail::finish(&mut tx, email.row.id, "queued", None, Some(&reply)).await?;
    tx.commit().await?;
    Err(Failure::Retry(Blame::new(code, reply)))
}

/// The letter, with its secret link made now. A template that does not render is a person's to mend.
async fn render(tx: &mut Tx, email: &EmailView) -> Result<Letter, Failure> {
    let platform = tx.platform().clone();
    let broken = |message: String| Failure::Dead(Blame::new("template", message));
    let template =
        catalogue::find(&email.row.template).ok_or_else(|| broken(format!("no mail {}", email.row.template)))?;
    let mut vars = mail::vars(&platform.config, &email.row.locale, &email.vars);
    if let (Some(link), Some(user)) = (template.link, email.user_id) {
        let minted = identity::link(tx, link, user, email.row.id).await?;
        vars[minted.name] = Value::from(minted.url);
        vars["expires_at"] = Value::from(minted.expires_at.to_rfc3339());
    }
    let mail = platform.templates.mail(template.name, &email.row.locale, &vars).map_err(|e| broken(e.to_string()))?;
    let config = &platform.config.mail;
    Ok(Letter {
        id: email.row.id.to_string(),
        from: (email.from_address.clone().unwrap_or_else(|| config.from_email.clone()), config.from_name.clone()),
        to: (email.row.to_address.clone(), email.row.to_name.clone()),
        reply_to: email.reply_to.clone(),
        message_id: email.message_id.clone().unwrap_or_else(|| format!("<{}@localhost>", email.row.id)),
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        attachments: Vec::new(),
    })
}

/// The files to attach. One that is gone, or too many bytes, is a person's to mend.
async fn attached(tx: &mut Tx, email: &EmailView) -> Result<Vec<File>, Failure> {
    if email.attachments.is_empty() {
        return Ok(Vec::new());
    }
    let files = files::find_many(tx, &email.attachments).await?;
    if let Some(gone) = email.attachments.iter().find(|id| files.iter().all(|file| file.id != **id)) {
        return Err(unattached(format!("the attachment {gone} was deleted, or has expired")));
    }
    let bytes: i64 = files.iter().map(|file| file.size).sum();
    if bytes as u64 > MOST_ATTACHED {
        return Err(unattached(format!("the attachments have {bytes} bytes together, a mail takes {MOST_ATTACHED}")));
    }
    Ok(files)
}

/// Their bytes, proven, and read outside of any transaction. A store that is away comes back; spoilt bytes do not.
async fn enclosures(cx: &Cx, files: Vec<File>) -> Result<Vec<Enclosure>, Failure> {
    let mut enclosures = Vec::with_capacity(files.len());
    for file in files {
        let bytes = files::read(&cx.platform.files, &file).await.map_err(|error| match error {
            FileError::Store(_) => Error::from(error).into(),
            lost => unattached(format!("{} cannot be attached: {lost}", file.name)),
        });
        enclosures.push(Enclosure { bytes: bytes?, name: file.name, content_type: file.content_type });
    }
    Ok(enclosures)
}

fn unattached(why: String) -> Failure {
    Failure::Dead(Blame::new("attachment", why))
}
