//! From paid to invoiced, and from refunded to credited: once, in the same transaction.

use harness::TestApp;
use serde_json::{Value, json};
use shared::domain::billing::invoices::{self, Invoice, InvoiceRow, InvoiceStatus, Scope, checks};
use shared::domain::billing::{orders, payments, refunds};
use shared::flows::{invoice_credited, invoice_issued};
use shared::kernel::Error;
use shared::kernel::ids::{InvoiceId, OrderId};
use shared::platform::tx::Tx;

use super::{issue, sample};
use crate::payments::{Shop, text};

fn order_id(order: &Value) -> OrderId {
    text(order, "id").parse().expect("an id")
}

async fn of_order(app: &TestApp, order: &Value) -> Vec<InvoiceRow> {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let rows = invoices::of_order(&mut tx, order_id(order)).await.expect("invoices");
    tx.rollback().await.expect("a rollback");
    rows
}

fn numbers(rows: &[InvoiceRow]) -> Vec<&str> {
    rows.iter().map(|row| row.number.as_deref().unwrap_or("draft")).map(|n| &n[n.len().saturating_sub(6)..]).collect()
}

/// What happened is told once more.
async fn again(app: &TestApp, order: &Value) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let order = orders::lock(&mut tx, order_id(order)).await.expect("the order");
    for payment in payments::of_order(&mut tx, order.id).await.expect("payments") {
        invoice_issued::issue_for_order(&mut tx, &order, &payment).await.expect("told");
        for refund in refunds::of_payment(&mut tx, payment.id).await.expect("refunds") {
            invoice_credited::refunded(&mut tx, &payment, &refund).await.expect("told");
        }
    }
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn a_paid_order_has_its_invoice() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(2).await;
    let rows = of_order(&shop.app, &order).await;
    let [row] = rows.as_slice() else { panic!("one invoice: {rows:?}") };
    assert_eq!((row.status, row.problems.len(), numbers(&rows)), (InvoiceStatus::Paid, 0, vec!["000001"]));
    assert_eq!((row.total_net.amount, row.total_vat.amount, row.total_gross.amount), (3600, 720, 4320));
    assert_eq!((row.paid.amount, row.due.amount), (4320, 0));
    let said = &row.document;
    assert_eq!((said.billing_frame.as_str(), said.order_ref.as_deref()), ("S2", order["number"].as_str()));
    assert_eq!((said.number.as_deref(), said.issue_date), (row.number.as_deref(), row.issue_date));
    assert!(said.payment.stripe_payment_intent.as_deref().is_some_and(|intent| intent.starts_with("pi_")));
    assert_eq!(checks::problems(said), []);
    // The invoice and what happened to the payment were written by one transaction: now() is when it began.
    let same = "select (select issued_at from invoices)
                       = (select occurred_at from audit_log where action = 'PAYMENT_SUCCEEDED') as same";
    assert_eq!(shop.app.sql(same).await, json!([{ "same": true }]));
    let audited =
        shop.app.sql("select details->>'number' as number from audit_log where action = 'INVOICE_ISSUED'").await;
    assert_eq!(audited[0]["number"].as_str(), row.number.as_deref());
    // The buyer and nobody else finds it.
    let mut tx = Tx::begin(&shop.app.platform).await.expect("a transaction");
    let buyer = shop.app.sql("select id::text from users where email = 'claire@example.org'").await;
    let buyer = Scope::Mine(text(&buyer[0], "id").parse().expect("an id"));
    assert!(invoices::get(&mut tx, &buyer, row.id).await.is_ok());
    tx.rollback().await.expect("a rollback");
}

#[tokio::test]
async fn news_that_come_twice_make_one_invoice_and_a_refund_one_credit_note() {
    let shop = Shop::open().await;
    let (order, _) = shop.paid(1).await;
    again(&shop.app, &order).await;
    assert_eq!(numbers(&of_order(&shop.app, &order).await), ["000001"]);
    shop.refund(&order, json!({ "amount": 1000, "reason": "une page" })).await.status(202);
    shop.settle().await;
    shop.news().await;
    again(&shop.app, &order).await;
    let rows = of_order(&shop.app, &order).await;
    let [invoice, part] = rows.as_slice() else { panic!("an invoice and its credit note: {rows:?}") };
    assert_eq!(
        (part.credit_of_id, part.total_gross.amount, invoice.status),
        (Some(invoice.id), 1000, InvoiceStatus::Paid)
    );
    assert!(part.number.as_deref().is_some_and(|number| number.starts_with("A-")), "{:?}", part.number);
    assert_eq!(part.document.preceding[0].number.as_str(), invoice.number.as_deref().expect("a number"));
    assert_eq!(checks::problems(&part.document), []);
    shop.refund(&order, json!({ "reason": "le reste" })).await.status(202);
    shop.settle().await;
    shop.news().await;
    let rows = of_order(&shop.app, &order).await;
    assert_eq!((rows.len(), rows[0].status), (3, InvoiceStatus::Credited));
    let sum = |of: fn(&InvoiceRow) -> i64| rows[1..].iter().map(of).sum::<i64>();
    assert_eq!(sum(|row| row.total_vat.amount), rows[0].total_vat.amount);
    assert_eq!(sum(|row| row.total_gross.amount), rows[0].total_gross.amount);
    let refunds =
        shop.app.sql("select count(distinct refund_id)::int as refunds from invoices where refund_id is not null");
    assert_eq!(refunds.await, json!([{ "refunds": 2 }]));
}

