//! Where an invoice and its files stand.

use crate::kernel::words;

words! {
    /// Where an invoice stands.
    InvoiceStatus {
        /// Has no number yet and may be changed.
        Draft = "draft",
        /// Has its number.
        Issued = "issued",
        /// Nothing is left to pay.
        Paid = "paid",
        /// Taken back as a whole, by credit notes.
        Credited = "credited",
    }

    /// How the files of an invoice are.
    PdfStatus {
        /// Not drawn yet.
        Pending = "pending",
        /// Drawn and kept.
        Ready = "ready",
        /// Could not be drawn.
        Failed = "failed",
    }
}
