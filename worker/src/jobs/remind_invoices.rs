//! `invoice.remind_overdue`: every morning, who has not paid an invoice in time hears of it.

use serde_json::json;
use shared::flows::invoice_sent;
use shared::platform::jobs::kinds::RemindInvoices;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for RemindInvoices {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let sent = invoice_sent::remind(&mut tx).await?;
        cx.result(json!({ "mails": sent }));
        cx.complete_in(tx).await
    }
}
