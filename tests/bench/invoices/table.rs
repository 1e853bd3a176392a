//! Medians and ratios of what was measured, as a table of Markdown.

use super::contender::Contender;

/// What a document cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// CPU of a document, in ms.
    pub cpu_ms: f64,
    /// Time of a document, in ms.
    pub wall_ms: f64,
    /// The most memory of one process, in MiB.
    pub rss_mib: f64,
    /// The file, in KiB.
    pub kib: f64,
}

/// All costs of all rounds.
#[derive(Default)]
pub struct Table {
    costs: Vec<(Contender, usize, Cost)>,
    threads: Vec<f64>,
    checks: Vec<f64>,
}

impl Table {
    /// Another round's.
    pub fn put(&mut self, who: Contender, lines: usize, cost: Cost) {
        eprintln!("  {:.1} ms CPU, {:.1} ms, {:.0} MiB, {:.0} KiB", cost.cpu_ms, cost.wall_ms, cost.rss_mib, cost.kib);
        self.costs.push((who, lines, cost));
    }

    /// Another round's: how much more two threads of ours draw than one.
    pub fn put_threads(&mut self, ratio: f64) {
        eprintln!("  two threads draw {ratio:.2} times as many as one");
        self.threads.push(ratio);
    }

    /// Another round's: what checking an invoice takes of drawing it.
    pub fn put_checks(&mut self, share: f64) {
        eprintln!("  checking takes {:.2} % of drawing", share * 100.0);
        self.checks.push(share);
    }

    /// The median of a figure.
    pub fn median(&self, who: Contender, lines: usize, figure: fn(&Cost) -> f64) -> f64 {
        let of = self.costs.iter().filter(|(other, length, _)| (*other, *length) == (who, lines));
        crate::report::percentile(&of.map(|(_, _, cost)| figure(cost)).collect::<Vec<_>>(), 50)
    }

    /// One row for each contender.
    pub fn print(&self) {
        println!(
            "| | one line: CPU ms | × ours | wall ms | RSS MiB | KiB | 1,000 lines: CPU ms | × ours | wall ms | RSS MiB | KiB |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
        for who in Contender::ALL {
            print!("| {} |", who.name());
            for lines in [1, 1000] {
                let figures: [fn(&Cost) -> f64; 4] = [|c| c.cpu_ms, |c| c.wall_ms, |c| c.rss_mib, |c| c.kib];
                let [cpu, rest @ ..] = figures;
                print!(" {} | {} |", rounded(self.median(who, lines, cpu)), rounded(self.times(who, lines)));
                rest.iter().for_each(|figure| print!(" {} |", rounded(self.median(who, lines, *figure))));
            }
            println!();
        }
        self.targets();
    }
}

impl Table {
    /// How many times our CPU a contender takes.
    fn times(&self, who: Contender, lines: usize) -> f64 {
        self.median(who, lines, |cost| cost.cpu_ms) / self.median(Contender::Ours, lines, |cost| cost.cpu_ms)
    }

    /// What we set ourselves, and whether it holds on this machine.
    fn targets(&self) {
        let ours = |lines, figure| self.median(Contender::Ours, lines, figure);
        let memory: fn(&Cost) -> f64 = |cost| cost.rss_mib;
        let floors = [
            ("WeasyPrint's CPU, one line, × ours", self.times(Contender::WeasyPrint, 1), 15.0),
            ("pdfkit's CPU, one line, × ours", self.times(Contender::Pdfkit, 1), 15.0),
            ("Chromium's CPU, one line, × ours", self.times(Contender::Chromium, 1), 50.0),
            ("WeasyPrint's CPU, 1,000 lines, × ours", self.times(Contender::WeasyPrint, 1000), 40.0),
            ("pdfkit's CPU, 1,000 lines, × ours", self.times(Contender::Pdfkit, 1000), 4.0),
            ("two threads of ours draw × one", crate::report::percentile(&self.threads, 50), 1.8),
        ];
        let ceilings = [
            ("our file of one line, KiB", ours(1, |cost| cost.kib), 60.0),
            ("all checks, % of drawing one line", crate::report::percentile(&self.checks, 50) * 100.0, 5.0),
            ("our memory for 1,000 lines beyond that for one, MiB", ours(1000, memory) - ours(1, memory), 40.0),
        ];
        println!();
        for (what, is, floor) in floors {
            println!("{}: {what}: {is:.1}, at least {floor}", if is >= floor { "kept" } else { "MISSED" });
        }
        for (what, is, ceiling) in ceilings {
            println!("{}: {what}: {is:.1}, at most {ceiling}", if is <= ceiling { "kept" } else { "MISSED" });
        }
    }
}

/// Three digits are more than such a machine can promise.
fn rounded(figure: f64) -> String {
    let digits = if figure < 10.0 { 1 } else { 0 };
    format!("{figure:.digits$}")
}
