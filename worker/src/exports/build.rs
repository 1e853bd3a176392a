//! Reads the tables of an export and stores them as parts, from where an earlier run ended.

use std::sync::Arc;

use futures_util::TryStreamExt;
use shared::domain::exports::{self, Checkpoint, Entry, Export, ExportFormat, Started};
use shared::flows::export_requested::folder;
use shared::platform::realtime::Topic;
use shared::reports::exports::Snapshot;

use crate::cx::Cx;
use crate::exports::pack::Pack;
use crate::exports::plan::{self, Step};
use crate::failure::{Blame, Failure};
use crate::sheets::Sheet;

/// A part ends when it has so many bytes,
const BYTES: usize = 4 * 1024 * 1024;
/// or so many rows: what a crash costs at most, and how often progress is told.
const ROWS: i64 = 50_000;
/// Rows of a statement.
const PAGE: i64 = 10_000;

/// Somebody took the export away from this run, or stopped it.
pub enum Stop {
    /// It is not wanted any more, or a later run has it: this one leaves without a word.
    Unwanted,
    /// Anything else.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A run at work.
pub struct Build<'a> {
    cx: &'a Cx,
    export: Arc<Export>,
    steps: Vec<Step>,
    kept: Checkpoint,
    pack: Pack,
    /// Rows in the part that is being written, and of the entry, beyond what is kept.
    fresh: i64,
    total: i64,
}

impl<'a> Build<'a> {
    /// Goes on where an earlier run ended, if all it stored is still there.
    pub async fn resume(cx: &'a Cx, started: Started) -> Result<Self, Stop> {
        let steps = plan::of(&started.export)?;
        let kept = match started.checkpoint {
            Some(kept) if intact(cx, &kept).await? => {
                cx.log(format_args!("goes on after {} rows", kept.rows));
                kept
            }
            _ => Checkpoint::default(),
        };
        let deflated = matches!(started.export.format, ExportFormat::Xlsx | ExportFormat::Zip);
        let pack = Pack::new(deflated);
        Ok(Self { cx, export: Arc::new(started.export), steps, kept, pack, fresh: 0, total: 0 })
    }

    /// Reads what is left. Gives what is stored.
    pub async fn run(mut self) -> Result<Checkpoint, Stop> {
        let mut snapshot = Snapshot::take(&self.cx.platform).await?;
        let export = self.export.clone();
        for step in &self.steps {
            self.total += snapshot.count(&step.read, &export.filters).await?;
        }
        self.keep().await?;
        while self.kept.step < self.steps.len() {
            self.table(&mut snapshot).await?;
        }
        snapshot.end().await?;
        Ok(self.kept)
    }

    /// One table, from its cursor to its end.
    async fn table(&mut self, snapshot: &mut Snapshot) -> Result<(), Stop> {
        let at = self.kept.step;
        let mut sheet = self.steps[at].sheet(self.kept.cursor.is_none());
        if self.kept.cursor.is_none() {
            if !self.steps[at].shares(at.checked_sub(1).map(|before| &self.steps[before])) {
                self.enter(1);
            }
            self.pack.raw.extend_from_slice(self.steps[at].open.as_bytes());
            self.head(&mut sheet);
        } else if self.entry().parts.is_empty() {
            self.head(&mut sheet); // the sheet before was full, and then came the crash
        }
        let mut cursor = self.kept.cursor.clone().unwrap_or_else(|| self.steps[at].read.start());
        loop {
            let (last, rows) = self.page(snapshot, &mut sheet, cursor.clone()).await?;
            cursor = last;
            if rows < PAGE {
                break;
            }
        }
        self.finish(&sheet).await
    }

