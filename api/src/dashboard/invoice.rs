//! One invoice: how it looks, what machines read in it, what the rules say, and what hangs together with it.

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::domain::billing::invoices::{self, InvoiceRow, InvoiceStatus, PdfStatus, Scope, checks};
use shared::flows::{invoice_credited, invoice_issued, invoice_sent};
use shared::kernel::Error;
use shared::kernel::ids::{FileId, InvoiceId};
use shared::kernel::page::PageRequest;
use shared::platform::audit;
use shared::platform::files::{self, Disposition};
use shared::platform::mail::{self, EmailFilter};

use crate::app::App;
use crate::dashboard::audit::Line;
use crate::dashboard::desk::Desk;
use crate::dashboard::facts::Fact;
use crate::dashboard::forms::{self, Sent};
use crate::dashboard::frame::Place;
use crate::dashboard::invoices::LIST;
use crate::dashboard::marks;
use crate::dashboard::note::What;
use crate::dashboard::words::{key, locale, say, word};
use crate::download;
use crate::error::{Answer, ApiError};
use crate::extract::Path;

/// Audit entries shown beside an invoice.
const ENTRIES: i64 = 20;
/// Characters of the XML that the page shows; the rest is in the file.
const SHOWN: usize = 60_000;

/// `GET /admin/invoices/{id}`
pub async fn show(desk: Desk, Path(id): Path<InvoiceId>) -> Result<Response, ApiError> {
    let mut db = desk.db().await?;
    let row = invoices::get(&mut db, &Scope::All, id).await?;
    let credits = invoices::credits_of(&mut db, id).await?;
    let original = match row.credit_of_id {
        Some(original) => Some(invoices::get(&mut db, &Scope::All, original).await?),
        None => None,
    };
    let filter = EmailFilter { subject: Some(id.0), ..EmailFilter::default() };
    let mails =
        if desk.may_look() { mail::list(&mut db, &filter, PageRequest::default()).await?.rows } else { Vec::new() };
    let entries = audit::about(&mut db, "invoice", &id.to_string(), ENTRIES).await?;
    let audit = Line::all(&mut db, entries).await?;
    let xml = match row.xml_file_id {
        Some(file) => Some(files::get(&mut db, file).await?),
        None => None,
    };
    drop(db);
    desk.opened("INVOICE_ACCESSED", "invoice", id).await?;
    let xml = match &xml {
        Some(file) => Some(text(&desk.app, file).await),
        None => None,
    };
    let number = row.number.clone().unwrap_or_else(|| say!("Draft"));
    let title = format!("{} {number}", marks::document(row.kind));
    let mails: Vec<_> = mails
        .iter()
        .map(|mail| json!({ "id": mail.id, "template": mail.template, "mark": marks::email(&mail.status), "created_at": mail.created_at }))
        .collect();
    let view = json!({
        "id": id,
        "title": title,
        "number": number,
        "mark": marks::invoice(row.status),
        "files": marks::files(row.status, row.pdf_status),
        "error": row.pdf_error,
        "draft": row.status == InvoiceStatus::Draft,
        "ready": row.pdf_status == PdfStatus::Ready,
        "creditable": row.status == InvoiceStatus::Issued && row.credit_of_id.is_none(),
        "name": say!("{title} for {buyer}, {gross}", title = title, buyer = row.document.buyer.name, gross = row.total_gross.said(locale())),
        "verdicts": verdicts(&row),
        "xml": xml,
        "facts": facts(&row, original.as_ref()),
        "credits": credits.iter().map(|one| Fact::link(marks::invoice(one.status).word, said(one), page(one.id))).collect::<Vec<_>>(),
        "former": row.former_files.iter().map(Former::from).collect::<Vec<_>>(),
        "mails": mails,
        "audit": audit,
    });
    desk.page("invoice", Place::Invoices, &title, &view).await
}

fn page(id: InvoiceId) -> String {
    format!("{LIST}/{id}")
}

fn said(row: &InvoiceRow) -> String {
    format!("{}, {}", row.number.as_deref().unwrap_or_else(|| word("draft")), row.total_gross.said(locale()))
}

/// The XML as it is stored, or why it cannot be shown.
async fn text(app: &App, file: &files::File) -> String {
    match files::read(&app.platform.files, file).await {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            shared::kernel::text::cut(&text, SHOWN).into_owned()
        }
        Err(error) => error.to_string(),
    }
}

/// What a family of rules says.
#[derive(Serialize)]
struct Verdict {
    rules: &'static str,
    fine: bool,
    lines: Vec<String>,
}

/// The rules are asked again now: a rule that came later shows here.
fn verdicts(row: &InvoiceRow) -> Vec<Verdict> {
    let verdict = |rules, found: Vec<shared::kernel::error::FieldError>| {
        let lines: Vec<_> = found.iter().map(|one| format!("{} {} ({})", one.path, one.message, one.code)).collect();
        Verdict { rules, fine: lines.is_empty(), lines }
    };
    let (norm, own) = checks::problems(&row.document).into_iter().partition(|one| is_rule(&one.code));
    vec![verdict(word("EN 16931, the European norm"), norm), verdict(word("French rules and the arithmetic"), own)]
}

/// Whether a code is the name of a rule of the norm: `BR-CO-15`. Those of France are `BR-FR-…`.
fn is_rule(code: &str) -> bool {
    code.starts_with("BR-") && !code.starts_with("BR-FR")
}

/// The files of an earlier revision.
#[derive(Serialize)]
struct Former {
    revision: i32,
    file: Option<FileId>,
    rendered_with: Option<String>,
}

