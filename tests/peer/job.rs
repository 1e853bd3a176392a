//! The kind that is measured: its handler notes in a file when it ran, so that even a killed worker leaves a record.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use shared::platform::jobs::Job;
use worker::cx::Cx;
use worker::failure::Failure;
use worker::registry::Run;

/// A numbered job.
#[derive(Debug, Serialize, Deserialize)]
pub struct BenchJob {
    /// Its number.
    pub id: u64,
    /// Gives the payload its size.
    pub pad: String,
}

impl BenchJob {
    /// A job whose payload is so many bytes of JSON.
    pub fn new(id: u64, bytes: usize) -> Self {
        let bare = r#"{"id":,"pad":""}"#.len() + id.to_string().len();
        Self { id, pad: "x".repeat(bytes.saturating_sub(bare)) }
    }
}

impl Job for BenchJob {
    const KIND: &'static str = "bench.job";
}

static NOTES: OnceLock<(File, Duration)> = OnceLock::new();

/// Where handlers note what they do, and how long a job takes.
pub fn note_in(records: &Path, work: Duration) -> anyhow::Result<()> {
    NOTES.set((append_to(records)?, work)).map_err(|_| anyhow::anyhow!("set twice"))
}

impl Run for BenchJob {
    async fn run(self, _: Cx) -> Result<(), Failure> {
        const BEGUN: u64 = 0;
        const DONE: u64 = 1;
        let (file, work) = NOTES.get().expect("set before the worker starts");
        if !work.is_zero() {
            note(file, [self.id, unix_ns(), BEGUN]);
            tokio::time::sleep(*work).await;
        }
        note(file, [self.id, unix_ns(), DONE]);
        Ok(())
    }
}

/// A file whose every write lands at its end, whoever else writes.
pub fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// One record of three little-endian numbers, in one write.
pub fn note(mut file: &File, record: [u64; 3]) {
    let bytes: Vec<u8> = record.iter().flat_map(|number| number.to_le_bytes()).collect();
    file.write_all(&bytes).expect("the record file takes a record");
}

/// Now, by this machine's clock.
pub fn unix_ns() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_nanos() as u64
}
