//! What outlives the process. Our database remembers customers, payments and events by Stripe's names; a fake that forgot
//! them at every start would answer 404 to all of them. So it writes what it knows into one file, and begins with it.
//!
//! The clock is right again after a start, and faults and plans of delivery are forgotten: they belong to an experiment.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::idempotency::Keys;
use super::state::{Due, State};

/// The newest of so many events are kept: each holds a copy of its object, and Stripe too forgets them after 30 days.
const EVENTS: usize = 500;

/// The file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The address that urls inside begin with.
    base: String,
    /// The oldest first.
    objects: Vec<Value>,
    lines: HashMap<String, Vec<Value>>,
    intents: HashMap<String, Value>,
    due: Vec<(i64, Due)>,
    keys: Keys,
}

/// What there is to keep, when something has changed since the last time.
pub fn news(state: &mut State) -> Option<Vec<u8>> {
    if !std::mem::take(&mut state.changed) {
        return None;
    }
    let mut events = 0;
    let recent = |object: &&Value| {
        events += usize::from(object["object"] == "event");
        object["object"] != "event" || events <= EVENTS
    };
    let mut objects: Vec<Value> = state.all("").filter(recent).cloned().collect();
    objects.reverse();
    let kept = Kept {
        base: state.settings.base.clone(),
        objects,
        lines: state.lines.clone(),
        intents: state.intents.clone(),
        due: state.due.clone(),
        keys: state.keys.clone(),
    };
    serde_json::to_vec(&kept).ok()
}

/// Writes the file as a whole or not at all.
pub fn write(path: &Path, kept: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, kept)?;
    std::fs::rename(new, path)
}

/// Begins with the file, if there is one. Events that the webhook has not taken yet are sent again.
pub fn read(path: &Path, state: &mut State) -> io::Result<()> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut kept: Kept = serde_json::from_str(&text)?;
    if kept.base != state.settings.base {
        // Another port than last time: pages and receipts are there now.
        kept = serde_json::from_str(&text.replace(&kept.base, &state.settings.base))?;
    }
    let Kept { objects, lines, intents, due, mut keys, .. } = kept;
    keys.only_answered();
    (state.lines, state.intents, state.due, state.keys) = (lines, intents, due, keys);
    for object in &objects {
        state.put(object);
    }
    for event in objects.iter().filter(|object| object["object"] == "event" && object["pending_webhooks"] == 1) {
        state.deliveries.plan(event);
    }
    state.changed = false;
    Ok(())
}
