//! Invoices and credit notes, newest first.

use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shared::domain::billing::invoices::document::Kind;
use shared::domain::billing::invoices::{self, InvoiceFilter, InvoiceRow, InvoiceStatus, PdfStatus, Scope};
use shared::domain::exports::ExportKind;

use crate::dashboard::desk::Desk;
use crate::dashboard::exports;
use crate::dashboard::filter::{Chip, with};
use crate::dashboard::forms::Select;
use crate::dashboard::frame::Place;
use crate::dashboard::marks::{self, Mark};
use crate::dashboard::pager::{Empty, Pager};
use crate::dashboard::words::{locale, say, word};
use crate::error::ApiError;
use crate::extract::{Paging, Query};

/// The list.
pub const LIST: &str = "/admin/invoices";

const KINDS: [Kind; 4] = [Kind::Invoice, Kind::CreditNote, Kind::Corrective, Kind::Deposit];
const STATUSES: [InvoiceStatus; 4] =
    [InvoiceStatus::Draft, InvoiceStatus::Issued, InvoiceStatus::Paid, InvoiceStatus::Credited];
const FILES: [PdfStatus; 3] = [PdfStatus::Pending, PdfStatus::Ready, PdfStatus::Failed];

#[derive(Serialize)]
struct Row {
    href: String,
    number: String,
    kind: &'static str,
    buyer: String,
    order: String,
    date: String,
    total: String,
    mark: Mark,
    files: Mark,
}

impl From<&InvoiceRow> for Row {
    fn from(row: &InvoiceRow) -> Self {
        Self {
            href: format!("{LIST}/{}", row.id),
            number: row.number.clone().unwrap_or_else(|| say!("draft")),
            kind: marks::document(row.kind),
            buyer: row.document.buyer.name.clone(),
            order: row.document.order_ref.clone().unwrap_or_default(),
            date: row.issue_date.to_string(),
            total: row.total_gross.said(locale()),
            mark: marks::invoice(row.status),
            files: marks::files(row.status, row.pdf_status),
        }
    }
}

fn query(filter: &InvoiceFilter) -> String {
    serde_urlencoded::to_string(filter).unwrap_or_default()
}

fn chips(given: &InvoiceFilter) -> Vec<Chip> {
    let chip =
        |words: Option<String>, rest: InvoiceFilter| words.map(|words| Chip { words, href: with(LIST, &query(&rest)) });
    let files = given.pdf_status.map(|status| file_words(status).to_lowercase());
    [
        chip(
            given.kind.map(|kind| marks::document(kind).to_lowercase()),
            InvoiceFilter { kind: None, ..given.clone() },
        ),
        chip(
            given.status.map(|status| marks::invoice(status).word.to_lowercase()),
            InvoiceFilter { status: None, ..given.clone() },
        ),
        chip(files, InvoiceFilter { pdf_status: None, ..given.clone() }),
        chip(given.number.clone(), InvoiceFilter { number: None, ..given.clone() }),
        chip(given.order_id.map(|_| say!("of one order")), InvoiceFilter { order_id: None, ..given.clone() }),
        chip(given.customer_id.map(|_| say!("of one buyer")), InvoiceFilter { customer_id: None, ..given.clone() }),
        chip(given.from.map(|day| say!("from {day}", day = day)), InvoiceFilter { from: None, ..given.clone() }),
        chip(given.to.map(|day| say!("until {day}", day = day)), InvoiceFilter { to: None, ..given.clone() }),
        chip(given.currency.map(|it| it.code().to_owned()), InvoiceFilter { currency: None, ..given.clone() }),
        chip(
            given.issued.map(|issued| word(if issued { "issued" } else { "drafts" }).to_owned()),
            InvoiceFilter { issued: None, ..given.clone() },
        ),
        chip(
            given.credit.map(|credit| word(if credit { "credit notes" } else { "no credit notes" }).to_owned()),
            InvoiceFilter { credit: None, ..given.clone() },
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn file_words(status: PdfStatus) -> String {
    let mark = marks::files(InvoiceStatus::Issued, status);
    say!("Files: {state}", state = mark.word.to_lowercase())
}

fn selects(given: &InvoiceFilter) -> Vec<Select> {
    let kinds = KINDS.map(|kind| (kind.name().to_owned(), marks::document(kind).to_owned()));
    let statuses = STATUSES.map(|status| (status.name().to_owned(), marks::invoice(status).word.to_owned()));
    let files = FILES.map(|status| (status.name().to_owned(), file_words(status)));
    vec![
        Select::new("kind", "Every kind", kinds, given.kind.map(Kind::name)),
        Select::new("status", "Every status", statuses, given.status.map(InvoiceStatus::name)),
        Select::new("pdf_status", "Whatever the files", files, given.pdf_status.map(PdfStatus::name)),
    ]
}

/// `GET /admin/invoices`
pub async fn list(
    desk: Desk,
    Query(given): Query<InvoiceFilter>,
    Paging(wanted): Paging,
) -> Result<Response, ApiError> {
    let page = invoices::list(&mut *desk.db().await?, &Scope::All, &given, wanted).await?;
    let narrowed = given != InvoiceFilter::default();
    let empty = Empty {
        icon: "invoices",
        title: word(if narrowed { "No invoice matches." } else { "No invoices yet." }).into(),
        text: word(if narrowed {
            "Others may be hidden by the filters."
        } else {
            "An order that is paid is invoiced at once."
        }),
        href: narrowed.then(|| LIST.to_owned()),
        action: word("Clear them"),
    };
    let view = json!({
        "selects": selects(&given),
        "number": given.number,
        "chips": chips(&given),
        "rows": page.rows.iter().map(Row::from).collect::<Vec<_>>(),
        "export": exports::offer(&desk, ExportKind::Invoices, &query(&given)),
        "empty": empty,
        "pager": Pager::new(LIST, &query(&given), wanted, &page),
    });
    desk.page("invoices", Place::Invoices, "Invoices", &view).await
}
