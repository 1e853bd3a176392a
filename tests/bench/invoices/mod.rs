//! `./dev bench invoices`: what an invoice costs here, beside others who draw the same one.
//!
//! Everybody draws one document of one line and one of a thousand, in a process that draws a few and in one that draws
//! more; the difference, divided, is what a document costs when all is warm. They take turns, and every figure is the
//! median of the rounds. CPU is all processes' of a contender; memory is its largest process's.

mod contender;
mod document;
mod ours;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use contender::{Contender, Order};
use document::Document;
use serde::Deserialize;
use table::{Cost, Table};

const USAGE: &str = "bench invoices [--rounds N] [--keep FOLDER]
  --rounds N     each figure is the median of so many rounds (3)
  --keep FOLDER  leave what was drawn there, to be looked at";

/// What the meter says of a command and all it started.
#[derive(Deserialize)]
struct Used {
    cpu_ms: f64,
    wall_ms: f64,
    rss_mib: f64,
}

struct Options {
    rounds: usize,
    folder: PathBuf,
    keep: bool,
}

/// Measures and prints.
pub fn run(mut args: std::iter::Peekable<impl Iterator<Item = String>>) -> anyhow::Result<()> {
    if args.next_if_eq("draw").is_some() {
        return ours::draw(&args.collect::<Vec<_>>());
    }
    let options = options(args)?;
    std::fs::create_dir_all(&options.folder)?;
    let mut table = Table::default();
    for round in 1..=options.rounds {
        for lines in [1, 1000] {
            let document = written(&options.folder, lines)?;
            for who in Contender::ALL {
                eprintln!(
                    "round {round} of {}: {lines} lines, {}, load {}",
                    options.rounds,
                    who.name(),
                    crate::report::load()
                );
                let cost = cost(who, lines, &document, &options.folder).with_context(|| who.name())?;
                table.put(who, lines, cost);
            }
        }
        table.put_checks(ours::checks_share());
        table.put_threads(threads(&written(&options.folder, 1)?, &options.folder)?);
    }
    table.print();
    if !options.keep {
        std::fs::remove_dir_all(&options.folder)?;
    }
    Ok(())
}

/// What a document costs a contender.
fn cost(who: Contender, lines: usize, document: &Path, folder: &Path) -> anyhow::Result<Cost> {
    let out = folder.join(format!("{}-{lines}.pdf", who.name().split(' ').next().unwrap_or_default()));
    let order = Order { document, lines, attachment: document, out: &out };
    let (few, more) = who.runs(lines);
    let (start, warm) = (measured(who.command(&order, few))?, measured(who.command(&order, more))?);
    let each = |start: f64, warm: f64| (warm - start) / (more - few) as f64;
    let bytes = std::fs::metadata(&out).context("it drew nothing")?.len();
    Ok(Cost {
        cpu_ms: each(start.cpu_ms, warm.cpu_ms),
        wall_ms: each(start.wall_ms, warm.wall_ms),
        rss_mib: warm.rss_mib,
        kib: bytes as f64 / 1024.0,
    })
}

/// How many times as many invoices two threads of ours draw as one: each run is long, so that its start does not count.
fn threads(document: &Path, folder: &Path) -> anyhow::Result<f64> {
    let out = folder.join("threads.pdf");
    let order = Order { document, lines: 1, attachment: document, out: &out };
    let wall = |threads| anyhow::Ok(measured(contender::ours(&order, 1000, threads))?.wall_ms);
    Ok(wall(1)? / wall(2)?)
}

fn measured(what: Vec<OsString>) -> anyhow::Result<Used> {
    let [python, meter] = contender::meter();
    let mut command = Command::new(python);
    command.arg(meter).args(what).env("NODE_PATH", contender::installed().join("node_modules"));
    let run = command.output()?;
    anyhow::ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(serde_json::from_slice(&run.stdout)?)
}

/// The document of so many lines, as a file.
fn written(folder: &Path, lines: usize) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("{lines}.json"));
    std::fs::write(&path, serde_json::to_vec(&Document::new(lines))?)?;
    Ok(path)
}

fn options(mut args: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let folder = std::env::temp_dir().join(format!("bench-invoices-{}", std::process::id()));
    let mut options = Options { rounds: 3, folder, keep: false };
    while let Some(name) = args.next() {
        let mut value = || args.next().with_context(|| format!("{name} needs a value\n{USAGE}"));
        match name.as_str() {
            "--help" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            "--rounds" => options.rounds = value()?.parse()?,
            "--keep" => (options.folder, options.keep) = (value()?.into(), true),
            _ => anyhow::bail!("{name} is not known\n{USAGE}"),
        }
    }
    anyhow::ensure!(options.rounds > 0, "too little to measure\n{USAGE}");
    Ok(options)
}
