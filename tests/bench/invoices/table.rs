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
pub struct Table(Vec<(Contender, usize, Cost)>);

impl Table {
    /// Another round's.
    pub fn put(&mut self, who: Contender, lines: usize, cost: Cost) {
        eprintln!("  {:.1} ms CPU, {:.1} ms, {:.0} MiB, {:.0} KiB", cost.cpu_ms, cost.wall_ms, cost.rss_mib, cost.kib);
        self.0.push((who, lines, cost));
    }

    /// The median of a figure.
    pub fn median(&self, who: Contender, lines: usize, figure: fn(&Cost) -> f64) -> f64 {
        let of = self.0.iter().filter(|(other, length, _)| (*other, *length) == (who, lines));
        crate::report::percentile(&of.map(|(_, _, cost)| figure(cost)).collect::<Vec<_>>(), 50)
    }

    /// One row for each contender.
    pub fn print(&self) {
        println!("| | one line: CPU ms | wall ms | RSS MiB | KiB | 1,000 lines: CPU ms | wall ms | RSS MiB | KiB |");
        println!("|---|---|---|---|---|---|---|---|---|");
        for who in Contender::ALL {
            print!("| {} |", who.name());
            for lines in [1, 1000] {
                let figures: [fn(&Cost) -> f64; 4] = [|c| c.cpu_ms, |c| c.wall_ms, |c| c.rss_mib, |c| c.kib];
                figures.iter().for_each(|figure| print!(" {} |", rounded(self.median(who, lines, *figure))));
            }
            println!();
        }
    }
}

/// Three digits are more than such a machine can promise.
fn rounded(figure: f64) -> String {
    let digits = if figure < 10.0 { 1 } else { 0 };
    format!("{figure:.digits$}")
}
