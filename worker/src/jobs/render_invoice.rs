//! `invoice.render_pdf`: draws the files of an issued invoice: the Factur-X PDF, its XML, a picture of the first page.
//!
//! The bytes depend on the row and on the renderer alone, and are stored under their hash before the row says so: a job
//! that runs twice, or again after a crash, stores the same file.

use bytes::Bytes;
use shared::domain::billing::invoices::{self, Files, InvoiceRow, PdfStatus, Scope};
use shared::flows::invoice_sent;
use shared::kernel::Result as HouseResult;
use shared::kernel::ids::UserId;
use shared::platform::files::{self, File, FileKind, NewFile};
use shared::platform::jobs::kinds::RenderInvoice;
use shared::platform::tx::Tx;

use crate::cx::Cx;
use crate::failure::{Blame, Failure};
use crate::pdf::{self, Drawn};
use crate::registry::Run;

impl Run for RenderInvoice {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let row = invoices::get(&mut tx, &Scope::All, self.invoice).await?;
        if row.revision != self.revision || row.pdf_status == PdfStatus::Ready {
            return cx.complete_in(tx).await; // drawn before, or there is a newer revision
        }
        let owner = invoices::owner(&mut tx, &row).await?;
        tx.rollback().await?;
        let (house, document) = (cx.platform.config.house.clone(), row.document.clone());
        let drawn = tokio::task::spawn_blocking(move || pdf::invoice(&house, &document)).await;
        let drawn = drawn.map_err(|error| Failure::Retry(Blame::new("renderer", error.to_string())))?;
        // The same row gives the same error for ever: a person mends the invoice or the renderer, then retries.
        let drawn = drawn.map_err(|error| Failure::Dead(Blame::new("renderer", error.to_string())))?;
        cx.still_mine().await?;
        let mut tx = cx.begin().await?;
        let files = store(&mut tx, &row, owner, drawn).await?;
        cx.log(format_args!(
            "{} r{}: sha256 {}",
            row.number.as_deref().unwrap_or_default(),
            row.revision,
            files.pdf_sha256
        ));
        invoice_sent::ready(&mut tx, row.id, row.revision, &files).await?;
        cx.complete_in(tx).await
    }

    async fn died(self, tx: &mut Tx, error: &str) -> HouseResult<()> {
        invoices::pdf_failed(tx, self.invoice, self.revision, error).await?;
        Ok(())
    }
}

async fn store(tx: &mut Tx, row: &InvoiceRow, user: Option<UserId>, drawn: Drawn) -> Result<Files, Failure> {
    let stem = row.number.as_deref().unwrap_or("draft").replace('/', "-");
    let put = async |tx: &mut Tx, ending: &str, content_type: &str, bytes: Vec<u8>| -> HouseResult<File> {
        let name = format!("{stem}.{ending}");
        let bytes = Bytes::from(bytes);
        files::put(tx, NewFile { kind: FileKind::Invoice, name: &name, content_type, bytes, user, keep: None }).await
    };
    let rendered_with = pdf::VERSION.to_owned();
    let pdf = put(tx, "pdf", "application/pdf", drawn.pdf).await?;
    let xml = put(tx, "xml", "application/xml", drawn.xml).await?;
    let png = put(tx, "png", "image/png", drawn.png).await?;
    Ok(Files { pdf: pdf.id, xml: xml.id, png: Some(png.id), pdf_sha256: pdf.sha256, rendered_with })
}
