//! Invoices: what they must say, their numbers, and that what was issued stays as it is.

use serde_json::Value;
use shared::domain::billing::invoices::{self, Invoice, InvoiceRow, NewInvoice};
use shared::kernel::ids::CustomerId;
use shared::platform::tx::Tx;

mod credits;
mod desk;
mod frozen;
mod numbering;
mod orders;
mod rules;
mod scenarios;

/// The documented sample: a business, two rates, a reduction, paid up front by card. It has no number yet.
fn sample() -> Invoice {
    let sample = include_str!("../../templates/invoice/sample.json");
    let sample: Invoice = serde_json::from_str(sample).expect("the sample is an invoice");
    Invoice { number: None, ..sample }
}

fn new(document: Invoice) -> NewInvoice {
    let customer: Option<CustomerId> = None;
    NewInvoice { document, order: None, payment: None, customer, credit_of: None, refund: None, stripe_refund_id: None }
}

/// A text of a JSON object.
fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

/// Drafts and issues in one transaction, as the flows do.
async fn issue(tx: &mut Tx, document: Invoice) -> InvoiceRow {
    let draft = invoices::insert(tx, &new(document), &[]).await.expect("a draft");
    invoices::issue(tx, draft.id, "F").await.expect("a number")
}
