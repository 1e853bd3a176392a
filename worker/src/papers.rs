//! `facteur-worker invoice …` (`facteur invoice …` calls it): an invoice as a file, without a database.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use sha2::{Digest, Sha256};
use shared::domain::billing::invoices::{Invoice, checks};
use shared::kernel::config::House;
use shared::kernel::error::FieldError;

use crate::pdf::{self, attached, cii};

/// What can be done with a file.
#[derive(Subcommand)]
pub enum Command {
    /// Draw an invoice: the Factur-X PDF of a JSON document (templates/invoice/sample.json shows one)
    Render {
        /// The document; `-` reads standard input
        file: PathBuf,
        /// Where the PDF goes; beside the document when absent
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// The house whose logo, colour and wordings are used
        #[arg(long, env = "INVOICE_HOUSE")]
        house: Option<PathBuf>,
    },
    /// Judge a Factur-X PDF, a CII XML or a JSON document by EN 16931, and a document by the French rules too
    Validate {
        /// The file; `-` reads standard input
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it. Exit codes: 0 done and valid, 1 against a rule, 66 no such file, 65 nothing that can be read.
pub fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Render { file, output, house } => render(&file, output, house.as_deref()),
        Command::Validate { file, json } => validate(&file, json),
    };
    done.unwrap_or_else(|(code, text)| {
        eprintln!("{text}");
        ExitCode::from(code)
    })
}

type Done = Result<ExitCode, (u8, String)>;

const UNREADABLE: u8 = 65;
const NO_INPUT: u8 = 66;

fn bytes(file: &Path) -> Result<Vec<u8>, (u8, String)> {
    let read = if file == Path::new("-") {
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut all).map(|_| all)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| (NO_INPUT, format!("{}: {error}", file.display())))
}

fn document(bytes: &[u8]) -> Result<Invoice, (u8, String)> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| (UNREADABLE, format!("{}: {}", error.path(), error.inner())))
}

fn render(file: &Path, output: Option<PathBuf>, house: Option<&Path>) -> Done {
    let house = match house {
        Some(path) => House::read(path).map_err(|wrong| (78, wrong.join("\n")))?,
        None => House::sample(),
    };
    let invoice = document(&bytes(file)?)?;
    let found = checks::problems(&invoice);
    if !found.is_empty() {
        return Err((1, lines(&found)));
    }
    let drawn = pdf::invoice(&house, &invoice).map_err(|error| (1, error.to_string()))?;
    let output = output.unwrap_or_else(|| file.with_extension("pdf"));
    std::fs::write(&output, &drawn.pdf).map_err(|error| (73, format!("{}: {error}", output.display())))?;
    let hash = hex::encode(Sha256::digest(&drawn.pdf));
    eprintln!("{}: {} bytes, sha256 {hash}", output.display(), drawn.pdf.len());
    Ok(ExitCode::SUCCESS)
}

fn validate(file: &Path, as_json: bool) -> Done {
    let bytes = bytes(file)?;
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let (seen, found) = if first == Some(&b'{') {
        let invoice = document(&bytes)?;
        (None, checks::problems(&invoice))
    } else {
        let xml = if bytes.starts_with(b"%PDF-") {
            attached::xml(bytes)
                .ok_or((UNREADABLE, format!("{}: no factur-x.xml is attached to it", file.display())))?
        } else {
            bytes
        };
        let seen = cii::read(&xml).map_err(|error| (UNREADABLE, error.to_string()))?;
        let found = seen.findings.clone();
        (Some(seen), found)
    };
    if as_json {
        let told = serde_json::json!({ "valid": found.is_empty(), "seen": seen, "findings": found });
        out(&told.to_string());
    } else {
        if let Some(seen) = &seen {
            let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
            out(&format!(
                "{} {} of {}, {} for {}: {} lines, gross {} {}, due {}",
                said(&seen.type_code),
                said(&seen.number),
                said(&seen.issue_date),
                said(&seen.seller),
                said(&seen.buyer),
                seen.lines,
                seen.gross,
                said(&seen.currency),
                seen.due
            ));
        }
        out(&if found.is_empty() { "no finding".to_owned() } else { lines(&found) });
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn lines(found: &[FieldError]) -> String {
    found.iter().map(|one| format!("{} {} ({})", one.path, one.message, one.code)).collect::<Vec<_>>().join("\n")
}

/// Standard output: what the command is for.
fn out(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}
