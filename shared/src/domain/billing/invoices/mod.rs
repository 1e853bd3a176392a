//! Invoices and credit notes. Owns `invoices`, `invoice_lines`, `invoice_series`.
//!
//! A draft may be changed. Issuing gives it its number, after which the database lets nothing of it change but whether it
//! is paid or credited, and its files. What it says is its `document`; the columns beside it are for searching.

pub mod checks;
pub mod completed;
pub mod credit;
pub mod document;
pub mod draft;
pub mod french;
pub mod norm;
pub mod numbering;
pub mod party;
mod read;
pub mod sums;
mod words;
mod write;

pub use crate::domain::billing::orders::Scope;
pub use crate::kernel::decimal;
pub use document::Invoice;
pub use read::{credits_of, get, kept, lines, list, lock, of_order, of_refund, overdue, owner, pdfs};
pub use words::{InvoiceStatus, PdfStatus};
pub use write::{amend, discard, forget, insert, issue, pdf_failed, pdf_ready, revise, sent, set_status};

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::billing::totals::VatCategory;
use crate::kernel::decimal::{Quantity, UnitPrice};
use crate::kernel::error::FieldError;
use crate::kernel::ids::{CustomerId, FileId, InvoiceId, OrderId, PaymentId, RefundId};
use crate::kernel::money::{Currency, Money};

/// An invoice's row: what it says, and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InvoiceRow {
    /// Its id.
    pub id: InvoiceId,
    /// `F-2026-000001`; none while it is a draft.
    pub number: Option<String>,
    /// What it is.
    pub kind: document::Kind,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The order it is for.
    pub order_id: Option<OrderId>,
    /// What paid it up front.
    pub payment_id: Option<PaymentId>,
    /// Who bought.
    pub customer_id: Option<CustomerId>,
    /// The invoice that a credit note takes back.
    pub credit_of_id: Option<InvoiceId>,
    /// The refund that a credit note is for.
    pub refund_id: Option<RefundId>,
    /// The day it was issued, in Paris.
    pub issue_date: NaiveDate,
    /// The day it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// Without VAT.
    pub total_net: Money,
    /// The VAT of all rates.
    pub total_vat: Money,
    /// With VAT.
    pub total_gross: Money,
    /// Paid when it was issued.
    pub paid: Money,
    /// To pay when it was issued.
    pub due: Money,
    /// All it says.
    pub document: Invoice,
    /// What keeps a draft from being issued.
    pub problems: Vec<Problem>,
    /// Of its files, from 1.
    pub revision: i32,
    /// How its files are.
    pub pdf_status: PdfStatus,
    /// Why they are not.
    pub pdf_error: Option<String>,
    /// The PDF.
    pub pdf_file_id: Option<FileId>,
    /// The XML.
    pub xml_file_id: Option<FileId>,
    /// A picture of the first page.
    pub png_file_id: Option<FileId>,
    /// The renderer's version.
    pub rendered_with: Option<String>,
    /// The files of earlier revisions, oldest first.
    pub former_files: Vec<FormerFiles>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it was drafted.
    pub created_at: DateTime<Utc>,
}

/// A wrong field of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The field.
    pub path: String,
    /// The rule, or a stable word.
    pub code: String,
    /// For people.
    pub message: String,
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self { path: error.path, code: error.code.into_owned(), message: error.message }
    }
}

/// Files of an invoice that were stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The PDF.
    pub pdf: FileId,
    /// The XML.
    pub xml: FileId,
    /// A picture of the first page.
    pub png: Option<FileId>,
    /// Of the PDF, 64 hexadecimal digits.
    pub pdf_sha256: String,
    /// The renderer's version.
    pub rendered_with: String,
}

/// Files of an earlier revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormerFiles {
    /// Which.
    pub revision: i32,
    /// The PDF.
    pub pdf_file_id: Option<FileId>,
    /// The XML.
    pub xml_file_id: Option<FileId>,
    /// A picture of the first page.
    pub png_file_id: Option<FileId>,
    /// The renderer's version.
    pub rendered_with: Option<String>,
}

/// An invoice about to be drafted.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    /// All it says.
    pub document: Invoice,
    /// The order it is for.
    pub order: Option<OrderId>,
    /// What paid it up front.
    pub payment: Option<PaymentId>,
    /// Who bought.
    pub customer: Option<CustomerId>,
    /// The invoice that a credit note takes back.
    pub credit_of: Option<InvoiceId>,
    /// The refund that a credit note is for.
    pub refund: Option<RefundId>,
    /// `re_…`
    pub stripe_refund_id: Option<String>,
}

/// A line of an invoice as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InvoiceLine {
    /// Its place, from 1.
    pub position: i32,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// Of what, UN/ECE.
    pub unit_code: String,
    /// What one costs, net.
    pub unit_price: UnitPrice,
    /// Net, for all of them.
    pub net: Money,
    /// In hundredths of a percent: 2000 is 20 %.
    pub vat_rate_bp: i32,
    /// Why there is VAT or none.
    pub vat_category: VatCategory,
}

/// Which invoices. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InvoiceFilter {
    /// Where they stand.
    pub status: Option<InvoiceStatus>,
    /// What they are.
    pub kind: Option<document::Kind>,
    /// How their files are.
    pub pdf_status: Option<PdfStatus>,
    /// The order.
    pub order_id: Option<OrderId>,
    /// Who bought.
    pub customer_id: Option<CustomerId>,
    /// The number, to the letter.
    pub number: Option<String>,
    /// Issued on that day or later.
    pub from: Option<NaiveDate>,
    /// Issued on that day or before.
    pub to: Option<NaiveDate>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// True: without drafts; false: drafts alone.
    pub issued: Option<bool>,
    /// True: credit notes alone; false: all but those.
    pub credit: Option<bool>,
}
