//! What was issued never changes.

use bytes::Bytes;
use harness::TestApp;
use serde_json::json;
use shared::domain::billing::invoices::{self, Files, Invoice, InvoiceFilter, InvoiceStatus, PdfStatus, Scope};
use shared::kernel::Error;
use shared::kernel::page::PageRequest;
use shared::platform::files::{self, FileKind, NewFile};
use shared::platform::tx::Tx;

use super::{issue, new, sample};

async fn refused(app: &TestApp, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let error = sqlx::raw_sql(statement).execute(&app.platform.db).await.expect_err("it should be refused");
    let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
    assert_eq!(code.as_deref(), Some("23001"), "{error}");
}

#[tokio::test]
async fn an_issued_invoice_is_frozen_and_a_draft_is_not() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let issued = issue(&mut tx, sample()).await;
    let draft = invoices::insert(&mut tx, &new(sample()), &[]).await.expect("a draft");
    tx.commit().await.expect("a commit");
    let one = format!("where id = '{}'", issued.id);
    for change in [
        "number = 'F-1'",
        "kind = 'deposit'",
        "issue_date = issue_date + 1",
        "due_date = null",
        "total_net_cents = 1, total_gross_cents = total_vat_cents + 1, due_cents = total_vat_cents + 1 - paid_cents",
        "paid_cents = 0, due_cents = total_gross_cents",
        "vat_breakdown = '[]'",
        "document = document || '{\"locale\": \"en\"}'",
        "document = jsonb_set(document, '{seller,name}', '\"Somebody\"')",
        "stripe_refund_id = 're_1'",
        "currency = 'USD'",
        "status = 'draft', number = null",
        "status = 'issued'",
    ] {
        refused(&app, &format!("update invoices set {change} {one}")).await;
    }
    refused(&app, &format!("delete from invoices {one}")).await;
    refused(&app, &format!("update invoice_lines set net_cents = 0 where invoice_id = '{}'", issued.id)).await;
    refused(&app, &format!("delete from invoice_lines where invoice_id = '{}'", issued.id)).await;
    refused(&app, &format!("update invoice_lines set invoice_id = '{}', position = 9", issued.id)).await;
    refused(&app, "truncate invoice_lines, invoices").await;
    app.execute(&format!("update invoices set sent_at = now(), revision = 2 {one}")).await;
    app.execute(&format!("delete from invoices where id = '{}'", draft.id)).await;
    let left = app.sql("select count(*)::int as lines from invoice_lines").await;
    assert_eq!(left, json!([{ "lines": 2 }]));
}

#[tokio::test]
async fn a_draft_is_amended_until_it_is_issued() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let draft = invoices::insert(&mut tx, &new(sample()), &[]).await.expect("a draft");
    assert_eq!((draft.status, draft.number.as_ref(), draft.total_gross.amount), (InvoiceStatus::Draft, None, 68_440));
    let mut less = sample();
    less.lines.truncate(1);
    less.payment.paid = 60_000;
    let draft = invoices::amend(&mut tx, draft.id, &less, &[]).await.expect("amended");
    assert_eq!((draft.total_net.amount, draft.total_vat.amount, draft.due.amount), (50_000, 10_000, 0));
    let lines = invoices::lines(&mut tx, &draft).await.expect("lines");
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (line.quantity.to_string(), line.unit_price.to_string(), line.vat_rate_bp),
        ("2.5".into(), "200".into(), 2000)
    );
    let issued = invoices::issue(&mut tx, draft.id, "F").await.expect("a number");
    assert_eq!((issued.status, issued.document.number.clone()), (InvoiceStatus::Paid, issued.number.clone()));
    assert_eq!(Invoice { number: None, issue_date: less.issue_date, ..issued.document.clone() }, less);
    let again = invoices::amend(&mut tx, draft.id, &less, &[]).await;
    assert!(matches!(again, Err(Error::Conflict { code: "invoice_issued", .. })), "{again:?}");
    let again = invoices::issue(&mut tx, draft.id, "F").await;
    assert!(matches!(again, Err(Error::Conflict { code: "invoice_issued", .. })), "{again:?}");
    tx.commit().await.expect("a commit");
}

