//! The data of an invoice as XML: UN/CEFACT CII D16B, Factur-X profile EN 16931. The one door to `en16931-formats`.
//!
//! The same invoice gives the same bytes. What the syntax could not carry is an error, never a silent loss.

use en16931::profiles::En16931;
use en16931::validation::profile::Validated;
use en16931_formats::Syntax;
use en16931_formats::report::{Entry, Kind};
use shared::domain::billing::invoices::{Invoice, norm};
use shared::kernel::Error;
use shared::kernel::Result;
use shared::kernel::error::FieldError;

/// The name under which Factur-X attaches it.
pub const FILE_NAME: &str = "factur-x.xml";

/// The XML of an invoice. 422: it has no number, or is against a rule of the norm (`checks::problems` tells them all).
pub fn write(invoice: &Invoice) -> Result<Vec<u8>> {
    if invoice.number.is_none() {
        return Err(Error::field("number", "BR-02", "is missing: a draft has no XML"));
    }
    let theirs = norm::invoice(invoice);
    let theirs = theirs.ok_or_else(|| Error::field("lines", "range", "come to more than an invoice can say"))?;
    let refused = || Error::Invalid(norm::findings(invoice).unwrap_or_default());
    let proof = Validated::<En16931>::new(theirs).map_err(|_| refused())?;
    let written = en16931_formats::write(&proof, Syntax::Cii);
    let lost = |entry: &&Entry| matches!(entry.kind, Kind::Dropped | Kind::Prohibited | Kind::Schema);
    match written.entries.iter().find(lost) {
        Some(entry) => Err(Error::internal(format_args!("{} does not fit into CII: {}", entry.path, entry.message))),
        None => Ok(written.xml.into_bytes()),
    }
}

/// What an XML says, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// BT-1.
    pub number: Option<String>,
    /// BT-3: 380, 381 …
    pub type_code: Option<String>,
    /// BT-2, `2026-11-20`.
    pub issue_date: Option<String>,
    /// BT-9.
    pub due_date: Option<String>,
    /// BT-24: the profile.
    pub profile: Option<String>,
    /// BT-23: the billing frame.
    pub billing_frame: Option<String>,
    /// BT-27.
    pub seller: Option<String>,
    /// BT-44.
    pub buyer: Option<String>,
    /// BT-5.
    pub currency: Option<String>,
    /// BT-109, `580.00`; so are the others.
    pub net: String,
    /// BT-110.
    pub vat: String,
    /// BT-112.
    pub gross: String,
    /// BT-115.
    pub due: String,
    /// Lines (BG-25).
    pub lines: usize,
    /// What is against the syntax or the norm; its rule and its place in business terms. Nothing: valid.
    pub findings: Vec<FieldError>,
}

/// Reads an XML and judges it by the norm's rules. 422 for what is no CII.
pub fn read(xml: &[u8]) -> Result<Seen> {
    let read = en16931_formats::read(xml).map_err(|error| Error::field("", "xml", error.to_string()))?;
    let invoice = &read.invoice;
    let code = |code: &Option<en16931::invoice::Code>| code.as_ref().map(ToString::to_string);
    let mut seen = Seen {
        number: invoice.number.clone(),
        type_code: code(&invoice.type_code),
        issue_date: invoice.issue_date.map(|day| day.to_string()),
        due_date: invoice.due_date.map(|day| day.to_string()),
        profile: invoice.specification_id.clone(),
        billing_frame: invoice.business_process.clone(),
        seller: invoice.seller.name.clone(),
        buyer: invoice.buyer.name.clone(),
        currency: code(&invoice.currency),
        net: invoice.totals.taxable_total.to_string(),
        vat: invoice.totals.vat_total.map(|vat| vat.to_string()).unwrap_or_default(),
        gross: invoice.totals.gross_total.to_string(),
        due: invoice.totals.due.to_string(),
        lines: invoice.lines.len(),
        findings: Vec::new(),
    };
    let fatal = |entry: &&Entry| entry.kind.level() == en16931::Severity::Fatal;
    seen.findings.extend(read.entries.iter().filter(fatal).map(|entry| FieldError {
        path: entry.term.clone().unwrap_or_else(|| entry.path.clone()),
        code: entry.rule.clone().unwrap_or_else(|| "syntax".into()).into(),
        message: entry.message.clone(),
    }));
    seen.findings.extend(en16931::validation::validate(invoice).fatal().map(|finding| FieldError {
        path: finding.path.to_string(),
        code: finding.rule.clone().into(),
        message: finding.message.clone(),
    }));
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Invoice {
        serde_json::from_str(include_str!("../../../templates/invoice/sample.json")).expect("the sample is an invoice")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let xml = write(&sample()).expect("an XML");
        assert_eq!(xml, write(&sample()).expect("the same"));
        let seen = read(&xml).expect("readable");
        assert_eq!(seen.findings, []);
        assert_eq!((seen.number.as_deref(), seen.type_code.as_deref()), (Some("F-2026-000042"), Some("380")));
        assert_eq!((seen.net.as_str(), seen.vat.as_str(), seen.gross.as_str()), ("580.00", "104.40", "684.40"));
        assert_eq!((seen.due.as_str(), seen.lines, seen.issue_date.as_deref()), ("0.00", 2, Some("2026-11-20")));
        let text = String::from_utf8(xml).expect("UTF-8");
        for part in ["<ram:SubjectCode>PMT<", "schemeID=\"0225\">732829320<", "<ram:TypeCode>48<", ">S2<", "5.5<"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_not_written_and_is_found_when_read() {
        let draft = Invoice { number: None, ..sample() };
        assert!(matches!(write(&draft), Err(Error::Invalid(fields)) if fields[0].path == "number"));
        let mut nobody = sample();
        nobody.buyer.name.clear();
        assert!(matches!(write(&nobody), Err(Error::Invalid(fields)) if fields[0].code == "BR-07"));
        let text = String::from_utf8(write(&sample()).expect("an XML")).expect("UTF-8");
        let changed = text.replace("<ram:GrandTotalAmount>684.40<", "<ram:GrandTotalAmount>684.41<");
        assert_ne!(changed, text);
        let findings = read(changed.as_bytes()).expect("readable").findings;
        assert!(findings.iter().any(|finding| finding.code == "BR-CO-15"), "{findings:?}");
        assert!(read(b"<a/>").is_err() && read(b"no XML").is_err() && read(b"").is_err());
    }
}
