//! An invoice is drafted by hand: of an order that is to be paid by transfer, or of whatever is sold.

use serde_json::{Value, json};

use crate::domain::billing::customers;
use crate::domain::billing::invoices::document::Kind;
use crate::domain::billing::invoices::draft::{self, Sale};
use crate::domain::billing::invoices::{self, Invoice, InvoiceRow, InvoiceStatus, NewInvoice, completed, numbering};
use crate::domain::billing::orders;
use crate::flows::invoice_issued;
use crate::kernel::Error;
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

/// Of what somebody says: the house fills in what is absent. 422 for what is no invoice, 409 for an order that has one.
pub async fn by_hand(
    tx: &mut Tx,
    order: Option<OrderId>,
    customer: Option<CustomerId>,
    said: Value,
) -> Result<InvoiceRow> {
    let document = completed(tx, said).await?;
    if document.kind == Kind::CreditNote {
        let text = "a credit note comes of its invoice: take that back, or refund its payment";
        return Err(Error::field("document.kind", "choice", text));
    }
    let buyer = match order {
        Some(order) => Some(orders::lock(tx, order).await?.customer_id),
        None => None,
    };
    let customer = match customer {
        Some(id) => Some(customers::get(tx, id).await?.id),
        None => buyer,
    };
    keep(tx, document, order, customer).await
}

/// Says something else in a draft, whose kind stays. 409 for what is issued.
pub async fn amend(tx: &mut Tx, id: InvoiceId, said: Value) -> Result<InvoiceRow> {
    let document = completed(tx, said).await?;
    let draft = invoices::lock(tx, id).await?;
    if draft.status == InvoiceStatus::Draft && draft.kind != document.kind {
        return Err(Error::field("document.kind", "choice", format!("is {} and stays so", draft.kind.name())));
    }
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
    let row = invoices::insert(tx, &new, &problems).await.map_err(taken)?;
    let details = json!({ "order": order, "problems": row.problems.len() });
    invoice_issued::record(tx, "INVOICE_DRAFTED", Severity::Low, &row, details).await?;
    Ok(row)
}

fn taken(error: Error) -> Error {
    if error.on_constraint("invoices_order") {
        return Error::conflict("invoice_exists", "the order has an invoice already");
    }
    error
}
