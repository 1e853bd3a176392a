//! `notification.dispatch`: a notification becomes mails, all in one transaction.

use serde_json::json;
use shared::domain::identity;
use shared::kernel::Error;
use shared::kernel::ids::NotificationId;
use shared::platform::jobs::kinds::DispatchNotification;
use shared::platform::mail::{self, NewMail, Recipient, catalogue};
use shared::platform::notifications;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for DispatchNotification {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let notification = notifications::get(&mut tx, self.notification).await?;
        if let (true, Some(name), None) = (notification.by_email, &notification.template, notification.user) {
            let template = catalogue::find(name).ok_or_else(|| Error::internal(format_args!("no mail {name}")))?;
            let admins = identity::admins(&mut tx).await?;
            for to in everybody(admins, &tx.platform().config.mail.admins.clone()) {
                let dedupe_key = key(self.notification, &to.address);
                let mail = NewMail {
                    template,
                    reply_to: notification.vars["sender_email"].as_str(),
                    vars: notification.vars.clone(),
                    dedupe_key,
                    subject: Some(("notification", self.notification.0)),
                    to,
                };
                mail::queue(&mut tx, mail).await?;
            }
        }
        cx.log(json!({ "template": notification.template }));
        cx.complete_in(tx).await
    }
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
