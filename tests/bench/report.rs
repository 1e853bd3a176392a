//! The figures of all rounds, as a table and as JSON.

use serde_json::{Value, json};

use crate::Options;

/// One figure with its value in each round.
struct Row {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
    loads: Vec<f64>,
}

/// Figures in the order in which they were first taken.
#[derive(Default)]
pub struct Report(Vec<Row>);

impl Report {
    /// Another value of a figure.
    pub fn put(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        eprintln!("  {name}: {value:.2} {unit}");
        let at = self.0.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.0.push(Row { name, unit, values: Vec::new(), loads: Vec::new() });
            self.0.len() - 1
        });
        self.0[at].values.push(value);
        self.0[at].loads.push(load());
    }

    /// p50, p95 and p99 of many measurements.
    pub fn put_percentiles(&mut self, name: &str, unit: &'static str, all: Vec<f64>) {
        for percent in [50, 95, 99] {
            self.put(format!("{name}, p{percent}"), unit, percentile(&all, percent));
        }
    }

    /// The table.
    pub fn print(&self, options: &Options) {
        println!("{:<58} {:>10} {:>10} {:>10} {:<14} load", "", "median", "lowest", "highest", "");
        for row in &self.0 {
            let [low, median, high] = spread(&row.values);
            let digits = if median < 100.0 { 2 } else { 0 };
            print!("{:<58} {median:>10.digits$} {low:>10.digits$} {high:>10.digits$} {:<14}", row.name, row.unit);
            println!(" {:.1}", spread(&row.loads)[1]);
        }
        println!("{} jobs of 200 B, {} rounds, {} CPUs", options.jobs, options.rounds, cpus());
    }

    /// The same with every value.
    pub fn write(&self, file: &str, options: &Options) -> anyhow::Result<()> {
        let rows: Vec<Value> = self.0.iter().map(Row::json).collect();
        let all = json!({ "jobs": options.jobs, "rounds": options.rounds, "cpus": cpus(), "rows": rows });
        Ok(std::fs::write(file, serde_json::to_string_pretty(&all)? + "\n")?)
    }
}

impl Row {
    fn json(&self) -> Value {
        let [low, median, high] = spread(&self.values);
        json!({ "name": self.name, "unit": self.unit, "median": median, "lowest": low, "highest": high,
                "values": self.values, "load": self.loads })
    }
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// So many percent of the measurements are not above it.
pub fn percentile(all: &[f64], percent: usize) -> f64 {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all[(all.len() * percent / 100).min(all.len() - 1)]
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

/// Lowest, median, highest.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}
