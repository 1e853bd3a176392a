//! The judges of invoices are judged first: on public samples whose verdict is known, and on damage done here. A judge who
//! acquits everybody, or cannot read, must not pass.
//!
//! No sample is tagged, so PDF/UA accuses all of them: its acquittal is seen on our own invoices alone.

use std::path::PathBuf;

use harness::judges::{self, Verdict};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn reference(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("invoices/reference").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The labelled cases that are here, with what their manifest says of them.
fn cases() -> Vec<(Value, Verdict)> {
    let manifest: Value = serde_json::from_slice(&reference("manifest.json")).expect("JSON");
    let here = ["OK-001", "CALC-001", "DATA-003", "IDENT-001", "PDF-003", "PDF-006", "RBT-001"];
    let all = manifest["cas"].as_array().expect("cases");
    let cases = all.iter().filter(|case| here.iter().any(|name| case["ref"] == *name));
    let judged: Vec<_> = cases
        .map(|case| {
            (case.clone(), judges::judge(&reference(&format!("{}.pdf", case["ref"].as_str().expect("a name")))))
        })
        .collect();
    assert_eq!(judged.len(), here.len());
    judged
}

/// The names of the judges who accuse it. Of PDF/UA we ask only that it saw that nothing is tagged.
fn accusers(verdict: &Verdict) -> Vec<&str> {
    assert!(accused(&verdict.pdfua, "7.1-11"), "an untagged file is no PDF/UA: {:?}", verdict.pdfua);
    let mut names: Vec<_> = verdict.findings().into_iter().map(|(judge, _)| judge).filter(|j| *j != "pdfua").collect();
    names.dedup();
    names
}

fn accused(findings: &[String], rule: &str) -> bool {
    findings.iter().any(|finding| finding.contains(rule))
}

#[test]
fn samples_are_accepted_and_rejected_as_their_authors_say() {
    if !judges::here() {
        return;
    }
    for (case, verdict) in cases() {
        let name = case["ref"].as_str().expect("a name");
        let expected: &[&str] = match name {
            "CALC-001" => &["schematron"],
            "DATA-003" => &["french"],
            "PDF-003" => &["pdfa", "container"],
            // veraPDF knows nothing of Factur-X: this is the one that only our reading of its XMP finds.
            "PDF-006" => &["container"],
            _ => &[],
        };
        assert_eq!(accusers(&verdict), expected, "{name}: {:#?}", verdict.findings());
        assert_eq!(expected.is_empty(), case["attendu"] == "acceptation", "{name}");
        let rules = case["assertions_declenchees"].as_str().expect("rules");
        for rule in rules.split(", puis ").filter(|rule| !rule.is_empty()) {
            let found = [verdict.schematron.as_slice(), &verdict.french].concat();
            assert!(accused(&found, rule), "{name} breaks {rule}: {found:#?}");
        }
        assert_eq!(verdict.level, "3b", "{name}");
        let sum = hex::encode(Sha256::digest(&verdict.xml));
        assert_eq!(&sum[..16], case["sha256_xml"], "{name}: the XML is taken out unchanged");
    }
}

#[test]
fn reasons_that_have_no_rule_of_a_schematron_are_told() {
    if !judges::here() {
        return;
    }
    let missing = judges::judge(&reference("PDF-003.pdf"));
    assert!(accused(&missing.pdfa, "6.8-3") && accused(&missing.container, "AFRelationship"), "{missing:#?}");
    let other = judges::judge(&reference("PDF-006.pdf"));
    assert!(accused(&other.container, "ConformanceLevel is MINIMUM, expected BASIC"), "{other:#?}");
    // The page lies and the XML does not: no rule sees it, who compares the two does.
    let (witness, page) = (judges::judge(&reference("OK-001.pdf")), judges::judge(&reference("IDENT-001.pdf")));
    assert_eq!(witness.xml, page.xml);
    assert!(witness.text.contains("SIRET 39280913700027") && page.text.contains("SIRET 3928091370002\n"));
}

#[test]
fn a_sample_of_another_house_is_clean_but_for_its_tags() {
    if !judges::here() {
        return;
    }
    let verdict = judges::judge(&reference("akretion.pdf"));
    assert_eq!(accusers(&verdict), [""; 0], "{:#?}", verdict.findings());
    assert!(verdict.xml.contains("F20260023") && verdict.text.contains("F20260023"));
    assert_eq!(judges::judge_xml(&verdict.xml).findings(), []);
}

/// What is done to akretion's XML, and the judge and rule that must notice.
const DAMAGE: [(&str, &str, &str, &str); 6] = [
    ("<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", "", "xsd", "InvoiceCurrencyCode"),
    ("<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", "", "schematron", "BR-05"),
    ("<ram:SubjectCode>PMT</ram:SubjectCode>", "<ram:SubjectCode>AAI</ram:SubjectCode>", "french", "BR-FR-05"),
    ("</rsm:CrossIndustryInvoice>", "", "xsd", "XMLSyntaxError"),
    ("</rsm:CrossIndustryInvoice>", "", "schematron", "XMLSyntaxError"),
    ("</rsm:CrossIndustryInvoice>", "", "french", "XMLSyntaxError"),
];

#[test]
fn damage_to_the_xml_is_noticed() {
    if !judges::here() {
        return;
    }
    let xml = judges::judge(&reference("akretion.pdf")).xml;
    for (good, bad, judge, rule) in DAMAGE {
        assert!(xml.contains(good), "the sample has {good}");
        let verdict = judges::judge_xml(&xml.replace(good, bad));
        let noticed = verdict.findings().iter().any(|(name, text)| *name == judge && text.contains(rule));
        assert!(noticed, "{judge} should find {rule} without {good}: {:#?}", verdict.findings());
    }
}

/// The bytes with every occurrence of some replaced by as many others: the offsets in the file stay true.
fn replaced(bytes: &[u8], some: &[u8], others: &[u8]) -> Vec<u8> {
    assert_eq!(some.len(), others.len());
    let mut bytes = bytes.to_vec();
    let at: Vec<_> =
        bytes.windows(some.len()).enumerate().filter(|(_, seen)| *seen == some).map(|(at, _)| at).collect();
    assert!(!at.is_empty(), "{} is not there", String::from_utf8_lossy(some));
    at.into_iter().for_each(|at| bytes[at..at + others.len()].copy_from_slice(others));
    bytes
}

#[test]
fn damage_to_the_pdf_is_noticed() {
    if !judges::here() {
        return;
    }
    let pdf = reference("OK-001.pdf");
    let lost = judges::judge(&replaced(&pdf, b"startxref", b"startsref"));
    assert!(accused(&lost.qpdf, "can't find startxref"), "{:#?}", lost.findings());
    let renamed = judges::judge(&replaced(&pdf, b"(factur-x.xml)", b"(facture_.xml)"));
    assert!(accused(&renamed.container, "not attached"), "{:#?}", renamed.findings());
    assert!(accused(&renamed.xsd, "no XML") && accused(&renamed.french, "no XML"), "{:#?}", renamed.findings());
    let unclaimed = judges::judge(&replaced(&pdf, b"www.aiim.org/pdfa/ns/id/", b"www.aiim.org/pdfb/ns/id/"));
    assert!(accused(&unclaimed.pdfa, "claims no level"), "{:#?}", unclaimed.findings());
}