/// Stored files, for an invoice to name.
async fn files(tx: &mut Tx, bytes: &'static [u8]) -> Files {
    let new = |name| NewFile {
        kind: FileKind::Invoice,
        name,
        content_type: "application/pdf",
        bytes: Bytes::from_static(bytes),
        user: None,
        keep: None,
    };
    let pdf = files::put(tx, new("a.pdf")).await.expect("stored");
    let xml = files::put(tx, new("a.xml")).await.expect("stored");
    Files { pdf: pdf.id, xml: xml.id, png: None, pdf_sha256: pdf.sha256, rendered_with: "test".into() }
}

#[tokio::test]
async fn files_have_revisions_and_the_former_stay_known() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let issued = issue(&mut tx, sample()).await;
    let (first, second) = (files(&mut tx, b"a").await, files(&mut tx, b"b").await);
    assert_eq!((issued.revision, issued.pdf_status), (1, PdfStatus::Pending));
    let failed = invoices::pdf_failed(&mut tx, issued.id, 1, "no font").await.expect("a row").expect("this revision");
    assert_eq!((failed.pdf_status, failed.pdf_error.as_deref()), (PdfStatus::Failed, Some("no font")));
    let ready = invoices::pdf_ready(&mut tx, issued.id, 1, &first).await.expect("a row").expect("this revision");
    assert_eq!((ready.pdf_status, ready.pdf_error, ready.pdf_file_id), (PdfStatus::Ready, None, Some(first.pdf)));
    assert!(invoices::pdf_failed(&mut tx, issued.id, 1, "late").await.expect("no row").is_none());
    let revised = invoices::revise(&mut tx, issued.id).await.expect("a revision");
    assert_eq!((revised.revision, revised.pdf_status, revised.pdf_file_id), (2, PdfStatus::Pending, None));
    assert_eq!(
        revised.former_files.iter().map(|f| (f.revision, f.pdf_file_id)).collect::<Vec<_>>(),
        [(1, Some(first.pdf))]
    );
    assert!(invoices::pdf_ready(&mut tx, issued.id, 1, &second).await.expect("no row").is_none());
    assert!(invoices::pdf_ready(&mut tx, issued.id, 2, &second).await.expect("a row").is_some());
    invoices::sent(&mut tx, issued.id).await.expect("sent");
    let none = invoices::set_status(&mut tx, issued.id, InvoiceStatus::Issued, InvoiceStatus::Credited).await;
    assert!(none.expect("no row").is_none(), "it is paid, not issued");
    let credited = invoices::set_status(&mut tx, issued.id, InvoiceStatus::Paid, InvoiceStatus::Credited).await;
    assert_eq!(credited.expect("a row").map(|row| row.status), Some(InvoiceStatus::Credited));
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn drafts_and_other_peoples_invoices_are_not_found() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let issued = issue(&mut tx, sample()).await;
    let draft = invoices::insert(&mut tx, &new(sample()), &[]).await.expect("a draft");
    let stranger = Scope::Mine(shared::kernel::ids::UserId::new());
    for (scope, id, found) in [
        (&Scope::All, issued.id, true),
        (&Scope::All, draft.id, true),
        (&stranger, issued.id, false),
        (&Scope::Token("x".into()), issued.id, false),
    ] {
        assert_eq!(invoices::get(&mut tx, scope, id).await.is_ok(), found, "{scope:?}");
    }
    let listed = async |tx: &mut Tx, filter: InvoiceFilter| {
        let page = invoices::list(tx, &Scope::All, &filter, PageRequest::default()).await.expect("a page");
        page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut tx, InvoiceFilter::default()).await, [draft.id, issued.id]);
    let paid = InvoiceFilter { status: Some(InvoiceStatus::Paid), ..InvoiceFilter::default() };
    assert_eq!(listed(&mut tx, paid).await, [issued.id]);
    let by_number = InvoiceFilter { number: issued.number.clone(), ..InvoiceFilter::default() };
    assert_eq!(listed(&mut tx, by_number).await, [issued.id]);
    let later = InvoiceFilter { from: issued.issue_date.succ_opt(), ..InvoiceFilter::default() };
    assert_eq!(listed(&mut tx, later).await, []);
    tx.commit().await.expect("a commit");
}
