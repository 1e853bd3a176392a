//! The invoice's data out of a PDF: Factur-X's attachment, or that of its older and German sisters.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Dict, Stream, String};

/// The names that the versions of Factur-X, ZUGFeRD and XRechnung have prescribed.
const NAMES: [&str; 4] = ["factur-x.xml", "zugferd-invoice.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml"];

/// The attached XML; none in what is no PDF, or has no such attachment.
pub fn xml(pdf: Vec<u8>) -> Option<Vec<u8>> {
    let pdf = Pdf::new(pdf).ok()?;
    pdf.objects().into_iter().find_map(|object| {
        let file: Dict<'_> = object.into_dict()?;
        let name: String<'_> = file.get("UF").or_else(|| file.get("F"))?;
        NAMES.into_iter().find(|known| is_called(name.as_bytes(), known))?;
        let data: Stream<'_> = file.get::<Dict<'_>>("EF")?.get("F")?;
        Some(data.decoded_data().ok()?.into_owned())
    })
}

/// A text of PDF is in Latin letters as they are, or UTF-16 with its mark (ISO 32000-1, 7.9.2.2).
fn is_called(name: &[u8], wanted: &str) -> bool {
    match name.strip_prefix(&[0xFE, 0xFF]) {
        Some(wide) => wide.chunks(2).map(|pair| pair.last().copied().unwrap_or_default()).eq(wanted.bytes()),
        None => name == wanted.as_bytes(),
    }
}
