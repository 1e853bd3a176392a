//! An invoice is drafted by hand: of an order that is to be paid by transfer, or of whatever is sold.

use serde_json::{Value, json};

use crate::domain::billing::customers;
use crate::domain::billing::invoices::draft::{self, Sale};
use crate::domain::billing::invoices::{self, Invoice, InvoiceRow, NewInvoice, Scope, completed, numbering};
use crate::domain::billing::orders;
use crate::flows::invoice_issued;
use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, InvoiceId, OrderId};
use crate::platform::audit::Severity;
use crate::platform::tx::Tx;

/// Of an order, to be paid by transfer. 409 when it has an invoice.
pub async fn of_order(tx: &mut Tx, id: OrderId) -> Result<InvoiceRow> {
    let order = orders::lock(tx, id).await?;
    let customer = customers::get(tx, order.customer_id).await?;
    let lines = orders::lines(tx, &order).await?;
    let today = numbering::today(tx).await?;
    let config = tx.platform().config.clone();
    let sale = Sale { house: &config.house, customer: &customer, order: &order, lines: &lines, prepaid: None, today };
    keep(tx, draft::of_order(&sale), Some(id), Some(customer.id)).await
}

/// Of what somebody says: the house fills in what is absent. 422 for what is no invoice.
pub async fn by_hand(
    tx: &mut Tx,
    order: Option<OrderId>,
    customer: Option<CustomerId>,
    said: Value,
) -> Result<InvoiceRow> {
    let document = completed(tx, said).await?;
    let customer = match (customer, order) {
        (Some(id), _) => Some(customers::get(tx, id).await?.id),
        (None, Some(order)) => Some(orders::get(tx, &Scope::All, order).await?.customer_id),
        (None, None) => None,
    };
    keep(tx, document, order, customer).await
}

/// Says something else in a draft. 409 for what is issued.
pub async fn amend(tx: &mut Tx, id: InvoiceId, said: Value) -> Result<InvoiceRow> {
    let document = completed(tx, said).await?;
    invoice_issued::amend(tx, id, &document).await
}

/// Throws a draft away. 409 for what is issued.
pub async fn discard(tx: &mut Tx, id: InvoiceId) -> Result<()> {
    let row = invoices::lock(tx, id).await?;
    invoices::discard(tx, id).await?;
    invoice_issued::record(tx, "INVOICE_DISCARDED", Severity::Medium, &row, json!({ "total": row.total_gross })).await
}

async fn completed(tx: &mut Tx, said: Value) -> Result<Invoice> {
    let today = numbering::today(tx).await?;
    completed::of(&tx.platform().config.clone().house, said, today)
}

async fn keep(
    tx: &mut Tx,
    document: Invoice,
    order: Option<OrderId>,
    customer: Option<CustomerId>,
) -> Result<InvoiceRow> {
    let new = NewInvoice {
        document: Invoice { number: None, ..document },
        order,
        payment: None,
        customer,
        credit_of: None,
        refund: None,
        stripe_refund_id: None,
    };
    let problems = invoice_issued::problems(tx, &new.document);
    let row = invoices::insert(tx, &new, &problems).await?;
    let details = json!({ "order": order, "problems": row.problems.len() });
    invoice_issued::record(tx, "INVOICE_DRAFTED", Severity::Low, &row, details).await?;
    Ok(row)
}
