//! What a run says about itself: log lines, progress, a result. Kept in memory, written to its row each second and
//! with its settlement, so that people read along and a quick job costs nothing more.

use std::sync::Mutex;

use serde_json::Value;
use shared::kernel::ids::JobId;
use shared::kernel::text;
use shared::platform::jobs::ledger::Note;

/// The most a run's log keeps, in bytes.
const LOG: usize = 16 * 1024;

/// One run's notes.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    log: String,
    progress: Option<Value>,
    result: Option<Value>,
    /// Something is not in the row yet.
    fresh: bool,
    full: bool,
}

impl Said {
    fn note(&self, id: JobId, fence: i32) -> Note {
        let Self { log, progress, result, .. } = self;
        Note { id, fence, log: log.clone(), progress: progress.clone(), result: result.clone() }
    }
}

impl Notes {
    fn change(&self, change: impl FnOnce(&mut Said)) {
        let mut said = self.0.lock().expect("no code panics while holding this lock");
        change(&mut said);
        said.fresh = true;
    }

    /// Adds a line. What goes beyond 16 KiB is dropped, and the log says so.
    pub fn log(&self, line: &str) {
        self.change(|said| match (said.full, said.log.len() + line.len() < LOG) {
            (true, _) => {}
            (false, true) => {
                said.log.push_str(&text::clean(line));
                said.log.push('\n');
            }
            (false, false) => {
                said.log.push_str("… (the log is full)\n");
                said.full = true;
            }
        });
    }

    /// How far the job has come.
    pub fn progress(&self, progress: Value) {
        self.change(|said| said.progress = Some(progress));
    }

    /// What the job gives back.
    pub fn result(&self, result: Value) {
        self.change(|said| said.result = Some(result));
    }

    /// The log so far.
    pub fn text(&self) -> String {
        self.0.lock().expect("no code panics while holding this lock").log.clone()
    }

    /// What is not in the row yet; taken for written.
    pub fn fresh(&self, id: JobId, fence: i32) -> Option<Note> {
        let mut said = self.0.lock().expect("no code panics while holding this lock");
        std::mem::take(&mut said.fresh).then(|| said.note(id, fence))
    }

    /// All that was said, for the settlement. What was taken for written may still be on its way, and no row takes a
    /// note after its end.
    pub fn last(&self, id: JobId, fence: i32) -> Option<Note> {
        let said = self.0.lock().expect("no code panics while holding this lock");
        let spoke = !said.log.is_empty() || said.progress.is_some() || said.result.is_some();
        spoke.then(|| said.note(id, fence))
    }

    /// It could not be written: once more, then.
    pub fn again(&self) {
        self.change(|_| {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_is_whole_although_a_fresh_one_was_taken() {
        let (notes, id) = (Notes::default(), JobId::new());
        assert!(notes.last(id, 1).is_none(), "a run that says nothing costs no statement");
        notes.log("one");
        assert_eq!(notes.fresh(id, 1).expect("something new").log, "one\n");
        assert!(notes.fresh(id, 1).is_none());
        notes.result(Value::from(7));
        let last = notes.last(id, 1).expect("all of it");
        assert_eq!((last.log.as_str(), last.result), ("one\n", Some(Value::from(7))));
        assert!(notes.fresh(id, 1).is_some(), "asking for the last note takes nothing");
        assert!(notes.last(id, 1).is_some());
    }
}
