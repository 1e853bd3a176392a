//! An invoice's files are there: who bought gets the mail, once for each revision that is drawn; an administrator may
//! send it again, and reminds of what is overdue.

use chrono::Days;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::billing::customers::{self, Customer};
use crate::domain::billing::invoices::document::Kind;
use crate::domain::billing::invoices::{self, Files, InvoiceRow, Scope, numbering};
use crate::domain::identity::users::{self, Status};
use crate::flows::{invoice_issued, order_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{EmailId, InvoiceId};
use crate::platform::audit::Severity;
use crate::platform::mail::catalogue::Template;
use crate::platform::mail::{self, NewMail, catalogue};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Days after the due date on which an unpaid invoice is reminded of.
const REMINDERS: [i64; 3] = [3, 10, 20];
/// Days after the due date from which on nobody is reminded any more.
const OLDEST: u64 = 90;

/// The files of this revision are stored: they are the invoice's now, and go to who bought. False: there is a newer one.
pub async fn ready(tx: &mut Tx, id: InvoiceId, revision: i32, files: &Files) -> Result<bool> {
    let Some(row) = invoices::pdf_ready(tx, id, revision, files).await? else { return Ok(false) };
    let details = json!({ "revision": revision, "sha256": files.pdf_sha256, "rendered_with": files.rendered_with });
    invoice_issued::record(tx, "INVOICE_PDF_GENERATED", Severity::Low, &row, details).await?;
    let Some(customer) = buyer(tx, &row).await? else { return Ok(true) };
    let key = format!("invoice:{id}:r{revision}:mail");
    if deliver(tx, &row, &customer, template(&row), json!({}), key.clone()).await?.is_some() {
        tell(tx, &row, &customer, key).await?;
    }
    Ok(true)
}

/// Sends it again because somebody asked for it. 409 for a draft, and while its files are not drawn.
pub async fn again(tx: &mut Tx, id: InvoiceId) -> Result<EmailId> {
    let row = invoices::lock(tx, id).await?;
    if row.pdf_file_id.is_none() {
        return Err(Error::conflict("invoice_files", "its files are not drawn yet"));
    }
    let none = || Error::conflict("invoice_buyer", "nobody is known to send it to");
    let customer = buyer(tx, &row).await?.ok_or_else(none)?;
    let key = format!("invoice:{id}:send:{}", Uuid::now_v7()); // every click is a wish of its own
    let sent = deliver(tx, &row, &customer, template(&row), json!({}), key).await?;
    let sent = sent.ok_or_else(|| Error::internal("a new key was taken"))?;
    invoice_issued::record(tx, "INVOICE_SENT", Severity::Low, &row, json!({ "email": sent })).await?;
    Ok(sent)
}

/// Reminds of every invoice that is overdue by one of the terms, once for each. What is older was reminded of by all of
/// them, or nobody looked for months. Returns how many mails were written.
pub async fn remind(tx: &mut Tx) -> Result<usize> {
    let today = numbering::today(tx).await?;
    let mut sent = 0;
    for id in invoices::overdue(tx, today - Days::new(OLDEST), today).await? {
        let row = invoices::get(tx, &Scope::All, id).await?;
        let late = row.due_date.map_or(0, |due| (today - due).num_days());
        let Some(nth) = REMINDERS.iter().rposition(|days| *days <= late) else { continue };
        let Some(customer) = buyer(tx, &row).await? else { continue };
        let vars = json!({ "due_date": row.due_date, "amount_due": row.due, "days_late": late, "payment_url": page(tx, &row, &customer) });
        let key = format!("invoice-reminder:{}:{nth}", row.id);
        if deliver(tx, &row, &customer, &catalogue::PAYMENT_REMINDER, vars, key).await?.is_some() {
            invoice_issued::record(
                tx,
                "INVOICE_REMINDED",
                Severity::Low,
                &row,
                json!({ "nth": nth + 1, "days": late }),
            )
            .await?;
            sent += 1;
        }
    }
    Ok(sent)
}

async fn buyer(tx: &mut Tx, row: &InvoiceRow) -> Result<Option<Customer>> {
    Ok(match row.customer_id {
        Some(id) => Some(customers::get(tx, id).await?),
        None => None,
    })
}

fn template(row: &InvoiceRow) -> &'static Template {
    if row.kind == Kind::CreditNote { &catalogue::CREDIT_NOTE } else { &catalogue::INVOICE }
}

/// Where its owner finds it on the site; a guest has no page there, and has the file.
fn page(tx: &Tx, row: &InvoiceRow, customer: &Customer) -> Option<String> {
    customer.user_id.map(|_| format!("{}/invoices/{}", tx.platform().config.frontend_url(), row.id))
}

async fn deliver(
    tx: &mut Tx,
    row: &InvoiceRow,
    customer: &Customer,
    template: &'static Template,
    more: Value,
    dedupe_key: String,
) -> Result<Option<EmailId>> {
    let mut vars = json!({
        "customer_name": customer.billing.legal_name,
        "invoice_number": row.number,
        "issue_date": row.issue_date,
        "total_net": row.total_net,
        "total_vat": row.total_vat,
        "total_gross": row.total_gross,
        "order_number": row.document.order_ref,
        "original_number": row.document.preceding.first().map(|one| &one.number),
        "refund_delay_days": row.refund_id.map(|_| tx.platform().config.house.refund_days),
        "invoice_url": page(tx, row, customer),
    });
    if let (Some(vars), Some(more)) = (vars.as_object_mut(), more.as_object()) {
        vars.extend(more.clone());
    }
    let mail = NewMail {
        template,
        to: order_told::recipient(customer),
        vars,
        dedupe_key,
        subject: Some(("invoice", row.id.0)),
        reply_to: None,
        attachments: row.pdf_file_id.into_iter().collect(),
    };
    let queued = mail::queue(tx, mail).await?;
    if queued.is_some() {
        invoices::sent(tx, row.id).await?;
    }
    Ok(queued)
}

/// Shows it in the application too, to who has an account there; the mail is on its way already.
async fn tell(tx: &mut Tx, row: &InvoiceRow, customer: &Customer, key: String) -> Result<()> {
    let Some(user) = customer.user_id else { return Ok(()) };
    let Some(user) = users::find(tx, user).await?.filter(|user| user.status == Status::Active) else { return Ok(()) };
    let number = row.number.as_deref().unwrap_or_default();
    let title = match (row.kind, &*user.locale) {
        (Kind::CreditNote, "en") => format!("Credit note {number}"),
        (Kind::CreditNote, _) => format!("Avoir {number}"),
        (_, "en") => format!("Invoice {number}"),
        (_, _) => format!("Facture {number}"),
    };
    let message = if user.locale == "en" {
        "It is ready, and has been sent to you."
    } else {
        "Elle est prête et vous a été envoyée."
    };
    let notification = NewNotification {
        user: Some(user.id),
        kind: "success",
        title: &title,
        message,
        action_url: page(tx, row, customer),
        subject: Some(("invoice", row.id.0)),
        dedupe_key: Some(key),
        by_email: false,
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}