impl From<&invoices::FormerFiles> for Former {
    fn from(former: &invoices::FormerFiles) -> Self {
        Self { revision: former.revision, file: former.pdf_file_id, rendered_with: former.rendered_with.clone() }
    }
}

fn facts(row: &InvoiceRow, original: Option<&InvoiceRow>) -> Vec<Fact> {
    let money = |name, amount: shared::kernel::money::Money| Fact::text(name, amount.said(locale()));
    let facts = [
        Some(Fact::text("Buyer", &row.document.buyer.name)),
        Some(Fact::text("Issued on", row.issue_date)),
        row.due_date.map(|day| Fact::text("Due on", day)),
        Some(money(key("Net"), row.total_net)),
        Some(money(key("VAT"), row.total_vat)),
        Some(money(key("Gross"), row.total_gross)),
        Some(money(key("Due when issued"), row.due)),
        original.map(|one| Fact::link("Takes back", said(one), page(one.id))),
        row.document.order_ref.as_ref().map(|number| match row.order_id {
            Some(order) => Fact::link("Order", number, format!("/admin/orders/{order}")),
            None => Fact::text("Order", number),
        }),
        row.payment_id.map(|payment| Fact::code("Payment", payment)),
        row.document.payment.stripe_payment_intent.as_ref().map(|intent| Fact::code("At Stripe", intent)),
        row.refund_id.map(|refund| Fact::code("Refund", refund)),
        Some(Fact::text("Revision of its files", row.revision)),
        row.rendered_with.as_ref().map(|version| Fact::text("Drawn with", version)),
        row.sent_at.map(|at| Fact::at("Sent", at)),
        row.paid_at.map(|at| Fact::at("Paid", at)),
        Some(Fact::at("Drafted", row.created_at)),
    ];
    facts.into_iter().flatten().collect()
}

/// `GET /admin/invoices/{id}/page.png`, `/pdf`, `/xml`
pub async fn png(desk: Desk, Path(id): Path<InvoiceId>, method: Method, headers: HeaderMap) -> Answer {
    file(&desk, id, |row| row.png_file_id, &method, &headers).await
}

/// The PDF.
pub async fn pdf(desk: Desk, Path(id): Path<InvoiceId>, method: Method, headers: HeaderMap) -> Answer {
    taken(&desk, id, file(&desk, id, |row| row.pdf_file_id, &method, &headers).await?).await
}

/// The XML.
pub async fn xml(desk: Desk, Path(id): Path<InvoiceId>, method: Method, headers: HeaderMap) -> Answer {
    taken(&desk, id, file(&desk, id, |row| row.xml_file_id, &method, &headers).await?).await
}

/// The PDF of an earlier revision.
pub async fn former(
    desk: Desk,
    Path((id, revision)): Path<(InvoiceId, i32)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let of = |row: &InvoiceRow| row.former_files.iter().find(|one| one.revision == revision)?.pdf_file_id;
    taken(&desk, id, file(&desk, id, of, &method, &headers).await?).await
}

/// What somebody took with them is recorded.
async fn taken(desk: &Desk, id: InvoiceId, answer: Response) -> Answer {
    desk.opened("INVOICE_DOWNLOADED", "invoice", id).await?;
    Ok(answer)
}

async fn file(
    desk: &Desk,
    id: InvoiceId,
    which: impl Fn(&InvoiceRow) -> Option<FileId>,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let mut db = desk.db().await?;
    let row = invoices::get(&mut db, &Scope::All, id).await?;
    let file = files::get(&mut db, which(&row).ok_or(Error::NotFound("file"))?).await?;
    drop(db);
    download::serve(&desk.app.platform, &file, Disposition::Inline, method, headers).await
}

/// `POST /admin/invoices/{id}/issue`
pub async fn issue(desk: Desk, Path(id): Path<InvoiceId>) -> Answer {
    let mut tx = desk.begin().await?;
    let done = invoice_issued::issue(&mut tx, id).await;
    if let Err(error) = done {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::InvoiceIssued).await
}

/// `POST /admin/invoices/{id}/send`
pub async fn send(desk: Desk, Path(id): Path<InvoiceId>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = invoice_sent::again(&mut tx, id).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::InvoiceSent).await
}

/// `POST /admin/invoices/{id}/render`
pub async fn render(desk: Desk, Path(id): Path<InvoiceId>) -> Answer {
    let mut tx = desk.begin().await?;
    if let Err(error) = invoice_issued::draw_again(&mut tx, id).await {
        return refused(&desk, id, error).await;
    }
    tx.commit().await?;
    desk.go(&page(id), What::InvoiceDrawn).await
}

/// Why an invoice is taken back.
#[derive(Deserialize)]
pub struct Why {
    reason: Option<String>,
}

/// `POST /admin/invoices/{id}/credit`
pub async fn credit(desk: Desk, Path(id): Path<InvoiceId>, Sent(why): Sent<Why>) -> Answer {
    let Some(reason) = forms::line(why.reason.as_deref()) else {
        return desk.go(&page(id), What::ReasonMissing).await;
    };
    let mut tx = desk.begin().await?;
    let credit = match invoice_credited::cancel(&mut tx, id, &reason).await {
        Ok(credit) => credit,
        Err(error) => return refused(&desk, id, error).await,
    };
    tx.commit().await?;
    desk.go(&page(credit.id), What::InvoiceCredited).await
}

/// It stands elsewhere than when the page was made: back to the page, which shows it.
async fn refused(desk: &Desk, id: InvoiceId, error: Error) -> Answer {
    match error {
        Error::Conflict { .. } | Error::Invalid(_) => desk.go(&page(id), What::InvoiceRefused).await,
        error => Err(error.into()),
    }
}