#[tokio::test]
async fn a_payment_is_kept_and_its_invoice_a_draft_when_the_buyer_is_incomplete() {
    let shop = Shop::open().await;
    let billing = json!({ "legal_name": "Trois Ponts", "company_number": "732 829 321", "country_code": "FR" });
    let lines = json!([{ "product_id": shop.product, "quantity": 1 }]);
    let order = shop.buyer().post("/api/v1/orders", json!({ "lines": lines, "billing": billing })).await.created();
    let session = shop.checkout(&order).await;
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(shop.status(&order).await, ("paid".to_owned(), vec!["succeeded".to_owned()]));
    let rows = of_order(&shop.app, &order).await;
    assert_eq!((numbers(&rows), rows[0].status), (vec!["draft"], InvoiceStatus::Draft));
    let paths: Vec<_> = rows[0].problems.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["buyer.siren", "buyer.address.line1", "buyer.address.postal_code", "buyer.address.city"]);
    let mails = shop.subjects();
    assert!(mails.iter().any(|subject| subject.contains("invoice incomplete")), "{mails:?}");
    assert_eq!(shop.app.sql("select * from invoice_series").await, json!([]), "a draft draws no number");
    // Money goes back before anybody has looked: the credit note comes with the invoice.
    shop.refund(&order, json!({ "amount": 500, "reason": "retard" })).await.status(202);
    shop.settle().await;
    shop.news().await;
    assert_eq!(of_order(&shop.app, &order).await.len(), 1);
    let mut tx = Tx::begin(&shop.app.platform).await.expect("a transaction");
    let refused = invoice_issued::issue(&mut tx, rows[0].id).await;
    assert!(matches!(refused, Err(Error::Invalid(fields)) if fields.len() == 4));
    let mut document = rows[0].document.clone();
    document.buyer.siren = Some("732829320".into());
    document.buyer.electronic_address.as_mut().expect("an address").id = "732829320".into();
    let address = &mut document.buyer.address;
    (address.line1, address.postal_code, address.city) = ("12 quai".into(), "44000".into(), "Nantes".into());
    let amended = invoice_issued::amend(&mut tx, rows[0].id, &document).await.expect("amended");
    assert_eq!(amended.problems, []);
    invoice_issued::issue(&mut tx, rows[0].id).await.expect("a number");
    tx.commit().await.expect("a commit");
    shop.settle().await;
    let rows = of_order(&shop.app, &order).await;
    assert_eq!((numbers(&rows), rows[1].total_gross.amount), (vec!["000001", "000001"], 500));
}

#[tokio::test]
async fn what_was_not_invoiced_is_not_credited() {
    let shop = Shop::open().await;
    let order = shop.order(1).await;
    let session = shop.checkout(&order).await;
    shop.buyer().post(&format!("/api/v1/orders/{}/cancel", text(&order, "id")), json!({})).await.ok();
    shop.act(&session, "card").await;
    shop.news().await;
    assert_eq!(of_order(&shop.app, &order).await.len(), 0);
}

#[tokio::test]
async fn an_invoice_that_is_not_paid_is_cancelled_by_a_credit_note_and_a_paid_one_by_a_refund() {
    let mut app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let paid = issue(&mut tx, sample()).await;
    let refused = invoice_credited::cancel(&mut tx, paid.id, "erreur").await;
    assert!(matches!(refused, Err(Error::Conflict { code: "refund_needed", .. })), "{refused:?}");
    let open = issue(&mut tx, unpaid()).await;
    let credit = invoice_credited::cancel(&mut tx, open.id, "erreur").await.expect("a credit note");
    assert_eq!((credit.credit_of_id, credit.total_gross), (Some(open.id), open.total_gross));
    let after = invoices::get(&mut tx, &Scope::All, open.id).await.expect("the invoice");
    assert_eq!((after.status, &after.document), (InvoiceStatus::Credited, &open.document));
    for (id, code) in [(open.id, "invoice_credited"), (credit.id, "credit_note")] {
        let refused = invoice_credited::cancel(&mut tx, id, "encore").await;
        assert!(matches!(refused, Err(Error::Conflict { code: found, .. }) if found == code), "{code}: {refused:?}");
    }
    let none = invoice_credited::cancel(&mut tx, InvoiceId::new(), "rien").await;
    assert!(matches!(none, Err(Error::NotFound("invoice"))));
    tx.commit().await.expect("a commit");
    let audited = app.sql("select severity, target_id from audit_log where action = 'INVOICE_CANCELLED'").await;
    assert_eq!(audited, json!([{ "severity": "high", "target_id": open.id }]));
    app.leave_jobs();
}

fn unpaid() -> Invoice {
    let mut invoice = sample();
    (invoice.billing_frame, invoice.due_date) = ("S1".into(), Some(super::rules::day("2026-12-20")));
    (invoice.payment.paid, invoice.payment.paid_at) = (0, None);
    invoice
}
