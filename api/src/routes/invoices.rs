//! Invoices for who bought: one's own, or those of the order that `Order-Token` opens.

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::billing::invoices::{self, Invoice, InvoiceFilter, InvoiceRow, InvoiceStatus, PdfStatus};
use shared::domain::billing::orders::{self, Scope};
use shared::kernel::ids::{FileId, InvoiceId, OrderId};
use shared::kernel::money::Money;
use shared::platform::files::{self, Disposition};
use shared::platform::tx::Origin;

use super::payments::scope;
use crate::app::App;
use crate::auth::Caller;
use crate::download;
use crate::error::Answer;
use crate::extract::{Paging, Path, Query, data, listed};
use crate::table::{Access, Table};

/// One's own.
pub fn table() -> Table {
    Table::at("/api/v1/invoices", "invoices")
        .get("", Access::Caller, list)
        .says("My invoices and credit notes, newest first")
        .queries::<OwnFilter>()
        .paged()
        .gives::<Summary>(200)
        .get("/{id}", Access::Public, show)
        .says("One of mine, or of the order that `Order-Token` opens, with all it says and an address of its PDF that works for a while")
        .gives::<View>(200)
        .get("/{id}/pdf", Access::Public, pdf)
        .says("Its PDF (Factur-X): mine, or with `Order-Token`; 202 with `Retry-After` while it is drawn")
        .downloads()
        .opens("INVOICE_DOWNLOADED", "invoice")
}

/// Those of an order.
pub fn of_order_table() -> Table {
    Table::at("/api/v1/orders", "invoices")
        .get("/{id}/invoices", Access::Public, of_order)
        .says("The invoices and credit notes of an order of mine, or of the one that `Order-Token` opens, oldest first")
        .gives::<Vec<Summary>>(200)
}

/// Which of one's own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OwnFilter {
    /// Where they stand.
    status: Option<InvoiceStatus>,
}

/// An invoice in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    /// Its id.
    id: InvoiceId,
    /// Its number.
    number: Option<String>,
    /// What it is.
    kind: invoices::document::Kind,
    /// Where it stands.
    status: InvoiceStatus,
    /// The order it is for.
    order_id: Option<OrderId>,
    /// The invoice that a credit note takes back.
    credit_of_id: Option<InvoiceId>,
    /// The day it was issued.
    issue_date: chrono::NaiveDate,
    /// The day it is to be paid.
    due_date: Option<chrono::NaiveDate>,
    /// Without VAT.
    total_net: Money,
    /// The VAT of all rates.
    total_vat: Money,
    /// With VAT.
    total_gross: Money,
    /// To pay when it was issued.
    due: Money,
    /// Whether its PDF is there.
    pdf_status: PdfStatus,
}

impl From<&InvoiceRow> for Summary {
    fn from(row: &InvoiceRow) -> Self {
        Self {
            id: row.id,
            number: row.number.clone(),
            kind: row.kind,
            status: row.status,
            order_id: row.order_id,
            credit_of_id: row.credit_of_id,
            issue_date: row.issue_date,
            due_date: row.due_date,
            total_net: row.total_net,
            total_vat: row.total_vat,
            total_gross: row.total_gross,
            due: row.due,
            pdf_status: row.pdf_status,
        }
    }
}

/// An invoice with all it says.
#[derive(Serialize, JsonSchema)]
struct View {
    /// As in lists.
    #[serde(flatten)]
    summary: Summary,
    /// All it says.
    document: Invoice,
    /// An address of its PDF that works for a while, for a browser; none while it is drawn.
    pdf_url: Option<String>,
}

async fn list(State(app): State<App>, caller: Caller, Query(own): Query<OwnFilter>, Paging(page): Paging) -> Answer {
    let filter = InvoiceFilter { status: own.status, ..InvoiceFilter::default() };
    let page = invoices::list(&mut *app.db().await?, &Scope::Mine(caller.user), &filter, page).await?;
    listed(&page.map(|row| Summary::from(&row)))
}

async fn show(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    headers: HeaderMap,
    Path(id): Path<InvoiceId>,
) -> Answer {
    let scope = scope(&headers, origin.actor, "invoice")?;
    let row = invoices::get(&mut *app.db().await?, &scope, id).await?;
    let pdf_url = row.pdf_file_id.map(|file| files::signed_url(&app.platform, file, Disposition::Inline));
    data(&View { summary: Summary::from(&row), document: row.document, pdf_url })
}

async fn of_order(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Answer {
    let scope = scope(&headers, origin.actor, "order")?;
    let mut db = app.db().await?;
    let order = orders::get(&mut db, &scope, id).await?;
    let rows = invoices::of_order(&mut db, order.id).await?;
    let issued = rows.iter().filter(|row| row.status != InvoiceStatus::Draft);
    data(&issued.map(Summary::from).collect::<Vec<_>>())
}

async fn pdf(
    State(app): State<App>,
    axum::Extension(origin): axum::Extension<Origin>,
    method: Method,
    headers: HeaderMap,
    Path(id): Path<InvoiceId>,
) -> Answer {
    let scope = scope(&headers, origin.actor, "invoice")?;
    let mut db = app.db().await?;
    let row = invoices::get(&mut db, &scope, id).await?;
    let file = row.pdf_file_id;
    send(&app, db, file, &method, &headers).await
}

/// The file, or 202 while there is none. The connection goes back before the first byte goes out.
pub(super) async fn send(
    app: &App,
    mut db: sqlx::pool::PoolConnection<sqlx::Postgres>,
    file: Option<FileId>,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let Some(file) = file else {
        let mut response = StatusCode::ACCEPTED.into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        return Ok(response);
    };
    let file = files::get(&mut db, file).await?;
    drop(db);
    download::serve(&app.platform, &file, Disposition::Inline, method, headers).await
}
