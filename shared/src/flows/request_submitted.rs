//! Somebody writes to the house: the request is kept, its author gets a receipt, the administrators are told.
//!
//! Called by `POST /api/v1/requests`. One transaction: whoever reads "201" has a request that nobody will overlook.
//! Every key below is the request's own, so the story told twice is still one mail per person.

use serde_json::json;

use crate::domain::requests::{self, NewRequest, Priority, Request};
use crate::kernel::Result;
use crate::kernel::text;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::mail::{self, NewMail, Recipient, catalogue};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// The receipt repeats so much of the message and no more: a form must not become a stranger's mailer.
const COPY: usize = 500;

/// Keeps the request and tells everybody concerned.
pub async fn submit(tx: &mut Tx, new: NewRequest) -> Result<Request> {
    let request = requests::insert(tx, new).await?;
    receipt(tx, &request).await?;
    tell_administrators(tx, &request).await?;
    Ok(request)
}

async fn receipt(tx: &mut Tx, request: &Request) -> Result<()> {
    let mail = NewMail {
        template: &catalogue::VISITOR_CONTACT,
        to: Recipient {
            address: request.submitter_email.clone(),
            name: Some(request.submitter_name.clone()),
            locale: request.locale.clone(),
            user: request.submitter_id,
        },
        vars: json!({
            "first_name": request.submitter_name,
            "subject": request.title,
            "message_copy": text::cut(&request.body, COPY),
            "request_number": request.number,
            "received_at": request.created_at.to_rfc3339(),
        }),
        dedupe_key: format!("request:{}:visitor", request.id),
        subject: Some(("request", request.id.0)),
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(tx, mail).await?;
    Ok(())
}

async fn tell_administrators(tx: &mut Tx, request: &Request) -> Result<()> {
    let url = format!("{}/admin/requests/{}", tx.platform().config.http.public_url, request.id);
    let notification = NewNotification {
        user: None,
        kind: if request.priority == Priority::Urgent { "warning" } else { "message" },
        title: &request.title,
        message: &request.body,
        action_url: Some(url),
        priority: request.priority.name(),
        subject: Some(("request", request.id.0)),
        template: Some(catalogue::ADMIN_MESSAGE.name),
        vars: json!({
            "sender_name": request.submitter_name,
            "sender_email": request.submitter_email,
            "request_kind": request.kind,
        }),
        by_email: true,
        dedupe_key: Some(format!("request:{}", request.id)),
    };
    notifications::notify(tx, notification).await?;
    let (id, details) = (request.id.to_string(), json!({ "kind": request.kind, "number": request.number }));
    let severity = Severity::Low;
    audit::record(tx, Entry { action: "USER_MESSAGE_SUPPORT_EMAIL_SENT", severity, target: "request", id, details })
        .await
}
