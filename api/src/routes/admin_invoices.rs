//! Invoices for who manages them: drafted by hand, completed, issued, taken back, sent again, drawn again, archived.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use chrono::{Months, NaiveDate};
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::billing::invoices::{self, InvoiceFilter, InvoiceRow, InvoiceStatus, Scope};
use shared::flows::{invoice_credited, invoice_drafted, invoice_issued, invoice_sent};
use shared::kernel::Error;
use shared::kernel::ids::{CustomerId, EmailId, InvoiceId, OrderId};
use shared::platform::files::{self, Disposition};
use validator::Validate;

use super::invoices::send as send_file;
use super::requests::line;
use crate::app::App;
use crate::archive;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, data, listed};
use crate::table::{Access, Table};

/// A document of 2,000 lines.
const LARGEST: usize = 1024 * 1024;

const MANAGE: Access = Access::Can("invoices.manage");

/// All of them.
pub fn table() -> Table {
    Table::at("/api/v1/admin/invoices", "invoices")
        .get("", MANAGE, list)
        .says("All invoices and credit notes, newest first")
        .queries::<InvoiceFilter>()
        .paged()
        .gives::<InvoiceRow>(200)
        .post("", MANAGE, draft)
        .says("Draft an invoice: of an order, or of what is said here; what is absent comes from the house. `problems` says what keeps it from being issued")
        .takes::<NewDraft>()
        .up_to(LARGEST)
        .gives::<InvoiceRow>(201)
        .get("/archive", MANAGE, quarter)
        .says("The PDFs of all invoices of a quarter as a ZIP")
        .queries::<ArchiveOf>()
        .downloads()
        .get("/{id}", MANAGE, show)
        .says("One invoice with its credit notes and the addresses of its files")
        .gives::<Whole>(200)
        .opens("INVOICE_ACCESSED", "invoice")
        .put("/{id}", MANAGE, amend)
        .says("Say something else in a draft")
        .takes::<Amended>()
        .up_to(LARGEST)
        .gives::<InvoiceRow>(200)
        .delete("/{id}", MANAGE, discard)
        .says("Throw a draft away; what is issued stays")
        .gives_nothing(204)
        .put("/{id}/status", MANAGE, set_status)
        .says("Issue a draft (422 with all that is missing), note that an invoice is paid, or take it back by a credit note")
        .takes::<NewStatus>()
        .gives::<InvoiceRow>(200)
        .get("/{id}/pdf", MANAGE, pdf)
        .says("Its PDF; 202 with `Retry-After` while it is drawn")
        .downloads()
        .opens("INVOICE_DOWNLOADED", "invoice")
        .get("/{id}/xml", MANAGE, xml)
        .says("Its XML, as it is attached to the PDF")
        .downloads()
        .opens("INVOICE_DOWNLOADED", "invoice")
        .post("/{id}/send", MANAGE, send)
        .says("Send it again to who bought")
        .gives::<Sent>(202)
        .post("/{id}/render", MANAGE, render)
        .says("Draw its files again as a new revision; those of the one before stay")
        .gives::<InvoiceRow>(202)
}

async fn list(State(app): State<App>, Query(filter): Query<InvoiceFilter>, Paging(page): Paging) -> Answer {
    listed(&invoices::list(&mut *app.db().await?, &Scope::All, &filter, page).await?)
}

/// An invoice about to be drafted.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewDraft {
    /// Of this order, to be paid by transfer.
    order_id: Option<OrderId>,
    /// For this customer.
    customer_id: Option<CustomerId>,
    /// All it says (`Invoice`); needed without an order. May leave out `seller`, `notes`, `terms`, `billing_frame`,
    /// `issue_date`, `payment`, `locale`, and of a line its `position` and `net`.
    document: Option<Value>,
}

async fn draft(post: Post<NewDraft>) -> Answer {
    let mut tx = post.begin().await?;
    let NewDraft { order_id, customer_id, document } = &post.body;
    let row = match (order_id, document) {
        (Some(order), None) => invoice_drafted::of_order(&mut tx, *order).await?,
        (order, Some(said)) => invoice_drafted::by_hand(&mut tx, *order, *customer_id, said.clone()).await?,
        (None, None) => return Err(Error::field("document", "required", "is missing, and there is no order_id").into()),
    };
    post.created(tx, &row).await
}

/// What a draft says from now on.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Amended {
    /// All of it, as in a new draft.
    document: Value,
}

async fn amend(Path(id): Path<InvoiceId>, post: Post<Amended>) -> Answer {
    let mut tx = post.begin().await?;
    let row = invoice_drafted::amend(&mut tx, id, post.body.document.clone()).await?;
    post.ok(tx, &row).await
}

async fn discard(Path(id): Path<InvoiceId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    invoice_drafted::discard(&mut tx, id).await?;
    post.done(tx).await
}

/// Where an invoice should stand.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    /// `issued` gives a draft its number; `paid` notes that its money came by another way than Stripe; `credited` takes
    /// back what is left of it by a credit note.
    status: InvoiceStatus,
    /// Why; `credited` needs it.
    #[validate(length(max = 500), custom(function = "line"))]
    reason: Option<String>,
}

