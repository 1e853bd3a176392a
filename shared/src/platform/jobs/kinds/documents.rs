//! Kinds that draw documents. They wait in a lane of their own: drawing takes CPU.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::ids::{InvoiceId, OrderId};
use crate::platform::jobs::{Job, Lane, Retry};

/// Draws the files of an invoice or a credit note.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RenderInvoice {
    /// Which.
    pub invoice: InvoiceId,
    /// Of which revision.
    pub revision: i32,
}

impl Job for RenderInvoice {
    const KIND: &'static str = "invoice.render_pdf";
    const LANE: Lane = Lane::Documents;
    const RETRY: Retry = Retry::PDF;
    fn unique_key(&self) -> Option<String> {
        Some(format!("invoice:{}:r{}", self.invoice, self.revision))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("invoice", self.invoice.0))
    }
}

/// Draws the summary of an order.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DrawSummary {
    /// Which.
    pub order: OrderId,
    /// As it was at this version.
    pub version: i32,
}

impl Job for DrawSummary {
    const KIND: &'static str = "order.draw_summary";
    const LANE: Lane = Lane::Documents;
    const RETRY: Retry = Retry::PDF;
    fn unique_key(&self) -> Option<String> {
        Some(format!("order-summary:{}:{}", self.order, self.version))
    }
    fn subject(&self) -> Option<(&'static str, Uuid)> {
        Some(("order", self.order.0))
    }
}

/// Reminds of invoices that are overdue.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemindInvoices {}

impl Job for RemindInvoices {
    const KIND: &'static str = "invoice.remind_overdue";
    const RETRY: Retry = Retry::SWEEP;
    const TIMEOUT: Duration = Duration::from_mins(5);
}
