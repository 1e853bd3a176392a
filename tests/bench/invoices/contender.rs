//! Who draws invoices here, and how each is asked for them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use harness::env::needed;

/// The fonts everybody draws with.
pub const FONTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../worker/fonts");

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/invoices/contenders");

/// Somebody who draws the invoice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// krilla by `worker::pdf`: PDF/A-3a, PDF/UA-1, Factur-X.
    Ours,
    /// HTML to PDF/A-3b with an attachment, in Python.
    WeasyPrint,
    /// Plain PDF, in Node.
    Pdfkit,
    /// HTML printed to plain PDF, a browser each time.
    Chromium,
}

/// What is drawn: words, what is attached, and where it goes.
pub struct Order<'a> {
    /// The document as JSON.
    pub document: &'a Path,
    /// Its lines.
    pub lines: usize,
    /// The XML of who attaches one.
    pub attachment: &'a Path,
    /// The PDF, overwritten each time.
    pub out: &'a Path,
}

impl Contender {
    /// In the order in which they take turns.
    pub const ALL: [Self; 4] = [Self::Ours, Self::WeasyPrint, Self::Pdfkit, Self::Chromium];

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "**Facteur**, PDF/A-3a, PDF/UA-1, Factur-X",
            Self::WeasyPrint => "WeasyPrint 70, PDF/A-3b with attachment",
            Self::Pdfkit => "pdfkit 0.20, plain",
            Self::Chromium => "Chromium print-to-pdf, a process each, plain",
        }
    }

    /// Of how many documents the short and the long run are: their difference is what a document costs when all is warm.
    /// Long enough that it is a second or more, which a clock of 10 ms and a start of changing length leave readable.
    pub fn runs(self, lines: usize) -> (usize, usize) {
        match (self, lines > 1) {
            (Self::Ours, false) => (20, 320),
            (Self::Ours, true) => (2, 22),
            (Self::WeasyPrint, false) => (2, 14),
            (Self::Pdfkit, false) => (5, 25),
            (Self::Chromium, false) => (1, 5),
            (Self::Pdfkit, true) => (1, 5),
            (Self::WeasyPrint | Self::Chromium, true) => (1, 3),
        }
    }

    /// The command that draws so many.
    pub fn command(self, order: &Order, count: usize) -> Vec<OsString> {
        let number = count;
        let count = OsString::from(count.to_string());
        let [document, attachment, out] = [order.document, order.attachment, order.out].map(OsString::from);
        let program = |name: &str| Path::new(PROGRAMS).join(name).into_os_string();
        match self {
            Self::Ours => ours(order, number, 1),
            Self::WeasyPrint => {
                vec![python(), program("weasyprint.py"), document, FONTS.into(), attachment, count, out]
            }
            Self::Pdfkit => vec!["node".into(), program("pdfkit.js"), document, FONTS.into(), count, out],
            Self::Chromium => {
                let browser = needed("FACTEUR_CHROMIUM").into();
                vec![python(), program("chromium.py"), document, FONTS.into(), browser, count, out]
            }
        }
    }
}

/// The command by which we draw so many on so many threads.
pub fn ours(order: &Order, count: usize, threads: usize) -> Vec<OsString> {
    let this = std::env::current_exe().expect("this program").into_os_string();
    let words =
        ["invoices", "draw", &order.lines.to_string(), &count.to_string(), &threads.to_string()].map(OsString::from);
    [this].into_iter().chain(words).chain([order.out.into()]).collect()
}

/// Who measures a command.
pub fn meter() -> [OsString; 2] {
    [python(), Path::new(PROGRAMS).join("meter.py").into_os_string()]
}

/// What `./dev bench invoices` installed.
pub fn installed() -> PathBuf {
    needed("FACTEUR_CONTENDERS").into()
}

fn python() -> OsString {
    installed().join("venv/bin/python").into_os_string()
}