async fn set_status(Path(id): Path<InvoiceId>, post: Post<NewStatus>) -> Answer {
    let mut tx = post.begin().await?;
    let NewStatus { status, reason } = &post.body;
    let row = match status {
        InvoiceStatus::Issued => invoice_issued::issue(&mut tx, id).await?,
        InvoiceStatus::Paid => invoice_issued::paid(&mut tx, id, reason.as_deref()).await?,
        InvoiceStatus::Credited => {
            let missing = || Error::field("reason", "required", "is missing: a credit note says why in the log");
            invoice_credited::cancel(&mut tx, id, reason.as_deref().ok_or_else(missing)?).await?
        }
        InvoiceStatus::Draft => {
            return Err(Error::field("status", "choice", "an invoice never becomes a draft again").into());
        }
    };
    post.ok(tx, &row).await
}

/// An invoice with what belongs to it.
#[derive(Serialize, JsonSchema)]
struct Whole {
    /// The invoice.
    #[serde(flatten)]
    row: InvoiceRow,
    /// Its credit notes, oldest first.
    credit_notes: Vec<InvoiceRow>,
    /// Addresses of its files that work for a while.
    links: Links,
}

/// Addresses that need no account and work for a while.
#[derive(Serialize, JsonSchema)]
struct Links {
    /// The PDF.
    pdf: Option<String>,
    /// The XML.
    xml: Option<String>,
    /// A picture of the first page.
    png: Option<String>,
}

async fn show(State(app): State<App>, Path(id): Path<InvoiceId>) -> Answer {
    let mut db = app.db().await?;
    let row = invoices::get(&mut db, &Scope::All, id).await?;
    let credit_notes = invoices::credits_of(&mut db, id).await?;
    let link = |file: Option<_>| file.map(|file| files::signed_url(&app.platform, file, Disposition::Inline));
    let links = Links { pdf: link(row.pdf_file_id), xml: link(row.xml_file_id), png: link(row.png_file_id) };
    data(&Whole { row, credit_notes, links })
}

async fn pdf(State(app): State<App>, method: Method, headers: HeaderMap, Path(id): Path<InvoiceId>) -> Answer {
    let mut db = app.db().await?;
    let file = invoices::get(&mut db, &Scope::All, id).await?.pdf_file_id;
    send_file(&app, db, file, &method, &headers).await
}

async fn xml(State(app): State<App>, method: Method, headers: HeaderMap, Path(id): Path<InvoiceId>) -> Answer {
    let mut db = app.db().await?;
    let file = invoices::get(&mut db, &Scope::All, id).await?.xml_file_id;
    send_file(&app, db, file, &method, &headers).await
}

/// A mail on its way.
#[derive(Serialize, JsonSchema)]
struct Sent {
    /// The mail.
    email_id: EmailId,
}

async fn send(Path(id): Path<InvoiceId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let email_id = invoice_sent::again(&mut tx, id).await?;
    post.accepted(tx, None, &Sent { email_id }).await
}

async fn render(Path(id): Path<InvoiceId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let row = invoice_issued::draw_again(&mut tx, id).await?;
    post.accepted(tx, None, &row).await
}

/// Which archive.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ArchiveOf {
    /// `2026-Q3`.
    quarter: String,
}

async fn quarter(State(app): State<App>, Query(of): Query<ArchiveOf>) -> Answer {
    let wrong = || Error::field("quarter", "quarter", "must be like 2026-Q3");
    let (from, to) = days(&of.quarter).ok_or_else(wrong)?;
    let mut db = app.db().await?;
    let ids = invoices::pdfs(&mut db, from, to).await?;
    let files = files::find_many(&mut db, &ids).await?;
    drop(db);
    let files = files.into_iter().map(|file| Ok((file.name.clone(), file)));
    Ok(archive::zip(&app.platform.files, &format!("factures-{}.zip", of.quarter), stream::iter(files)))
}

/// The first and the last day of a quarter: `2026-Q3`.
fn days(quarter: &str) -> Option<(NaiveDate, NaiveDate)> {
    let (year, n) = quarter.split_once("-Q")?;
    let (year, n): (i32, u32) = (year.parse().ok().filter(|year| (2000..3000).contains(year))?, n.parse().ok()?);
    let first = NaiveDate::from_ymd_opt(year, n.checked_mul(3)?.checked_sub(2)?, 1)?;
    Some((first, first.checked_add_months(Months::new(3))?.pred_opt()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_has_three_months() {
        let said = |quarter: &str| days(quarter).map(|(from, to)| format!("{from} {to}"));
        assert_eq!(said("2026-Q1").as_deref(), Some("2026-01-01 2026-03-31"));
        assert_eq!(said("2028-Q4").as_deref(), Some("2028-10-01 2028-12-31"));
        for wrong in ["", "2026", "2026-Q0", "2026-Q5", "2026-Q", "26-Q1", "2026-q1", "2026-Q1 "] {
            assert_eq!(said(wrong), None, "{wrong:?}");
        }
    }
}