    /// The rows after a key. Gives the last key, and how many there were.
    async fn page(
        &mut self,
        snapshot: &mut Snapshot,
        sheet: &mut Sheet,
        mut cursor: String,
    ) -> Result<(String, i64), Stop> {
        let (at, export) = (self.kept.step, self.export.clone());
        let mut rows = snapshot.page(&self.steps[at].read, &export.filters, cursor.clone(), PAGE);
        let mut read = 0;
        while let Some(row) = rows.try_next().await? {
            let step = &self.steps[at];
            let out = &mut self.pack.raw;
            sheet.begin(out);
            step.read.read(&row, |cell| sheet.cell(out, cell))?;
            sheet.end(out);
            (read, self.fresh) = (read + 1, self.fresh + 1);
            let full = step.is_full(self.kept.entries.last().map_or(0, |entry| entry.rows) + self.fresh);
            if self.pack.settle() >= BYTES || self.fresh >= ROWS || full {
                cursor = step.read.key(&row)?;
                self.cut(sheet, &cursor, full).await?;
            } else if read == PAGE {
                cursor = step.read.key(&row)?;
            }
        }
        Ok((cursor, read))
    }

    /// The part ends here, and with it perhaps the sheet.
    async fn cut(&mut self, sheet: &mut Sheet, cursor: &str, full: bool) -> Result<(), Stop> {
        if full {
            sheet.foot(&mut self.pack.raw);
        }
        self.kept.cursor = Some(cursor.to_owned());
        self.store(full).await?;
        if full {
            let title = &self.steps[self.kept.step].title;
            let nth = 1 + self.kept.entries.iter().filter(|entry| entry.title.starts_with(&**title)).count();
            self.enter(nth);
            self.head(sheet);
        }
        self.keep().await
    }

    fn head(&mut self, sheet: &mut Sheet) {
        sheet.head(&mut self.pack.raw, &self.steps[self.kept.step].read, self.export.locale != "en");
    }

    /// The table has been read.
    async fn finish(&mut self, sheet: &Sheet) -> Result<(), Stop> {
        sheet.foot(&mut self.pack.raw);
        let (at, next) = (self.kept.step, self.kept.step + 1);
        self.pack.raw.extend_from_slice(self.steps[at].close.as_bytes());
        let entry_ends = self.steps.get(next).is_none_or(|step| !step.shares(Some(&self.steps[at])));
        (self.kept.step, self.kept.cursor) = (next, None);
        self.store(entry_ends).await?;
        self.keep().await
    }

    /// A new entry begins: the nth of its table.
    fn enter(&mut self, nth: usize) {
        let (name, title) = self.steps[self.kept.step].named(self.kept.entries.len(), nth);
        self.kept.entries.push(Entry { name, title, ..Entry::default() });
    }

    fn entry(&mut self) -> &mut Entry {
        self.kept.entries.last_mut().expect("a table is read into an entry")
    }

    /// Stores what is written as a part of the entry.
    async fn store(&mut self, last: bool) -> Result<(), Stop> {
        let (id, run) = (self.export.id, self.cx.job.fence);
        let number = self.kept.parts().count();
        let (part, bytes) = self.pack.part(format!("{}/{number}-{run}", folder(id)), last);
        self.cx.platform.files.put_part(&part.name, bytes).await.map_err(shared::kernel::Error::from)?;
        let fresh = std::mem::take(&mut self.fresh);
        let entry = self.entry();
        entry.rows += fresh;
        entry.parts.push(part);
        self.kept.rows += fresh;
        Ok(())
    }

    /// Writes the checkpoint and tells who looks.
    async fn keep(&self) -> Result<(), Stop> {
        let (cx, export) = (self.cx, &self.export);
        let mut db = cx.platform.db.acquire().await?;
        let mine = exports::keep(&mut db, export.id, cx.job.fence, &self.kept, self.total).await?;
        cx.progress(self.kept.rows as u64, self.total.max(0) as u64);
        cx.platform.realtime.tell(&[Topic::User(export.requested_by)]);
        if !mine {
            return Err(Stop::Unwanted);
        }
        if cx.cancel.is_cancelled() {
            return Err(Stop::Failed(Failure::Retry(Blame::new("stopped", "the run was told to stop"))));
        }
        Ok(())
    }
}

/// Whether all parts are there, as long as they were.
async fn intact(cx: &Cx, kept: &Checkpoint) -> Result<bool, Stop> {
    for part in kept.parts() {
        let size = cx.platform.files.part_size(&part.name).await.map_err(shared::kernel::Error::from)?;
        if size != Some(part.stored) {
            cx.log(format_args!("{} is not what it was: begins anew", part.name));
            return Ok(false);
        }
    }
    Ok(true)
}
