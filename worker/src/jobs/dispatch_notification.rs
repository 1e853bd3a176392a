//! `notification.dispatch`: a notification becomes mails, all in one transaction.
//!
//! Which mail, its kind says unless it names one; to whom, its audience and what each of them wants by mail. `ADMIN_EMAIL`
//! is the house's own letter box: it gets all that is for the administrators.

use serde_json::json;
use shared::domain::identity::users::{self, Status, User};
use shared::domain::identity::{self, preferences};
use shared::kernel::ids::NotificationId;
use shared::kernel::{Error, Result};
use shared::platform::jobs::Lane;
use shared::platform::jobs::kinds::DispatchNotification;
use shared::platform::mail::catalogue::{Class, Template};
use shared::platform::mail::{self, NewMail, Recipient, catalogue};
use shared::platform::notifications::{self, Outbound};
use shared::platform::settings;
use shared::platform::tx::Tx;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for DispatchNotification {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let notification = notifications::outbound(&mut tx, self.notification).await?;
        let template = template(&notification)?;
        if let Some(template) = template {
            let lane = if notification.priority == "urgent" { Lane::EmailHigh } else { template.lane };
            for to in recipients(&mut tx, &notification, template).await? {
                let mail = NewMail {
                    template,
                    reply_to: notification.vars["sender_email"].as_str(),
                    attachments: Vec::new(),
                    vars: notification.vars.clone(),
                    dedupe_key: key(self.notification, &to.address),
                    subject: Some(("notification", self.notification.0)),
                    to,
                };
                mail::queue_in(&mut tx, mail, lane).await?;
            }
        }
        cx.log(json!({ "template": template.map(|template| template.name) }));
        cx.complete_in(tx).await
    }
}

/// None: it stays in the application.
fn template(notification: &Outbound) -> Result<Option<&'static Template>> {
    match &notification.template {
        _ if !notification.by_email => Ok(None),
        Some(name) => catalogue::find(name).map(Some).ok_or_else(|| Error::internal(format_args!("no mail {name}"))),
        None => Ok(catalogue::of_notification(notification.user.is_none(), &notification.kind)),
    }
}

async fn recipients(tx: &mut Tx, notification: &Outbound, template: &Template) -> Result<Vec<Recipient>> {
    let safety = template.class == Class::Security;
    if !safety && !settings::NOTIFICATIONS_EMAIL.get::<bool>(tx).await? {
        return Ok(Vec::new());
    }
    let mut people = match notification.user {
        None => identity::admins(tx).await?,
        Some(user) => users::find(tx, user)
            .await?
            .filter(|user| safety || lives(user))
            .iter()
            .filter_map(User::recipient)
            .collect(),
    };
    if !safety {
        let ids: Vec<_> = people.iter().filter_map(|person| person.user).collect();
        let unwilling = preferences::unwilling(tx, &ids, &notification.kind, &notification.priority).await?;
        people.retain(|person| person.user.is_none_or(|user| !unwilling.contains(&user)));
    }
    Ok(match notification.user {
        None => everybody(people, &tx.platform().config.mail.admins),
        Some(_) => people,
    })
}

/// Somebody who ordered as a guest has not proven their address, and waits for news all the same.
fn lives(user: &User) -> bool {
    matches!(user.status, Status::Active | Status::PendingActivation)
}

/// `ADMIN_EMAIL` and the administrators' own addresses, each once: one event, one mail per person.
fn everybody(admins: Vec<Recipient>, configured: &[String]) -> Vec<Recipient> {
    let mut all = admins;
    for address in configured {
        if !all.iter().any(|known| known.address.eq_ignore_ascii_case(address)) {
            all.push(Recipient { address: address.clone(), name: None, locale: "fr".into(), user: None });
        }
    }
    all
}

fn key(notification: NotificationId, address: &str) -> String {
    format!("notification:{notification}:{}", address.to_ascii_lowercase())
}
