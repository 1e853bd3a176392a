//! Other people's judges of an invoice: XSD, schematron, BR-FR, veraPDF, qpdf, poppler, by `tests/judges/judge.py`.
//!
//! They take seconds to start and far less for a verdict, so one process serves all tests of a binary, one document at a
//! time, and ends with its standard input. `./dev test` names their Python in FACTEUR_JUDGES.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::Deserialize;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/judge.py");

/// What the judges found in a document: a list is empty where its judge acquits. What belongs to PDF is empty for a bare
/// XML.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// The XML against the XSD of the profile it names.
    pub xsd: Vec<String>,
    /// The XML against that profile's schematron (Factur-X 1.09.2), warnings included.
    pub schematron: Vec<String>,
    /// The XML against BR-FR 1.4.
    pub french: Vec<String>,
    /// veraPDF on the level of PDF/A-3 that the file claims; another level, or none, is a finding.
    pub pdfa: Vec<String>,
    /// veraPDF on PDF/UA-1, claimed or not.
    pub pdfua: Vec<String>,
    /// qpdf's check of the syntax.
    pub qpdf: Vec<String>,
    /// What Factur-X asks of the PDF around the XML: attachment, AF, AFRelationship, XMP.
    pub container: Vec<String>,
    /// The level of PDF/A that the file claims: `3a`, `3b`; empty without a claim.
    pub level: String,
    /// The attachment `factur-x.xml`, or the XML that was judged.
    pub xml: String,
    /// The text as poppler reads it, pages ended by form feeds.
    pub text: String,
}

impl Verdict {
    /// What a PDF is accused of, each with its judge.
    pub fn findings(&self) -> Vec<(&'static str, &str)> {
        let judges = [
            ("xsd", &self.xsd),
            ("schematron", &self.schematron),
            ("french", &self.french),
            ("pdfa", &self.pdfa),
            ("pdfua", &self.pdfua),
            ("qpdf", &self.qpdf),
            ("container", &self.container),
        ];
        judges.into_iter().flat_map(|(judge, found)| found.iter().map(move |text| (judge, text.as_str()))).collect()
    }

    /// Fails, with all findings, unless every judge acquits and the PDF claims PDF/A-3a.
    #[track_caller]
    pub fn assert_clean(&self) {
        let mut told = String::new();
        for (judge, finding) in self.findings() {
            writeln!(told, "{judge}: {finding}").expect("a string takes text");
        }
        assert!(told.is_empty(), "the judges found:\n{told}");
        assert_eq!(self.level, "3a", "the level of PDF/A");
    }
}

/// Are there judges on this machine? Says so aloud when there are none: a test that needs them then passes.
pub fn here() -> bool {
    let here = std::env::var_os("FACTEUR_JUDGES").is_some();
    if !here {
        eprintln!(
            "SKIPPED: FACTEUR_JUDGES is not set, nobody else judged these invoices (./dev test installs who does)"
        );
    }
    here
}

/// Has a PDF judged. Blocks for about as long as the document is long: a tenth of a second for a page.
pub fn judge(pdf: &[u8]) -> Verdict {
    assert!(pdf.starts_with(b"%PDF"), "not a PDF: {}", String::from_utf8_lossy(&pdf[..pdf.len().min(80)]));
    of(pdf)
}

/// Has a bare XML judged by those who read XML.
pub fn judge_xml(xml: &str) -> Verdict {
    of(xml.as_bytes())
}

fn of(document: &[u8]) -> Verdict {
    let path = std::env::temp_dir().join(format!("judged-{}", uuid::Uuid::new_v4().simple()));
    std::fs::write(&path, document).expect("a file for the judges");
    let answer = ask(path.to_str().expect("a folder with a readable name"));
    std::fs::remove_file(&path).expect("the judges leave the file");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("no verdict ({error}): {answer}"))
}

/// The judges' process and its two ends.
struct Judges {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

fn ask(path: &str) -> String {
    static JUDGES: OnceLock<Mutex<Judges>> = OnceLock::new();
    let judges = JUDGES.get_or_init(|| Mutex::new(start()));
    let mut judges = judges.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = writeln!(judges.to, "{path}").and_then(|()| judges.to.flush());
    let mut answer = String::new();
    judges.from.read_line(&mut answer).and(asked).expect("the judges answer");
    if answer.is_empty() {
        panic!("the judges ended without an answer, {:?} (their last words are above)", judges.process.wait());
    }
    answer
}

fn start() -> Judges {
    let python = std::env::var_os("FACTEUR_JUDGES").expect("ask `judges::here()` first");
    let mut command = Command::new(python);
    let mut process =
        command.arg(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the judges start");
    let (to, from) = (process.stdin.take(), process.stdout.take());
    Judges { process, to: to.expect("a pipe"), from: BufReader::new(from.expect("a pipe")) }
}
