//! An invoice is taken back, or part of it: money was refunded, or it is cancelled before it was paid. A credit note says so
//! and names it; the invoice itself never changes.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::billing::invoices::credit::{self, Part};
use crate::domain::billing::invoices::document::Kind;
use crate::domain::billing::invoices::{self, InvoiceRow, InvoiceStatus, NewInvoice, numbering};
use crate::domain::billing::orders;
use crate::domain::billing::payments::{self, Outcome, Payment};
use crate::domain::billing::refunds::{self, Refund, RefundStatus};
use crate::flows::{invoice_issued, payment_told};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::InvoiceId;
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// A refund has reached the buyer: it gets its credit note, once. The caller holds the order and the payment. Money that
/// was not invoiced (paid twice, paid for a cancelled order) has none; nor has, yet, that of a draft.
pub async fn refunded(tx: &mut Tx, payment: &Payment, refund: &Refund) -> Result<()> {
    if refund.status != RefundStatus::Succeeded || invoices::of_refund(tx, refund.id).await?.is_some() {
        return Ok(());
    }
    let Some(invoice) = of_payment(tx, payment).await? else { return Ok(()) };
    let invoice = invoices::lock(tx, invoice.id).await?;
    let now = tx.platform().clock.now();
    if take_back(tx, &invoice, refund.amount.amount, Some((refund, now))).await?.is_none() {
        let order = orders::lock(tx, payment.order_id).await?;
        let text = "a refund is more than is left of the invoice: look at its credit notes";
        let about = format!("refund:{}:credit", refund.id);
        payment_told::alarm(tx, &order, payment, &about, "credit_note", text).await?;
    }
    Ok(())
}

/// What invoices a payment: that of its order which was made for it, or which was to be paid by transfer and was paid by it,
/// the first that came. None while it is a draft.
async fn of_payment(tx: &mut Tx, payment: &Payment) -> Result<Option<InvoiceRow>> {
    let all = payments::of_order(tx, payment.order_id).await?;
    let first = all.iter().filter(|one| one.outcome == Outcome::Succeeded).min_by_key(|one| one.succeeded_at);
    let first = first.is_some_and(|first| first.id == payment.id);
    let mine = |one: &InvoiceRow| match one.payment_id {
        Some(id) => id == payment.id,
        None => first && one.status == InvoiceStatus::Paid,
    };
    let known = invoices::of_order(tx, payment.order_id).await?;
    let found = known.into_iter().find(|one| one.kind == Kind::Invoice && mine(one));
    Ok(found.filter(|one| one.status != InvoiceStatus::Draft))
}

/// Takes back what is left of an invoice that was not paid. 404: no such; 409 `invoice_draft`, `invoice_credited`, or
/// `refund_needed`: its money came, and a refund of it brings the credit note.
pub async fn cancel(tx: &mut Tx, id: InvoiceId, reason: &str) -> Result<InvoiceRow> {
    let invoice = invoices::lock(tx, id).await?;
    match invoice.status {
        InvoiceStatus::Draft => return Err(Error::conflict("invoice_draft", "a draft is thrown away, not cancelled")),
        InvoiceStatus::Credited => {
            return Err(Error::conflict("invoice_credited", "the invoice was taken back before"));
        }
        InvoiceStatus::Issued | InvoiceStatus::Paid => {}
    }
    if invoice.kind == Kind::CreditNote {
        return Err(Error::conflict("credit_note", "a credit note cannot be cancelled: issue another invoice"));
    }
    if invoice.status == InvoiceStatus::Paid || invoice.paid.amount > 0 {
        return Err(Error::conflict("refund_needed", "the invoice is paid: refund its payment"));
    }
    let left = invoice.total_gross.amount - credited(tx, invoice.id).await?;
    let credit = take_back(tx, &invoice, left, None).await?;
    let credit = credit.ok_or_else(|| Error::conflict("invoice_credited", "nothing is left of the invoice"))?;
    let details = json!({ "reason": reason, "credit_note": credit.number });
    invoice_issued::record(tx, "INVOICE_CANCELLED", Severity::High, &invoice, details).await?;
    Ok(credit)
}

/// What follows when a draft was issued late: the invoice's refunds get their credit notes; a credit note settles its
/// invoice.
pub(super) async fn follow(tx: &mut Tx, row: &InvoiceRow) -> Result<()> {
    if let Some(invoice) = row.credit_of_id {
        return settle(tx, invoice).await;
    }
    let Some(payment) = row.payment_id else { return Ok(()) };
    let payment = payments::get(tx, payment).await?;
    for refund in refunds::of_payment(tx, payment.id).await? {
        refunded(tx, &payment, &refund).await?;
    }
    Ok(())
}

/// A credit note of so much of an invoice. None: that is more than is left of it.
async fn take_back(
    tx: &mut Tx,
    invoice: &InvoiceRow,
    amount: i64,
    refund: Option<(&Refund, DateTime<Utc>)>,
) -> Result<Option<InvoiceRow>> {
    let earlier = credited(tx, invoice.id).await?;
    let today = numbering::today(tx).await?;
    let part = Part { earlier, amount, refunded_at: refund.map(|(_, at)| at) };
    let config = tx.platform().config.clone();
    let Some(document) = credit::of(&config.house, &invoice.document, &part, today) else { return Ok(None) };
    let new = NewInvoice {
        document,
        order: invoice.order_id,
        payment: invoice.payment_id,
        customer: invoice.customer_id,
        credit_of: Some(invoice.id),
        refund: refund.map(|(refund, _)| refund.id),
        stripe_refund_id: refund.and_then(|(refund, _)| refund.stripe_refund_id.clone()),
    };
    let row = invoice_issued::file(tx, &new).await?;
    settle(tx, invoice.id).await?;
    Ok(Some(row))
}

/// What credit notes have taken of an invoice, drafts included: they are of money that is gone.
async fn credited(tx: &mut Tx, invoice: InvoiceId) -> Result<i64> {
    Ok(invoices::credits_of(tx, invoice).await?.iter().map(|credit| credit.total_gross.amount).sum())
}

/// An invoice of which nothing is left is credited.
async fn settle(tx: &mut Tx, id: InvoiceId) -> Result<()> {
    let invoice = invoices::lock(tx, id).await?;
    let credits = invoices::credits_of(tx, id).await?;
    let issued = credits.iter().filter(|credit| credit.status != InvoiceStatus::Draft);
    let gone = issued.map(|credit| credit.total_gross.amount).sum::<i64>() >= invoice.total_gross.amount;
    if gone && invoice.status != InvoiceStatus::Credited {
        invoices::set_status(tx, id, invoice.status, InvoiceStatus::Credited).await?;
    }
    Ok(())
}
