//! An order is paid, so it is invoiced: in the same transaction, with its number.
//!
//! What cannot be invoiced (a company without its SIREN, say) must not keep the payment from being recorded: a draft stays
//! behind, the administrators are told what is missing, complete it and issue it.

use serde_json::json;

use crate::domain::billing::customers;
use crate::domain::billing::invoices::document::Kind;
use crate::domain::billing::invoices::draft::{self, Prepaid, Sale};
use crate::domain::billing::invoices::{
    self, Invoice, InvoiceRow, InvoiceStatus, NewInvoice, PdfStatus, Problem, Scope,
};
use crate::domain::billing::invoices::{checks, numbering};
use crate::domain::billing::orders::{self, Order};
use crate::domain::billing::payments::Payment;
use crate::flows::{invoice_credited, payment_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::error::FieldError;
use crate::kernel::ids::InvoiceId;
use crate::platform::audit::{self, Entry, Severity};
use crate::platform::jobs::kinds::RenderInvoice;
use crate::platform::jobs::{NewJob, enqueue_new};
use crate::platform::notifications::{self, NewNotification};
use crate::platform::tx::Tx;

/// Invoices an order whose payment has come. The caller holds the order and the payment. A second call does nothing.
pub async fn issue_for_order(tx: &mut Tx, order: &Order, payment: &Payment) -> Result<()> {
    let known = invoices::of_order(tx, order.id).await?;
    if let Some(one) = known.iter().find(|one| one.kind == Kind::Invoice && one.status != InvoiceStatus::Credited) {
        return settle(tx, order, payment, one).await;
    }
    let customer = customers::get(tx, order.customer_id).await?;
    let lines = orders::lines(tx, order).await?;
    let today = numbering::today(tx).await?;
    let config = tx.platform().config.clone();
    let at = payment.succeeded_at.unwrap_or_else(|| tx.platform().clock.now());
    let prepaid = Prepaid { at, method: payment.method.clone(), intent: payment.payment_intent_id.clone() };
    let sale = Sale { house: &config.house, customer: &customer, order, lines: &lines, prepaid: Some(&prepaid), today };
    let new = NewInvoice {
        document: draft::of_order(&sale),
        order: Some(order.id),
        payment: Some(payment.id),
        customer: Some(customer.id),
        credit_of: None,
        refund: None,
        stripe_refund_id: None,
    };
    file(tx, &new).await?;
    Ok(())
}

/// The order has its invoice: this payment's, or one that was to be paid by transfer, and now need not be.
async fn settle(tx: &mut Tx, order: &Order, payment: &Payment, row: &InvoiceRow) -> Result<()> {
    match row.status {
        _ if row.payment_id.is_some() => Ok(()),
        InvoiceStatus::Issued if row.due == payment.amount => {
            paid(tx, row.id, Some("the order was paid")).await.map(drop)
        }
        InvoiceStatus::Issued | InvoiceStatus::Draft => {
            let text = "the order is paid, and has an invoice to be paid by transfer: issue it if it is a draft, and note \
                        that it is paid";
            payment_told::alarm(tx, order, payment, "invoice", "other_invoice", text).await
        }
        InvoiceStatus::Paid | InvoiceStatus::Credited => Ok(()),
    }
}

/// Drafts an invoice and issues it, or leaves the draft and tells the administrators what is missing.
pub(super) async fn file(tx: &mut Tx, new: &NewInvoice) -> Result<InvoiceRow> {
    let problems = problems(tx, &new.document);
    let row = invoices::insert(tx, new, &problems).await?;
    if problems.is_empty() {
        return number(tx, &row).await;
    }
    tell(tx, &row).await?;
    Ok(row)
}

/// Issues a draft, with what follows from it. 422 with all that is missing, 409 for what is issued already.
pub async fn issue(tx: &mut Tx, id: InvoiceId) -> Result<InvoiceRow> {
    // Whoever gives money back holds the order first, and sees either the draft or its invoice.
    if let Some(order) = invoices::get(tx, &Scope::All, id).await?.order_id {
        orders::lock(tx, order).await?;
    }
    let row = invoices::lock(tx, id).await?;
    let problems = problems(tx, &row.document);
    if !problems.is_empty() && row.status == InvoiceStatus::Draft {
        let field = |one: Problem| FieldError { path: one.path, code: one.code.into(), message: one.message };
        return Err(Error::Invalid(problems.into_iter().map(field).collect()));
    }
    let row = number(tx, &row).await?;
    Box::pin(invoice_credited::follow(tx, &row)).await?; // credit notes of refunds: rare, and a large future
    Ok(row)
}

/// Says something else in a draft, which may then be complete. 409 for what is issued.
pub async fn amend(tx: &mut Tx, id: InvoiceId, document: &Invoice) -> Result<InvoiceRow> {
    let problems = problems(tx, document);
    let unnumbered = Invoice { number: None, ..document.clone() };
    let row = invoices::amend(tx, id, &unnumbered, &problems).await?;
    record(tx, "INVOICE_UPDATED", Severity::Medium, &row, json!({ "problems": row.problems.len() })).await?;
    Ok(row)
}

pub(super) fn problems(tx: &Tx, document: &Invoice) -> Vec<Problem> {
    let own = draft::problems(&tx.platform().config.house, document);
    own.into_iter().chain(checks::problems(document).into_iter().map(Problem::from)).collect()
}

/// Gives a draft that is in order its number.
pub(super) async fn number(tx: &mut Tx, draft: &InvoiceRow) -> Result<InvoiceRow> {
    let series = &tx.platform().config.clone().house.series;
    let code = if draft.kind == Kind::CreditNote { &series.credit_note } else { &series.invoice };
    let row = invoices::issue(tx, draft.id, code).await?;
    record(tx, "INVOICE_ISSUED", Severity::Low, &row, json!({ "number": row.number, "total": row.total_gross }))
        .await?;
    draw(tx, &row).await?;
    Ok(row)
}

async fn draw(tx: &mut Tx, row: &InvoiceRow) -> Result<()> {
    let job = NewJob::of(&RenderInvoice { invoice: row.id, revision: row.revision })?;
    enqueue_new(tx, job.named(row.number.as_deref().unwrap_or_default())).await?;
    Ok(())
}

/// Draws its files again as a new revision; those of the one before stay. 409 for a draft, and while one is drawn.
pub async fn draw_again(tx: &mut Tx, id: InvoiceId) -> Result<InvoiceRow> {
    let row = invoices::lock(tx, id).await?;
    if row.status != InvoiceStatus::Draft && row.pdf_status == PdfStatus::Pending {
        return Err(Error::conflict("invoice_files", "its files are being drawn"));
    }
    let row = invoices::revise(tx, id).await?;
    record(tx, "INVOICE_REDRAWN", Severity::Medium, &row, json!({ "revision": row.revision })).await?;
    draw(tx, &row).await?;
    Ok(row)
}

/// Its money came by another way than Stripe. 409 unless it is issued and waits for it.
pub async fn paid(tx: &mut Tx, id: InvoiceId, reason: Option<&str>) -> Result<InvoiceRow> {
    let row = invoices::lock(tx, id).await?;
    let waits = row.kind != Kind::CreditNote && row.status == InvoiceStatus::Issued;
    let moved =
        if waits { invoices::set_status(tx, id, InvoiceStatus::Issued, InvoiceStatus::Paid).await? } else { None };
    let row = moved.ok_or_else(|| Error::conflict("invoice_status", "it does not wait for its money"))?;
    record(tx, "INVOICE_PAID", Severity::Medium, &row, json!({ "reason": reason })).await?;
    Ok(row)
}

/// Writes down what was done to an invoice.
pub(super) async fn record(
    tx: &mut Tx,
    action: &str,
    severity: Severity,
    row: &InvoiceRow,
    details: serde_json::Value,
) -> Result<()> {
    audit::record(tx, Entry { action, severity, target: "invoice", id: row.id.to_string(), details }).await
}

/// Tells the administrators what keeps a draft from being issued, once.
async fn tell(tx: &mut Tx, row: &InvoiceRow) -> Result<()> {
    let order = row.document.order_ref.as_deref().unwrap_or_default();
    let title = match row.kind {
        Kind::CreditNote => format!("{order}: credit note incomplete"),
        _ => format!("{order}: invoice incomplete"),
    };
    let missing = row.problems.iter().map(|one| format!("{} {} ({})", one.path, one.message, one.code));
    let message = format!("complete it and issue it:\n{}", missing.collect::<Vec<_>>().join("\n"));
    let notification = NewNotification {
        kind: "error",
        title: &title,
        message: &message,
        priority: "high",
        subject: Some(("invoice", row.id.0)),
        vars: json!({ "error_code": "invoice_incomplete" }),
        dedupe_key: Some(format!("invoice:{}:incomplete:admin", row.id)),
        ..NewNotification::default()
    };
    notifications::notify(tx, notification).await?;
    Ok(())
}
