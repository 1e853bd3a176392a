//! Documents on paper: `words` (a document in the words of its reader) → `sheet` → `layout` (pages of things to draw and
//! a structure tree) → a painter. `legal` paints what the law asks for (PDF/A-3a, PDF/UA-1, Factur-X), `everyday` the rest.
//! `cii` writes the data for machines.
//!
//! The only folder that knows krilla, printpdf and hayro. The layout knows none of them.

pub mod attached;
pub mod cii;
pub mod everyday;
pub mod fonts;
pub mod layout;
pub mod legal;
pub mod logo;
pub mod preview;
pub mod shape;
pub mod sheet;
pub mod theme;
pub mod words;

#[cfg(test)]
mod samples;

use shared::domain::billing::customers::Customer;
use shared::domain::billing::invoices::Invoice;
use shared::domain::billing::invoices::document::Locale;
use shared::domain::billing::orders::OrderView;
use shared::kernel::Error;
use shared::kernel::config::House;

use fonts::Fonts;
use legal::FacturX;
use theme::Theme;

/// The renderer: another version may draw the same invoice in other bytes.
pub const VERSION: &str = "1 (krilla 0.8)";

/// The files of an invoice.
pub struct Drawn {
    /// Factur-X: PDF/A-3a, PDF/UA-1, its data attached.
    pub pdf: Vec<u8>,
    /// The data: CII, profile EN 16931.
    pub xml: Vec<u8>,
    /// The first page as a picture.
    pub png: Vec<u8>,
}

/// Why a document could not be drawn. The same document gives the same error for ever.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// It is against a rule, or has no number.
    #[error("{0}")]
    Invoice(Error),
    /// The look of the house.
    #[error("{0}")]
    Theme(#[from] theme::ThemeError),
    /// The painter.
    #[error("{0}")]
    Paint(#[from] legal::PaintError),
    /// The picture of the page.
    #[error("{0}")]
    Preview(#[from] preview::PreviewError),
}

/// Draws an issued invoice. The same house and invoice give the same bytes. Takes CPU: not for the thread of a server.
pub fn invoice(house: &House, invoice: &Invoice) -> Result<Drawn, DrawError> {
    let (pdf, xml) = factur_x(house, invoice)?;
    let png = preview::preview(pdf.clone())?;
    Ok(Drawn { pdf, xml, png })
}

/// The PDF and its XML.
pub fn factur_x(house: &House, invoice: &Invoice) -> Result<(Vec<u8>, Vec<u8>), DrawError> {
    let xml = cii::write(invoice).map_err(DrawError::Invoice)?;
    let sums = invoice.sums().ok_or_else(|| DrawError::Invoice(Error::field("lines", "range", "come to too much")))?;
    let sheet = words::invoice(&Theme::of(house)?, invoice, &sums);
    let description = match invoice.locale {
        Locale::Fr => "Données de la facture (Factur-X)",
        Locale::En => "Data of the invoice (Factur-X)",
    };
    let data = FacturX {
        xml,
        profile: "EN 16931".to_owned(),
        date: words::midnight(invoice.issue_date),
        description: description.to_owned(),
    };
    let pdf = legal::legal(&sheet, Fonts::shared(), Some(&data))?;
    Ok((pdf, data.xml))
}

/// Draws the summary of an order: a quotation while it waits for its payment.
pub fn summary(house: &House, view: &OrderView, customer: &Customer) -> Result<Vec<u8>, DrawError> {
    let sheet = words::summary(&Theme::of(house)?, house, view, customer);
    Ok(everyday::everyday(&sheet, Fonts::shared()))
}
