//! `email.send`: renders a mail and hands it to the relay.
//!
//! Before the effect: is it still to be sent, in time, wanted, not accepted in an earlier run, and is the job still
//! ours? After it: the relay's answer is written down at once, then the job's success. Between the relay's 250 and the
//! first of these lies the only window in which a mail can repeat; it then carries the same Message-ID. A mail that is
//! `at_most_once` is left to a person instead.

use serde_json::Value;
use shared::domain::identity;
use shared::kernel::Result as HouseResult;
use shared::platform::jobs::kinds::SendEmail;
use shared::platform::mail::{self, EmailView, catalogue, suppression};
use shared::platform::tx::Tx;

use crate::cx::{self, Cx};
use crate::failure::{Blame, Failure};
use crate::registry::Run;
use crate::smtp::{Letter, Refusal};

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
        let letter = render(&mut tx, &email).await?;
        let once = catalogue::find(&email.row.template).is_some_and(|template| template.at_most_once);
        if once {
            cx.begin_effect(&mut tx, SMTP).await?;
        }
        tx.commit().await?;

        cx.still_mine().await?;
        let subject = letter.subject.clone();
        let answer = cx.smtp.send(letter).await;
        if let Ok(reply) = &answer {
            cx.effect_done(SMTP, reply).await;
        }

        let mut tx = cx.begin().await?;
        match answer {
            Ok(reply) => {
                mail::finish(&mut tx, self.email, "sent", Some(&subject), Some(&reply)).await?;
                cx.complete_in(tx).await
            }
            Err(Refusal::Permanent(reply)) => {
                cx.log(&reply);
                // 5.1.x is about the address itself (RFC 3463): nothing will ever arrive there.
                if reply.contains("5.1.") {
                    suppression::add(&mut tx, &email.row.to_address, "bounce", &reply).await?;
                }
                end(&cx, tx, &email, "bounced", Some(&reply)).await
            }
            Err(Refusal::Temporary(reply)) => {
                cx.effect_undone(&mut tx, SMTP).await?;
                retry(tx, &email, "smtp_temporary", reply).await
            }
            Err(Refusal::Unknown(reply)) if once => Err(cx::uncertain(&reply)),
            Err(Refusal::Unknown(reply)) => retry(tx, &email, "smtp_unknown", reply).await,
        }
    }

    async fn died(self, tx: &mut Tx, error: &str) -> HouseResult<()> {
        let status = if error.starts_with(cx::UNCERTAIN) { "uncertain" } else { "failed" };
        mail::finish(tx, self.email, status, None, Some(error)).await
    }
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
    })
}
