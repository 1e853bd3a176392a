//! What administrators order about mails: the change and its audit entry in one transaction. No entry holds an address:
//! the log outlives the person.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::domain::identity::users;
use shared::kernel::ids::{EmailId, JobId, UserId};
use shared::kernel::{Error, Result, secret};
use shared::platform::audit::{self, Entry, Severity};
use shared::platform::jobs::admin as jobs;
use shared::platform::mail::{self, EmailView, NewMail, catalogue, suppression};
use shared::platform::templates::Templates;
use shared::platform::tx::Tx;
use uuid::Uuid;

/// Mails that go out at once when nothing stands against an address any more, and held ones in one go.
const MOST: i64 = 500;

/// Sends a mail again; `after` as in [`mail::again`].
pub async fn again(tx: &mut Tx, id: EmailId, after: Option<i64>) -> Result<EmailId> {
    let new = mail::again(tx, id, after).await?;
    record(tx, "EMAIL_RESENT", ("email", id.to_string()), json!({ "again": new })).await?;
    Ok(new)
}

/// Mends the data of a mail that was not sent, and tries again. 422 `vars` when its template does not render with them.
/// Returns the names that changed.
pub async fn mend(tx: &mut Tx, id: EmailId, vars: Value) -> Result<Vec<String>> {
    let before = mail::get(tx, id).await?;
    let after = EmailView { vars, ..before.clone() };
    let platform = tx.platform().clone();
    mail::preview(&platform.config, &platform.templates, &after)
        .map_err(|error| Error::field("vars", "render", error.to_string()))?;
    mail::set_vars(tx, id, &after.vars).await?;
    let names = before.vars.as_object().into_iter().chain(after.vars.as_object()).flat_map(|map| map.keys());
    let changed: BTreeSet<_> = names.filter(|name| before.vars.get(*name) != after.vars.get(*name)).cloned().collect();
    record(tx, "EMAIL_DATA_CHANGED", ("email", id.to_string()), json!({ "fields": changed })).await?;
    if let Some(job) = before.job_id {
        match jobs::retry(tx, JobId(job)).await {
            Err(Error::Conflict { .. }) => {} // it waits already
            retried => drop(retried?),
        }
    }
    Ok(changed.into_iter().collect())
}

/// Stops mail to an address.
pub async fn suppress(tx: &mut Tx, address: &str, why: &str, until: Option<DateTime<Utc>>) -> Result<()> {
    super::in_future(tx, until)?;
    let by = tx.origin.actor;
    suppression::put(tx, address, why, until, by).await?;
    record(tx, "SUPPRESSION_ADDED", ("address", alias(address)), json!({ "until": until })).await
}

/// Lets mail go to an address again; with `send`, also what was not sent in the last 30 days. Returns how many that are.
pub async fn release(tx: &mut Tx, address: &str, send: bool) -> Result<usize> {
    suppression::remove(tx, address).await?;
    let unsent = if send { suppression::unsent(tx, address, MOST).await? } else { Vec::new() };
    for id in &unsent {
        mail::again(tx, *id, None).await?;
    }
    let details = json!({ "sent": unsent.len() });
    record(tx, "SUPPRESSION_REMOVED", ("address", alias(address)), details).await?;
    Ok(unsent.len())
}

/// Sends what was held while sending was switched off. 409 `sending_off` while it is.
pub async fn release_held(tx: &mut Tx) -> Result<usize> {
    if !tx.platform().config.mail.enabled {
        return Err(Error::conflict("sending_off", "sending is switched off: see SMTP_ENABLED"));
    }
    let released = mail::release_held(tx).await?;
    record(tx, "EMAILS_RELEASED", ("email", String::new()), json!({ "mails": released })).await?;
    Ok(released)
}

/// A template as somebody wants to see it: with the data of a real mail, or the example's.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub template: &'a str,
    /// `fr` or `en`.
    pub locale: &'a str,
    /// The mail whose data it gets.
    pub email: Option<EmailId>,
}

/// The data a template gets: that mail's, or the example's. 404 for no such template, or a mail of another.
pub async fn data(db: &mut sqlx::PgConnection, wanted: Wanted<'_>) -> Result<Value> {
    match wanted.email {
        Some(id) => {
            let email = mail::get(db, id).await?;
            let same = email.row.template == wanted.template;
            same.then_some(email.vars).ok_or(Error::NotFound("email"))
        }
        None => Templates::sample(wanted.template).ok_or(Error::NotFound("template")),
    }
}

/// Sends a template to whoever asks. A secret link in it is their own and works.
pub async fn test(tx: &mut Tx, wanted: Wanted<'_>, to: UserId) -> Result<EmailId> {
    let template = catalogue::find(wanted.template).ok_or(Error::NotFound("template"))?;
    let vars = data(tx, wanted).await?;
    let to = users::get(tx, to).await?.recipient().ok_or(Error::NotFound("address"))?;
    let to = mail::Recipient { locale: wanted.locale.to_owned(), ..to };
    let dedupe_key = format!("test:{}", Uuid::now_v7());
    let mail = NewMail { template, to, vars, dedupe_key, subject: None, reply_to: None, attachments: Vec::new() };
    let id = mail::queue(tx, mail).await?.ok_or_else(|| Error::internal("a new key was used before"))?;
    record(tx, "EMAIL_TEST_SENT", ("email", id.to_string()), json!({ "template": template.name })).await?;
    Ok(id)
}

/// What the log calls an address.
fn alias(address: &str) -> String {
    hex::encode(&secret::sha256(address.to_lowercase())[..8])
}

async fn record(tx: &mut Tx, action: &str, (target, id): (&str, String), details: Value) -> Result<()> {
    audit::record(tx, Entry { action, severity: Severity::Medium, target, id, details }).await
}
