//! Drafting and issuing invoices, and what becomes of them.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::document::Invoice;
use super::read::invoice;
use super::sums::Sums;
use super::{Files, InvoiceRow, InvoiceStatus, NewInvoice, Problem, numbering};
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, InvoiceId};

/// The columns that repeat what a document says.
struct Said {
    document: Value,
    vat_breakdown: Value,
    sums: Sums,
}

impl Said {
    fn of(document: &Invoice) -> Result<Self> {
        // Rates that no column holds; which of the others are right, the checks say.
        if let Some(n) = document.lines.iter().position(|line| !(0..=10_000).contains(&line.vat_rate_bp)) {
            return Err(Error::field(&format!("document.lines[{n}].vat_rate_bp"), "range", "must be 0 to 10000"));
        }
        let sums = document.sums();
        let sums = sums.ok_or_else(|| Error::field("lines", "range", "come to more than an invoice may"))?;
        let vat_breakdown = serde_json::to_value(&sums.by_rate).map_err(Error::internal)?;
        Ok(Self { document: serde_json::to_value(document).map_err(Error::internal)?, vat_breakdown, sums })
    }
}

/// Drafts an invoice. 422 when it comes to more than fits.
pub async fn insert(db: &mut PgConnection, new: &NewInvoice, problems: &[Problem]) -> Result<InvoiceRow> {
    let said = Said::of(&new.document)?;
    let row = invoice!(
        "insert into invoices (id, kind, order_id, payment_id, customer_id, credit_of_id, refund_id, stripe_refund_id,
                               issue_date, due_date, currency, total_net_cents, total_vat_cents, total_gross_cents,
                               paid_cents, due_cents, vat_breakdown, document, problems)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         returning" "",
        InvoiceId::new().0,
        new.document.kind.name(),
        new.order.map(|order| order.0),
        new.payment.map(|payment| payment.0),
        new.customer.map(|customer| customer.0),
        new.credit_of.map(|invoice| invoice.0),
        new.refund.map(|refund| refund.0),
        new.stripe_refund_id,
        new.document.issue_date,
        new.document.due_date,
        new.document.currency.code(),
        said.sums.net.amount,
        said.sums.vat.amount,
        said.sums.gross.amount,
        said.sums.paid.amount,
        said.sums.due.amount,
        said.vat_breakdown,
        said.document,
        json!(problems)
    );
    let row: InvoiceRow = row.fetch_one(&mut *db).await?.into();
    insert_lines(db, row.id, &new.document).await?;
    Ok(row)
}

async fn insert_lines(db: &mut PgConnection, invoice: InvoiceId, document: &Invoice) -> Result<()> {
    for (line, position) in document.lines.iter().zip(1..) {
        sqlx::query!(
            "insert into invoice_lines (id, invoice_id, position, name, description, quantity, unit_code, unit_price,
                                        net_cents, vat_rate, vat_category)
             values ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8::text::numeric, $9, $10::int / 100.0, $11)",
            Uuid::now_v7(),
            invoice.0,
            position,
            line.name,
            line.detail.as_deref().unwrap_or_default(),
            line.quantity.to_string(),
            line.unit.code,
            line.unit_price.to_string(),
            line.net,
            line.vat_rate_bp,
            line.vat_category.code()
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Says something else in a draft. 409 for what is issued.
pub async fn amend(
    db: &mut PgConnection,
    id: InvoiceId,
    document: &Invoice,
    problems: &[Problem],
) -> Result<InvoiceRow> {
    let said = Said::of(document)?;
    let row = invoice!(
        "update invoices set issue_date = $2, due_date = $3, currency = $4, total_net_cents = $5, total_vat_cents = $6,
                             total_gross_cents = $7, paid_cents = $8, due_cents = $9, vat_breakdown = $10, document = $11,
                             problems = $12, updated_at = now()
         where id = $1 and status = 'draft' and kind = $13
         returning" "",
        id.0,
        document.issue_date,
        document.due_date,
        document.currency.code(),
        said.sums.net.amount,
        said.sums.vat.amount,
        said.sums.gross.amount,
        said.sums.paid.amount,
        said.sums.due.amount,
        said.vat_breakdown,
        said.document,
        json!(problems),
        document.kind.name()
    );
    let row = row.fetch_optional(&mut *db).await?.map(InvoiceRow::from).ok_or_else(no_draft)?;
    sqlx::query!("delete from invoice_lines where invoice_id = $1", id.0).execute(&mut *db).await?;
    insert_lines(db, id, document).await?;
    Ok(row)
}

/// Gives a draft its number, the next of this series, and freezes it. The caller has checked what it says; others who
/// issue in this series wait until the transaction ends. 409 for what is issued.
pub async fn issue(db: &mut PgConnection, id: InvoiceId, series: &str) -> Result<InvoiceRow> {
    let draft = super::lock(db, id).await?;
    if draft.status != InvoiceStatus::Draft {
        return Err(no_draft());
    }
    let drawn = numbering::draw(db, series).await?;
    let document = draft.document.numbered(drawn.number, drawn.date);
    let status = if draft.due.amount == 0 { InvoiceStatus::Paid } else { InvoiceStatus::Issued };
    let row = invoice!(
        "update invoices set number = $2, status = $3, issue_date = $4, due_date = $5, document = $6, problems = '[]',
                             issued_at = now(), paid_at = case when $3 = 'paid' then now() end, updated_at = now()
         where id = $1 and status = 'draft'
         returning" "",
        id.0,
        document.number,
        status.name(),
        document.issue_date,
        document.due_date,
        serde_json::to_value(&document).map_err(Error::internal)?
    );
    row.fetch_optional(db).await?.map(InvoiceRow::from).ok_or_else(no_draft)
}

/// Throws a draft away. 409 for what is issued.
pub async fn discard(db: &mut PgConnection, id: InvoiceId) -> Result<()> {
    let gone = sqlx::query!("delete from invoices where id = $1 and status = 'draft'", id.0);
    if gone.execute(db).await?.rows_affected() == 0 { Err(no_draft()) } else { Ok(()) }
}

fn no_draft() -> Error {
    Error::conflict("invoice_issued", "the invoice is issued: it does not change any more")
}

/// Moves an issued invoice from one status to another: issued → paid or credited, paid → credited. None: it was not
/// there (any more).
pub async fn set_status(
    db: &mut PgConnection,
    id: InvoiceId,
    from: InvoiceStatus,
    to: InvoiceStatus,
) -> Result<Option<InvoiceRow>> {
    let moved = invoice!(
        "update invoices set status = $3, paid_at = case when $3 = 'paid' then now() else paid_at end, updated_at = now()
         where id = $1 and status = $2 and status <> 'draft'
         returning" "",
        id.0,
        from.name(),
        to.name()
    );
    Ok(moved.fetch_optional(db).await?.map(InvoiceRow::from))
}

/// The files of this revision are kept. None: there is a newer revision.
pub async fn pdf_ready(
    db: &mut PgConnection,
    id: InvoiceId,
    revision: i32,
    files: &Files,
) -> Result<Option<InvoiceRow>> {
    let row = invoice!(
        "update invoices set pdf_status = 'ready', pdf_error = null, pdf_file_id = $3, xml_file_id = $4, png_file_id = $5,
                             rendered_with = $6, updated_at = now()
         where id = $1 and revision = $2 and status <> 'draft'
         returning" "",
        id.0,
        revision,
        files.pdf.0,
        files.xml.0,
        files.png.map(|file| file.0),
        files.rendered_with
    );
    Ok(row.fetch_optional(db).await?.map(InvoiceRow::from))
}

/// The files of this revision could not be drawn. None: they are there, or there is a newer revision.
pub async fn pdf_failed(db: &mut PgConnection, id: InvoiceId, revision: i32, why: &str) -> Result<Option<InvoiceRow>> {
    let row = invoice!(
        "update invoices set pdf_status = 'failed', pdf_error = $3, updated_at = now()
         where id = $1 and revision = $2 and pdf_status <> 'ready'
         returning" "",
        id.0,
        revision,
        why
    );
    Ok(row.fetch_optional(db).await?.map(InvoiceRow::from))
}

/// A new revision of an issued invoice's files, to be drawn; those of the one before stay known. 409 for a draft.
pub async fn revise(db: &mut PgConnection, id: InvoiceId) -> Result<InvoiceRow> {
    let row = invoice!(
        "update invoices set former_files = case when pdf_file_id is null then former_files else former_files ||
                                 jsonb_build_object('revision', revision, 'pdf_file_id', pdf_file_id,
                                                    'xml_file_id', xml_file_id, 'png_file_id', png_file_id,
                                                    'rendered_with', rendered_with) end,
                             revision = revision + 1, pdf_status = 'pending', pdf_error = null, pdf_file_id = null,
                             xml_file_id = null, png_file_id = null, rendered_with = null, updated_at = now()
         where id = $1 and status <> 'draft'
         returning" "",
        id.0
    );
    let row = row.fetch_optional(db).await?.map(InvoiceRow::from);
    row.ok_or_else(|| Error::conflict("invoice_draft", "a draft has no files"))
}

/// It was sent, now.
pub async fn sent(db: &mut PgConnection, id: InvoiceId) -> Result<()> {
    sqlx::query!("update invoices set sent_at = now(), updated_at = now() where id = $1 and status <> 'draft'", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Throws away the drafts of these customers, but those of orders that are paid: they must still be issued.
pub async fn forget(db: &mut PgConnection, customers: &[CustomerId]) -> Result<()> {
    let ids: Vec<_> = customers.iter().map(|customer| customer.0).collect();
    sqlx::query!(
        "delete from invoices where customer_id = any($1) and status = 'draft'
           and not exists (select from payments p where p.order_id = invoices.order_id and p.outcome = 'succeeded')",
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}
